"""A district's first import at several sizes, then one night's: how long, and how it grows.

    .venv/bin/python benchmarks/district.py [--students 2800 8400 28000 100000]
        [--format csv] [--keep FOLDER]

Each size is a simulated district of one school year (some 356 marks a student), cut on a Friday
night in May. Measured, in a process of its own: a bare parse of each file (Python's csv reader);
the import of all that was known by then into a new database, kind by kind; the export of the Monday
after, by the function of `edupulse sync`; the same once more. In our CSV files that export has what
became known alone (a day's attendance and incidents, what teachers entered over three days, and
corrections of earlier marks); in OneRoster the results of two days' line items, and all other
tables whole, as a service is read. CPU seconds are those of this process and of the embedded
server. Memory is the peak of this process, and of the largest one of the server, its shared buffers
included. The files are kept where `--keep` says.
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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
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
from edupulse.simulator import DistrictPlan, simulate
from edupulse.sources.delivery import Batch, Progress
from edupulse.store import embedded
from edupulse.store.store import Store, open_store

THURSDAY, SATURDAY, MONDAY = "2024-05-16", "2024-05-18", "2024-05-20"
NIGHT = datetime(2024, 5, 21, 7, tzinfo=UTC)
CORRECTED = 0.05
"""Of the marks of one day four weeks earlier, so many are corrected that Monday."""


def main() -> None:
    """Measure each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--students", type=int, nargs="+", default=[2800, 8400, 28000, 100000])
    options.add_argument("--format", choices=("csv", "oneroster"), default="csv")
    options.add_argument("--keep", type=Path, help="a folder for the files")
    chosen = options.parse_args()
    for students in chosen.students:
        with tempfile.TemporaryDirectory() as scratch:
            speaks = Speaks(chosen.format)
            folder = (chosen.keep or Path(scratch)) / f"{speaks}-{students}"
            if not folder.is_dir():
                alone(write_district, folder, speaks, students)
            os.environ["EDUPULSE_HOME"] = str(Path(scratch) / "home")
            told(f"\n{students:,} students, {speaks}")
            alone(measure, folder, speaks)
            embedded.remove(Path(scratch) / "home")


def alone(work: Callable[..., object], *arguments: object) -> None:
    """In a process of its own, so that its memory counts for nothing else."""
    with ProcessPoolExecutor(1) as another:
        another.submit(work, *arguments).result()


def write_district(folder: Path, speaks: Speaks, students: int) -> None:
    """`before` and `day`: what was known by Friday night, and what became known since."""
    whole = folder.with_name(f"{folder.name}-whole")
    shutil.rmtree(whole, ignore_errors=True)
    plan = DistrictPlan(students=students, years=1, truth_pairs=0, missingness=0)
    simulate(plan, whole, form=speaks.value)
    for part in ("before", "day"):
        (folder / part).mkdir(parents=True)
    if speaks is Speaks.ONEROSTER:
        cut_results(whole, folder)
    else:
        (whole / "coverage.csv").unlink()  # it reaches to the year's end
        for file in sorted(whole.glob("*.csv")):
            split(file, folder)
        correct(folder)
    shutil.rmtree(whole)


def cut_results(whole: Path, folder: Path) -> None:
    """Results by the day on which their line item was due; all else is in both parts."""
    items = pl.scan_csv(whole / "lineItems.csv", infer_schema=False)
    due = items.select("dueDate", lineItemSourcedId="sourcedId")
    results = pl.scan_csv(whole / "results.csv", infer_schema=False)
    dated, columns = results.join(due, on="lineItemSourcedId"), results.collect_schema().names()
    days = pl.col("dueDate")
    earlier = dated.filter(days < THURSDAY).select(columns)
    earlier.sink_csv(folder / "before" / "results.csv")
    changed = dated.filter(days.is_between(pl.lit(THURSDAY), pl.lit(SATURDAY)))
    stamped = changed.with_columns(dateLastModified=pl.lit(f"{MONDAY}T20:00:00Z")).select(columns)
    stamped.sink_csv(folder / "day" / "results.csv")
    for file in whole.glob("*.*"):
        for part in ("before", "day"):
            if not (folder / part / file.name).exists():
                shutil.copy(file, folder / part)


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
    """Some marks of four weeks earlier get other points on Monday."""
    earlier = (datetime.fromisoformat(MONDAY) - timedelta(days=28)).date().isoformat()
    rows = pl.scan_csv(folder / "before" / "marks.csv", infer_schema=False)
    held = rows.filter(pl.col("known_at").str.head(10) == earlier).collect()
    other = held.sample(fraction=CORRECTED, seed=1).with_columns(
        points=pl.lit("1.0"), known_at=pl.lit(MONDAY)
    )
    path = folder / "day" / "marks.csv"
    pl.concat([pl.read_csv(path, infer_schema=False), other]).write_csv(path)


def measure(folder: Path, speaks: Speaks) -> None:
    """The first import and the night."""
    mapping = folder / "before" / "mapping.toml"
    with open_store() as store:
        with stopwatch("first import") as watch:
            origin = Origin(speaks, str(folder / "before"), mapping if mapping.exists() else None)
            report, took = first_import(store, origin)
            watch.rows = sum(file.read for file in report.files)
        for file in report.files:
            ours, rows = took[file.kind], file.read
            told(f"  {file.kind:16} {rows:11,} rows {ours:7.1f} s {rows / ours:9,.0f} rows/s")
        for path in sorted((folder / "before").glob("*.csv")):
            told(f"  bare parse of {path.name:22} {bare_parse(path):7.1f} s")
        source = Configured.model_validate(
            {"from": speaks, "place": str(folder / "day"), "mapping": origin.mapping}
        )
        for name in ("one night", "the same night again"):
            with stopwatch(name) as watch:
                files = sync(store, "day", source, now=NIGHT).report.files
                watch.rows = sum(file.read for file in files)
            for file in files:
                told(
                    f"  {file.kind:16} {file.read:11,} read {file.new:9,} new"
                    f" {file.revised:7,} further versions"
                )


def first_import(store: Store, origin: Origin) -> tuple[ImportReport, dict[str, float]]:
    """The import of everything, as `sync` does it, and the seconds of each kind."""
    with opened(origin, None, lambda _what, _part: None) as delivery:
        watched = Watched(delivery)
        report = intake(store, watched, now=NIGHT - timedelta(days=3))  # type: ignore[arg-type]
        return report, watched.took()


@dataclass
class Watched:
    """A delivery that notes when each kind is begun: a kind lasts until the next begins."""

    delivery: Any
    begun: dict[str, float] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """All else is the delivery's."""
        return getattr(self.delivery, name)

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """As the delivery's, noting the time."""
        self.begun[kind.name] = time.perf_counter()
        yield from self.delivery.batches(kind, progress)

    def took(self) -> dict[str, float]:
        """Seconds of each kind."""
        begins = list(self.begun.values())
        ends = [*begins[1:], time.perf_counter()]
        return {
            kind: end - begin for kind, begin, end in zip(self.begun, begins, ends, strict=True)
        }


def bare_parse(file: Path) -> float:
    """Seconds of Python's csv reader over a file."""
    begun = time.perf_counter()
    with file.open(newline="", encoding="utf-8") as text:
        deque(csv.reader(text), maxlen=0)
    return time.perf_counter() - begun


@dataclass
class Watch:
    """How many rows there were, told while it runs."""

    rows: int = 0


@contextmanager
def stopwatch(name: str) -> Iterator[Watch]:
    """Prints what passed in the context."""
    watch, begun = Watch(), time.perf_counter()
    ours, theirs = time.process_time(), server_seconds()
    yield watch
    took = time.perf_counter() - begun
    ours, theirs = time.process_time() - ours, server_seconds() - theirs
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told(
        f"{name}: {watch.rows:,} rows, {took:.1f} s, CPU {ours:.1f} + {theirs:.1f} s,"
        f" {watch.rows / (ours + theirs):,.0f} rows a CPU second,"
        f" peak {peak:,.0f} + {server_memory():,.0f} MiB, load {os.getloadavg()[0]:.1f}"
    )


def server_processes() -> list[Path]:
    """The embedded server's own process, and those under it."""
    own = embedded.status(Path(os.environ["EDUPULSE_HOME"])).process
    found = [Path(f"/proc/{own}")]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"PPid:\t{own}\n" in status.read_text():
                found.append(status.parent)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def server_seconds() -> float:
    """CPU seconds of the server so far, with those of its processes that ended."""
    own, *below = server_processes()
    ticks = sum(ticks_of(own)) + sum(sum(ticks_of(process)[:2]) for process in below)
    return ticks / os.sysconf("SC_CLK_TCK")


def ticks_of(process: Path) -> list[int]:
    """Ticks in user and system mode, its own and those of its ended children (proc(5))."""
    words = (process / "stat").read_text().rpartition(") ")[2].split()
    return [int(word) for word in words[11:15]]


def server_memory() -> float:
    """MiB of the largest process of the server, at its peak."""
    return max(
        int(line.split()[1]) / 1024
        for process in server_processes()
        for line in (process / "status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )


def told(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
