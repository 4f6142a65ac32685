"""What it costs to decide what a viewer sees: by access alone, by both locks, and kept.

Run: python benchmarks/access_latency.py (a simulated district of 1,500 students, two years)
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from edupulse.casework.access import Viewer, sight
from edupulse.casework.sights import Sights
from edupulse.pipeline.intake import intake
from edupulse.school.records import SIMULATED_MARKER
from edupulse.simulator import DistrictPlan
from edupulse.simulator.district import district
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import embedded
from edupulse.store.histories import known
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store

AT = datetime(2025, 2, 20, 18, tzinfo=UTC)
NOW = datetime(2026, 8, 1, tzinfo=UTC)
STAFF = {"teacher": "T00002", "counselor": "C00101", "school admin": "H001", "analyst": "D002"}
TIMES = 30
HEADS = ("access, ms", "both locks, ms", "kept, ms", "one read, ms", "a record, ms")
ONE_STUDENT = b"SELECT count(*) FROM records.attendance WHERE student = 7"


def filled(store: Store, folder: Path) -> None:
    plan = DistrictPlan(students=1500, schools=3, years=2, seed=11, truth_pairs=0)
    for name, frame in district(plan).frames.items():
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    (folder / SIMULATED_MARKER).touch()
    intake(store, csv_folder(folder), now=NOW, historical=True, home=folder)


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def measured(store: Store, what: str, viewer: Viewer) -> None:
    def decided() -> object:
        return sight(store, viewer, AT)

    def locked() -> None:
        with store.writing_as(viewer.asking(AT)) as connection:
            connection.execute(ONE_STUDENT)

    def both() -> object:
        return Sights(store, differed.append).of(viewer, AT, store.rights_version())

    def kept() -> object:
        return sights.of(viewer, AT, store.rights_version())

    differed: list[Viewer] = []
    sights = Sights(store, differed.append)
    seen = sight(store, viewer, AT)
    student = next(iter(seen.some), 7)

    def record() -> None:
        with store.snapshot_as(viewer.asking(AT)) as reading:
            known(reading, [student], AT)

    how_many = "all" if seen.everyone else str(len(seen.some))
    took = "".join(f"{median(work):15.1f}" for work in (decided, both, kept, locked, record))
    print(f"{what:14} {how_many:>6} {took}")
    assert not differed


def main() -> None:
    url = embedded.ensure_running(edupulse_home())
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS access_benchmark")
        server.execute("CREATE DATABASE access_benchmark")
    own = url.replace("/edupulse?", "/access_benchmark?")
    with open_store(own) as store, tempfile.TemporaryDirectory() as folder:
        filled(store, Path(folder))
        with store.writing() as connection:
            connection.execute("ANALYZE")
            keys = dict(connection.execute("SELECT local_id, staff FROM identity.staff").fetchall())
        heads = "".join(f"{head:>15}" for head in HEADS)
        print(f"{'viewer':14} {'sees':>6} {heads}")
        for what, staff in STAFF.items():
            measured(store, what, Viewer(staff, staff=keys[staff]))
        measured(store, "guardian", Viewer("G0000001A", guardian="G0000001A"))
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE access_benchmark")


if __name__ == "__main__":
    main()
