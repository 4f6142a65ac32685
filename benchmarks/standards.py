"""Rows a second from Ed-Fi XML or OneRoster, kind by kind, beside a bare parse; and memory.

    .venv/bin/python benchmarks/standards.py [--format edfi] [--students 300] [--years 3]

A simulated district is written in that format. Measured in one process: a bare parse of every file
(expat with handlers that do nothing; Python's csv reader); our reading of the files (checked,
flattened, laid down); each kind's batches; the whole import into a new database; the same again,
in which nothing is new (what a nightly whole reading costs). Memory is the process's peak after
each step, so that the slope over two sizes shows whether it is flat. Uses the database of the
settings, in a database of its own that it drops.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

import psycopg

from edupulse.pipeline.intake import intake
from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.school.records import KINDS
from edupulse.simulator import DistrictPlan, simulate
from edupulse.store.connection import database_url
from edupulse.store.store import open_store

NOW = datetime(2026, 8, 1, tzinfo=UTC)
PIECE = 1 << 18


def main() -> None:
    """Measure one size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--format", choices=("edfi", "oneroster"), default="edfi")
    options.add_argument("--students", type=int, default=300)
    options.add_argument("--years", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / chosen.format
        plan = DistrictPlan(students=chosen.students, years=chosen.years, truth_pairs=0)
        with ProcessPoolExecutor(1) as another:  # so that its memory does not count here
            another.submit(simulate, plan, folder, form=chosen.format).result()
        size = sum(file.stat().st_size for file in folder.glob("*.*"))
        told(f"{chosen.students:,} students, {chosen.years} years, {size / 2**20:,.0f} MiB")
        measure(folder, Speaks(chosen.format), Path(scratch))


def measure(folder: Path, speaks: Speaks, scratch: Path) -> None:
    """The steps in turn, each told with its time and the peak of memory so far."""
    bare = seconds(lambda: bare_parse(folder))
    step("bare parse", bare, None, bare)
    origin = Origin(speaks, str(folder), folder / "mapping.toml")
    begun = time.perf_counter()
    with opened(origin, None, lambda _what, _part: None) as delivery:
        step("our reading, laid down", time.perf_counter() - begun, None, bare)
        for kind in KINDS:
            if delivery.has(kind):
                took, rows = batches(delivery, kind)
                step(f"  {kind.name}", took, rows, bare)
    with new_database() as url, open_store(url) as store:
        for name in ("import into a new database", "the same again"):
            begun = time.perf_counter()
            with opened(origin, None, lambda _what, _part: None) as delivery:
                report = intake(store, delivery, now=NOW, home=scratch, historical=True)
            rows = sum(file.read for file in report.files)
            step(name, time.perf_counter() - begun, rows, bare)


def batches(delivery: object, kind: object) -> tuple[float, int]:
    """Seconds and rows of one kind's batches."""
    begun = time.perf_counter()
    rows = sum(batch.frame.height for batch in delivery.batches(kind))  # type: ignore[attr-defined]
    return time.perf_counter() - begun, rows


def bare_parse(folder: Path) -> None:
    """Every file through expat, to handlers that do nothing."""
    for file in sorted(folder.glob("*.xml")):
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = lambda _name, _attributes: None
        parser.EndElementHandler = lambda _name: None
        parser.CharacterDataHandler = lambda _text: None
        with file.open("rb") as source:
            while piece := source.read(PIECE):
                parser.Parse(piece, False)
        parser.Parse(b"", True)
    for file in sorted(folder.glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as text:
            deque(csv.reader(text), maxlen=0)


@contextmanager
def new_database() -> Iterator[str]:
    """The address of an empty database on the server of the settings."""
    server = database_url()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute('DROP DATABASE IF EXISTS "benchmark_standards" WITH (FORCE)')
        connection.execute('CREATE DATABASE "benchmark_standards"')
        before, _, _ = server.rpartition("/edupulse")
        yield f"{before}/benchmark_standards"
        connection.execute('DROP DATABASE "benchmark_standards" WITH (FORCE)')


def seconds(work: Callable[[], object]) -> float:
    """How long it took."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def step(name: str, took: float, rows: int | None, bare: float) -> None:
    """One line: seconds, rows a second, ratio to the bare parse, peak of memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    speed = "" if rows is None else f"{rows:12,} rows {rows / took:12,.0f} rows/s"
    told(f"{name:30} {took:8.2f} s {took / bare:7.2f} x bare {peak:7,.0f} MiB {speed}")


def told(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
