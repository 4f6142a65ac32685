"""Features a second beside a bare read of the same rows: from Parquet frames, and from PostgreSQL.

`python benchmarks/features.py --students 4000`: simulates a district, imports it into a database
of its own, and prints CPU seconds on one thread (median of the repeats, interleaved) and ratios.
With PostgreSQL it is wall time, since the server's part is not ours to count. Students are read
and worked on in blocks, as the pipeline does, so memory does not grow with their number.
"""

from __future__ import annotations

import os

for _variable in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator, Mapping  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import psutil  # noqa: E402

from edupulse.features.weekly import weekly_features  # noqa: E402
from edupulse.pipeline.intake import intake  # noqa: E402
from edupulse.school.knowledge import READ_KINDS, History  # noqa: E402
from edupulse.school.records import STUDENT_KINDS  # noqa: E402
from edupulse.simulator import DistrictPlan, simulate  # noqa: E402
from edupulse.sources.csv_folder import csv_folder  # noqa: E402
from edupulse.store import embedded  # noqa: E402
from edupulse.store.reading import EVERYTHING, When, among  # noqa: E402
from edupulse.store.store import Store, open_store  # noqa: E402

AS_OF = datetime(2026, 3, 12, 6, tzinfo=UTC)
BLOCK = 2_000
_OF_STUDENTS = {kind.name for kind in STUDENT_KINDS}


def main() -> None:
    """Make the district, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=4_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--passes", type=int, default=1, help="go through the district so often, and watch memory"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edupulse-bench-") as name:
        home = Path(name)
        home.chmod(0o711)
        url = embedded.ensure_running(home)
        try:
            with open_store(url) as store:
                _prepare(store, home, options.students)
                _measure(store, home, options.repeats)
                _watch_memory(home, options.passes)
        finally:
            embedded.remove(home)


def _prepare(store: Store, home: Path, students: int) -> None:
    plan = DistrictPlan(students=students, truth_pairs=0)
    simulate(plan, home / "district")
    intake(store, csv_folder(home / "district"), now=datetime(2026, 7, 1, tzinfo=UTC))
    everyone = store.students_at(AS_OF)
    for number, keys in enumerate(_blocks(everyone)):
        folder = home / f"block{number:03}"
        folder.mkdir()
        np.save(folder / "students.npy", keys)
        for kind, frame in store.history(keys, until=AS_OF).frames.items():
            frame.write_parquet(folder / f"{kind}.parquet")


def _measure(store: Store, home: Path, repeats: int) -> None:
    folders = sorted(home.glob("block*"))
    keys = [np.load(folder / "students.npy") for folder in folders]
    known_rows = sum(
        len(pl.read_parquet(f / f"{k}.parquet")) for f in folders for k in _OF_STUDENTS
    )
    students = sum(map(len, keys))
    print(f"{students} students, {known_rows} rows of theirs, as of {AS_OF:%Y-%m-%d}\n")

    def from_frames() -> Iterator[float]:
        for folder, block in zip(folders, keys, strict=True):
            frames = _read(folder)
            begun = time.process_time()
            weekly_features(History(block, frames).at(AS_OF))
            yield time.process_time() - begun

    seconds = _medians(
        repeats,
        {
            "read Parquet": lambda: _cpu(lambda: [_read(folder) for folder in folders]),
            "features from the frames": lambda: sum(from_frames()),
            "read by ADBC (wall)": lambda: _wall(lambda: [_bare(store, b) for b in keys]),
            "features through known() (wall)": lambda: _wall(
                lambda: [weekly_features(store.known(b, AS_OF)) for b in keys]
            ),
        },
    )
    _report(seconds, students)


def _watch_memory(home: Path, passes: int) -> None:
    """Memory after each tenth of `passes` districts of these students, block after block."""
    folders = sorted(home.glob("block*")) * passes
    students = [np.load(folder / "students.npy").size for folder in folders]
    marks = {len(folders) * tenth // 10 - 1 for tenth in range(1, 11)}
    print("\nstudents so far, memory in use")
    for number, folder in enumerate(folders):
        keys = np.load(folder / "students.npy")
        weekly_features(History(keys, _read(folder)).at(AS_OF))
        if number in marks:
            memory = psutil.Process().memory_info().rss / 2**20
            print(f"{sum(students[: number + 1]):9,} {memory:8.0f} MB")


def _report(seconds: Mapping[str, float], students: int) -> None:
    for name, taken in seconds.items():
        print(f"{name:34} {taken:8.3f} s {1e6 * taken / students:8.1f} µs a student")
    weeks = 20 * students
    frames, parquet = seconds["features from the frames"], seconds["read Parquet"]
    known, bare = seconds["features through known() (wall)"], seconds["read by ADBC (wall)"]
    print(f"\nstudent-weeks a CPU second from the frames: {weeks / frames:,.0f}")
    print(f"features from the frames ÷ read Parquet: {frames / parquet:.2f}")
    print(f"features through known() ÷ read by ADBC: {known / bare:.2f}")
    print(f"peak memory {psutil.Process().memory_info().rss / 2**20:.0f} MB")


def _read(folder: Path) -> dict[str, pl.DataFrame]:
    return {kind.name: pl.read_parquet(folder / f"{kind.name}.parquet") for kind in READ_KINDS}


def _bare(store: Store, keys: np.ndarray) -> None:
    """The rows that known() reads, without History.at()."""
    with store.snapshot() as reading:
        for kind in READ_KINDS:
            which = among("student", keys) if kind.name in _OF_STUDENTS else EVERYTHING
            reading.versions(kind, which, When(at=AS_OF))


def _blocks(keys: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, keys.size, BLOCK):
        yield keys[first : first + BLOCK]


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _wall(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _medians(repeats: int, runs: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            taken[name].append(run())
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
