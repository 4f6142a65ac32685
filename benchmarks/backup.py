"""How long a backup and its restore take, how large the file is, and how much memory they need.

    .venv/bin/python benchmarks/backup.py [ROWS ...]

Each size in processes of their own, so that the peak of memory is that of the work: marks are made
in the database, then backed up, checked, and restored into an empty database. The bare COPY of the
same rows to nowhere stands beside the backup. Uses the database of the settings (EDUPULSE_HOME,
DATABASE_URL), in databases of its own that it drops.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from edupulse.store.backup import back_up, check
from edupulse.store.connection import database_url, engine
from edupulse.store.restoring import Wanted, restore
from edupulse.store.store import open_store
from import_rows import database

NOW = datetime(2026, 7, 1, tzinfo=UTC)
MARKS = """
    INSERT INTO records.marks (student, section, assignment_id, due_on, category, points,
        points_possible, status, weight, category_weight, known_from, retracted, hash)
    SELECT n / 500, mod(n, 500), n::text, date '2025-09-01' + mod(n, 280), mod(n, 2),
        mod(n * 7919::bigint, 10000), 10000, 0, 1000, NULL, now(), false, hashint8extended(n, 1)
    FROM generate_series(1, %s) n
"""


def made(url: str, rows: int) -> None:
    with open_store(url) as store, store.writing() as connection:
        connection.execute(
            "INSERT INTO identity.district (name, namespace, timezone)"
            " VALUES ('benchmark', gen_random_uuid(), 'UTC')"
        )
        connection.execute(MARKS, [rows])


def bare_copy(url: str) -> None:
    with (
        psycopg.connect(url) as connection,
        connection.cursor().copy("COPY records.marks TO STDOUT") as source,
    ):
        for _ in source:
            pass


def work(what: str, url: str, file: Path) -> None:
    """One piece of work in this process; prints its seconds and its peak of memory."""
    begun, cpu = time.perf_counter(), time.process_time()
    if what == "copy":
        bare_copy(url)
    elif what == "backup":
        with open_store(url) as store:
            back_up(store, file, now=NOW, by="benchmark", told=lambda _: None)
    elif what == "verify":
        check(file, lambda _: None)
    else:
        restore(engine(url), Wanted(file), file.parent, by="benchmark", told=lambda _: None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took, used = time.perf_counter() - begun, time.process_time() - cpu
    sys.stdout.write(f"{what:8} {took:7.1f} s, {used:6.1f} s of CPU here, peak {peak:5.0f} MB\n")
    sys.stdout.flush()


def measure(rows: int) -> None:
    server = database_url()
    with (
        tempfile.TemporaryDirectory() as scratch,
        database(server, "benchmark_backup") as url,
        database(server, "benchmark_restore") as other,
    ):
        made(url, rows)
        file = Path(scratch) / "file"
        sys.stdout.write(f"{rows:,} marks, load {os.getloadavg()[0]:.0f}\n")
        sys.stdout.flush()
        for what in ("copy", "backup", "verify", "restore"):
            where = other if what == "restore" else url
            again = [sys.executable, __file__, what, where, str(file)]
            subprocess.run(again, check=True)
        sys.stdout.write(f"the file has {file.stat().st_size / 2**20:,.0f} MB\n")


if __name__ == "__main__":
    if len(sys.argv) == 4 and "postgresql" in sys.argv[2]:
        work(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        for size in sys.argv[1:] or ("200000", "2000000"):
            measure(int(size))
