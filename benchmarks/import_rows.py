"""Rows a second: an import beside a bare COPY of the same file; a read beside a bare ADBC read.

    .venv/bin/python benchmarks/import_rows.py [ROWS] [RUNS]

Both sides of each ratio run in turns in one process on one server; the figures are medians. The
bare COPY loads the file into a table of the same types without a key; an import also checks every
value, finds keys for ids, merges versions, and keeps an index. Uses the database of the settings
(EDUPULSE_HOME, DATABASE_URL), in databases of its own that it drops.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psycopg

from edupulse.pipeline.intake import intake
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.connection import adbc_connection, database_url
from edupulse.store.store import open_store

MARKS_OF_A_STUDENT = 720
SECTIONS = 200
NOW = datetime(2026, 7, 1, tzinfo=UTC)

COPIED = """
    CREATE TABLE copied (student_id text, section_id text, assignment_id text, due_on date,
        category text, points double precision, points_possible double precision, status text,
        known_at timestamptz)
"""
BARE = """
    SELECT student, section, assignment_id, due_on, category, points, points_possible, status,
        weight, category_weight, known_from, retracted FROM records.marks
    UNION ALL
    SELECT student, section, assignment_id, due_on, category, points, points_possible, status,
        weight, category_weight, known_from, retracted FROM records.marks_past
"""


def write_folder(folder: Path, rows: int) -> int:
    """A district with `rows` marks, 3 % of them corrected later; returns the number of students."""
    students = max(1, rows // MARKS_OF_A_STUDENT)
    random = np.random.default_rng(1)
    ids = pl.Series([f"S{n:07}" for n in range(students)])
    sections = [f"C{n:04}" for n in range(SECTIONS)]
    pl.DataFrame({"school_id": ["N"], "name": ["North"]}).write_csv(folder / "schools.csv")
    pl.DataFrame({"student_id": ids}).write_csv(folder / "students.csv")
    pl.DataFrame({"section_id": sections}).with_columns(school_id=pl.lit("N")).write_csv(
        folder / "sections.csv"
    )
    number = np.arange(rows)
    due = np.datetime64("2025-09-01") + (number // students) % 280
    marks = pl.DataFrame(
        {
            "student_id": ids[number % students],
            "section_id": pl.Series(sections)[number % SECTIONS],
            "assignment_id": pl.Series(number // students).cast(pl.String),
            "due_on": due,
            "category": pl.Series(["assessment", "practice"])[number % 2],
            "points": random.integers(0, 101, rows) / 10,
            "points_possible": np.full(rows, 10),
            "status": np.full(rows, "scored"),
            "known_at": due.astype("datetime64[us]") + np.timedelta64(90_000, "s"),
        }
    )
    corrected = marks.sample(fraction=0.03, seed=1).with_columns(
        points=pl.lit(5.5), known_at=pl.col("known_at") + timedelta(days=9)
    )
    pl.concat([marks, corrected]).write_csv(
        folder / "marks.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ"
    )
    return students


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
        before, _, after = server.rpartition("/edupulse")
        yield f"{before}/{name}{after}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bare_copy(url: str, file: Path) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS copied")
        connection.execute(COPIED)
        copy = "COPY copied FROM STDIN (FORMAT csv, HEADER)"
        with connection.cursor().copy(copy) as sink, file.open("rb") as source:
            while piece := source.read(1 << 20):
                sink.write(piece)


def bare_read(url: str) -> int:
    with adbc_connection(url) as connection, connection.cursor() as cursor:
        cursor.execute(BARE)
        return cursor.fetch_polars().height


def measure(folder: Path, rows: int, runs: int) -> None:
    students = write_folder(folder, rows)
    with (folder / "marks.csv").open("rb") as file:
        lines = sum(1 for _ in file) - 1
    server = database_url()
    timed: dict[str, list[float]] = {"copy": [], "import": [], "again": [], "adbc": [], "read": []}
    for _ in range(runs):
        with database(server, "benchmark_import") as url, open_store(url) as store:
            timed["copy"].append(seconds(lambda url=url: bare_copy(url, folder / "marks.csv")))
            for name in ("import", "again"):
                timed[name].append(
                    seconds(
                        lambda store=store: intake(
                            store, csv_folder(folder), now=NOW, home=folder / "home"
                        )
                    )
                )
            keys = store.student_names(range(1, students + 1))["student"].to_numpy()
            assert sum(store.history(keys).frames["marks"].height for _ in "1") == lines
            timed["adbc"].append(seconds(lambda url=url: bare_read(url)))
            timed["read"].append(seconds(lambda store=store, keys=keys: store.history(keys)))
    show(lines, {name: statistics.median(found) for name, found in timed.items()})


def show(rows: int, took: dict[str, float]) -> None:
    sys.stdout.write(f"{rows:,} marks on {date.today():%Y-%m-%d}\n")  # noqa: DTZ011
    for name, what, peer in (
        ("copy", "bare COPY of the same file", "copy"),
        ("import", "first import", "copy"),
        ("again", "the same import again", "copy"),
        ("adbc", "bare ADBC read of the same rows", "adbc"),
        ("read", "history of all students", "adbc"),
    ):
        speed, ratio = rows / took[name], took[name] / took[peer]
        sys.stdout.write(f"{what:32} {took[name]:7.2f} s {speed:12,.0f} rows/s {ratio:6.2f} x\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        measure(
            Path(scratch),
            int(sys.argv[1]) if len(sys.argv) > 1 else 500_000,
            int(sys.argv[2]) if len(sys.argv) > 2 else 3,
        )
