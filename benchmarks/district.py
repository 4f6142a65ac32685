"""A district's first import, size by size, and then one night: how long, and does a row grow dearer?

    .venv/bin/python benchmarks/district.py [--students 2800 8400 28000 100000] [--format csv]

Each size is a simulated district of one school year (some 356 marks a student), in that format, cut
at the evening before `DAY`. Measured, each size in a process of its own: a bare parse of each file
(Python's csv reader; expat), the import of all that was known by then into a new database, kind by
kind, and then that day's export alone, with its corrections of earlier marks, by `edupulse sync`'s
own function. CPU seconds are this process's and the embedded server's together. Memory is the peak
of this process, and of the largest process of the server (its shared buffers included).
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.pipeline.syncing import Configured, sync
from edupulse.school.kind import Kind
from edupulse.sources.delivery import Batch, Progress
from edupulse.simulator import DistrictPlan, simulate
from edupulse.store import embedded
from edupulse.store.store import Store, open_store

SATURDAY, MONDAY = "2024-05-18", "2024-05-20"
"""The night's export: one day of school, and what teachers entered since Friday evening."""
NIGHT = datetime(2024, 5, 21, 7, tzinfo=UTC)
CORRECTED = 0.05
"""Of the marks of one day of a month earlier, so many are corrected that Monday."""


def main() -> None:
    """Measure each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--students", type=int, nargs="+", default=[2800, 8400, 28000, 100000])
    options.add_argument("--keep", type=Path, help="a folder for the files, kept for next time")
    chosen = options.parse_args()
    for students in chosen.students:
        with tempfile.TemporaryDirectory() as scratch:
            folder = (chosen.keep or Path(scratch)) / f"{students}"
            if not folder.is_dir():
                alone(write_district, folder, students)
            told(f"{students:,} students, load {os.getloadavg()[0]:.1f}")
            os.environ["EDUPULSE_HOME"] = str(Path(scratch) / "home")
            alone(measure, folder)
            embedded.remove(Path(scratch) / "home")


def alone(work: Any, *arguments: Any) -> None:
    """In a process of its own, so that its memory counts for nothing else."""
    with ProcessPoolExecutor(1) as another:
        another.submit(work, *arguments).result()


def write_district(folder: Path, students: int) -> None:
    """`before` and `day`: what was known by Friday night, and what became known since."""
    whole = folder.with_name(f"{folder.name}-whole")
    shutil.rmtree(whole, ignore_errors=True)
    simulate(DistrictPlan(students=students, years=1, truth_pairs=0, missingness=0), whole)
    cut(whole, folder)
    shutil.rmtree(whole)


def cut(whole: Path, folder: Path) -> None:
    """A district's files in two, by when each row became known."""
    (whole / "coverage.csv").unlink()  # it reaches to the year's end
    for part in ("before", "day"):
        (folder / part).mkdir(parents=True)
        shutil.copy(whole / "SIMULATED.txt", folder / part)
    for file in sorted(whole.glob("*.csv")):
        split(file, folder)
        file.unlink()
    correct(folder)


def split(file: Path, folder: Path) -> None:
    """One file by `known_at`; what has none is known before."""
    rows = pl.scan_csv(file, infer_schema=False)
    if file.stat().st_size == 0 or "known_at" not in rows.collect_schema():
        shutil.copy(file, folder / "before")
        return
    known = pl.col("known_at").str.head(10)
    rows.filter(known < SATURDAY).sink_csv(folder / "before" / file.name)
    day = rows.filter(known.is_between(pl.lit(SATURDAY), pl.lit(MONDAY))).collect()
    if day.height:
        day.write_csv(folder / "day" / file.name)


def correct(folder: Path) -> None:
    """Some marks of a month earlier get other points that day."""
    month = (datetime.fromisoformat(MONDAY) - timedelta(days=28)).date().isoformat()
    rows = pl.scan_csv(folder / "before" / "marks.csv", infer_schema=False)
    earlier = rows.filter(pl.col("known_at").str.head(10) == month).collect()
    other = earlier.sample(fraction=CORRECTED, seed=1).with_columns(
        points=pl.lit("1.0"), known_at=pl.lit(MONDAY)
    )
    path = folder / "day" / "marks.csv"
    pl.concat([pl.read_csv(path, infer_schema=False), other]).write_csv(path)


@dataclass
class Watched:
    """A delivery that notes when each kind is begun: a kind lasts until the next begins."""

    delivery: Any
    begun: dict[str, float] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.delivery, name)

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """As the delivery's, noting the time."""
        self.begun[kind.name] = time.perf_counter()
        yield from self.delivery.batches(kind, progress)

    def took(self) -> dict[str, float]:
        """Seconds of each kind."""
        ends = [*list(self.begun.values())[1:], time.perf_counter()]
        return {
            name: end - begin for (name, begin), end in zip(self.begun.items(), ends, strict=True)
        }


def measure(folder: Path) -> None:
    """The first import and the night."""
    with open_store() as store:
        bare = {file.stem: bare_parse(file) for file in (folder / "before").glob("*.csv")}
        with stopwatch("first import") as watch:
            report, took = first(store, folder / "before")
            watch.rows = sum(file.read for file in report.files)
        for file in report.files:
            speed = file.read / took[file.kind]
            told(
                f"  {file.kind:18} {file.read:12,} rows {took[file.kind]:8.1f} s"
                f" {speed:10,.0f} rows/s, bare parse {bare[file.kind]:6.1f} s"
            )
        source = Configured.model_validate({"from": "csv", "place": str(folder / "day")})
        for name in ("one day", "the same day again"):
            with stopwatch(name) as watch:
                done = sync(store, "day", source, now=NIGHT)
                watch.rows = sum(file.read for file in done.report.files)
            for file in done.report.files:
                told(
                    f"  {file.kind:18} {file.read:9,} read {file.new:9,} new {file.revised:7,} revised"
                )


def first(store: Store, folder: Path) -> tuple[ImportReport, dict[str, float]]:
    """The import of everything, as `sync` does it, and the seconds of each kind."""
    origin = Origin(Speaks.CSV, str(folder))
    with opened(origin, None, lambda _what, _part: None) as delivery:
        watched = Watched(delivery)
        report = intake(store, watched, now=NIGHT - timedelta(days=1))  # type: ignore[arg-type]
        return report, watched.took()


def bare_parse(file: Path) -> float:
    """Seconds of Python's csv reader over a file."""
    begun = time.perf_counter()
    with file.open(newline="", encoding="utf-8") as text:
        deque(csv.reader(text), maxlen=0)
    return time.perf_counter() - begun


@dataclass
class Watch:
    """What the stopwatch is told meanwhile."""

    rows: int = 0


def stopwatch(name: str) -> Any:
    """A context that prints what passed."""
    from contextlib import contextmanager

    @contextmanager
    def watching() -> Iterator[Watch]:
        watch, begun = Watch(), time.perf_counter()
        ours, theirs = time.process_time(), server_seconds()
        yield watch
        took, ours, theirs = (
            time.perf_counter() - begun,
            time.process_time() - ours,
            server_seconds() - theirs,
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told(
            f"{name}: {watch.rows:,} rows, {took:.1f} s, CPU {ours:.1f} s and the server"
            f" {theirs:.1f} s, {watch.rows / took:,.0f} rows/s, peak {peak:,.0f} MiB and"
            f" {server_memory():,.0f} MiB, load {os.getloadavg()[0]:.1f}"
        )

    return watching()


def server_processes() -> list[Path]:
    """The embedded server's own process and those under it."""
    above = embedded.status(Path(os.environ["EDUPULSE_HOME"])).process
    found = [Path(f"/proc/{above}")]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"PPid:\t{above}\n" in status.read_text():
                found.append(status.parent)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def server_seconds() -> float:
    """CPU seconds of the server so far, of processes that ended too."""
    ticks = 0
    for process in server_processes():
        words = (process / "stat").read_text().rpartition(") ")[2].split()
        ticks += int(words[11]) + int(words[12])
        if process == server_processes()[0]:
            ticks += int(words[13]) + int(words[14])
    return ticks / os.sysconf("SC_CLK_TCK")


def server_memory() -> float:
    """MiB of the largest process of the server, at its peak."""
    peaks = [
        int(line.split()[1]) / 1024
        for process in server_processes()
        for line in (process / "status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return max(peaks)


def told(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
