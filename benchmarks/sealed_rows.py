"""What sealing names costs an import of students, and what opening them costs a reader.

    .venv/bin/python benchmarks/sealed_rows.py [STUDENTS] [RUNS]

CPU seconds of this process (the server works beside it) and wall seconds, medians of the runs. On
a commit before names were sealed (3bea724) the same script gives the figures to compare with. Uses
the database of the settings (EDUPULSE_HOME, DATABASE_URL), in databases of its own that it drops.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

import polars as pl

from edupulse.school.fields import INSTANT
from edupulse.school.records import STUDENTS
from edupulse.store.connection import database_url
from edupulse.store.merge import merge
from edupulse.store.store import Store, open_store
from import_rows import database

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def students(count: int) -> pl.DataFrame:
    """Students with names as different as people's are, and always known."""
    number = pl.int_range(1, count + 1, dtype=pl.Int32, eager=True)
    return pl.DataFrame(
        {
            "student": number,
            "first_name": pl.select(pl.format("First{}", number % 5_000)).to_series(),
            "last_name": pl.select(pl.format("Last{}", number % 30_000)).to_series(),
            "birth_date": pl.Series([date(2010, 1, 1)]).new_from_index(0, count),
        }
    ).with_columns(
        known_from=pl.lit(NOW, INSTANT), retracted=pl.lit(False), defaulted=pl.lit(False)
    )


def took(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of this process, and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def import_students(store: Store, frame: pl.DataFrame) -> None:
    with store.writing() as connection:
        merge(connection, STUDENTS, frame.iter_slices(50_000), now=NOW, historical=True)


def measure(count: int, runs: int) -> None:
    frame, timed = students(count), dict[str, list[tuple[float, float]]]()
    for _ in range(runs):
        with database(database_url(), "benchmark_sealed") as url, open_store(url) as store:
            with store.writing() as connection:
                connection.execute(
                    "INSERT INTO identity.student (local_id, student_id)"
                    " SELECT n::text, gen_random_uuid() FROM generate_series(1, %s) n", [count]
                )  # fmt: skip
            for what in ("a first import", "the same again"):
                timed.setdefault(what, []).append(took(lambda s=store: import_students(s, frame)))
            keys = frame["student"].to_list()
            timed.setdefault("names of all read", []).append(
                took(lambda s=store, k=keys: s.student_names(k))
            )
    load = os.getloadavg()[0]
    sys.stdout.write(f"{count:,} students, load {load:.0f}, medians of {runs}\n")
    for what, both in timed.items():
        cpu, wall = (statistics.median(side) for side in zip(*both, strict=True))
        sys.stdout.write(
            f"{what:20} {cpu:6.2f} s of CPU here {count / cpu:12,.0f} rows/s;"
            f" {wall:6.2f} s in all {count / wall:12,.0f} rows/s\n"
        )


if __name__ == "__main__":
    measure(
        int(sys.argv[1]) if len(sys.argv) > 1 else 200_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 5,
    )
