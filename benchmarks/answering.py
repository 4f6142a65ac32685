"""The hot path in process: CPU milliseconds and wall time a question, for hits, misses and lists.

    python benchmarks/answering.py [STUDENTS]

A simulated district with a champion of the default size, in a database of its own on the server of
the settings (EDUPULSE_HOME, DATABASE_URL), which is dropped at the end. *Hit*: the answer is in the
cache (memory) and holds; *miss*: asked as of an instant that nobody asked about. Each is asked one
by one and 32 at a time. CPU is this process's; the server's own stands beside it (psutil). Below
stand what is computed alone, of some students in one call (medians), the bare scorer on the same
windows, and the nightly path without writing. One run.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psutil
import psycopg

from edupulse.api.answering import Answering
from edupulse.api.asked import Ask
from edupulse.casework.access import PARTS, Sight, Viewer
from edupulse.casework.disclosures import Asking
from edupulse.panel.panel import panel_of
from edupulse.pipeline.predicting import Predictor
from edupulse.pipeline.speaking import Model, Serving, voice_of
from edupulse.store.answers import Answers, CacheSettings
from edupulse.store.connection import database_url
from edupulse.store.store import Store, open_store

ROOT = Path(__file__).resolve().parent.parent
AT = datetime(2025, 2, 20, 18, tzinfo=UTC)
QUESTIONS, AT_ONCE = 400, 32
SIGHT = Sight(everyone=PARTS["district_admin"])
NAME = "benchmark_answering"

MAKE = """
import sys
from pathlib import Path
from edupulse.simulator import DistrictPlan
from edupulse.simulator.district import district
from edupulse.store.store import open_store
from pipeline.small_champion import import_frames, let_serve, small_checkpoint
url, folder, students = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with open_store(url) as store:
    plan = DistrictPlan(students=students, schools=3, years=2, seed=11, truth_pairs=0)
    import_frames(store, folder / "records", district(plan).frames)
    let_serve(store, small_checkpoint(folder / "checkpoints", hidden=16))
"""


@dataclass(frozen=True)
class Used:
    """Seconds of the clock, and of the processor in this process and in the database's."""

    wall: float
    here: float
    server: float


def servers() -> list[psutil.Process]:
    return [one for one in psutil.process_iter() if one.name() == "postgres"]


def server_seconds() -> float:
    total = 0.0
    for one in servers():
        try:
            total += sum(one.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


async def used(work: Awaitable[object]) -> Used:
    wall, here, server = time.perf_counter(), time.process_time(), server_seconds()
    await work
    return Used(time.perf_counter() - wall, time.process_time() - here, server_seconds() - server)


def show(what: str, count: int, took: Used) -> None:
    each = (1000 * took.wall / count, 1000 * took.here / count, 1000 * took.server / count)
    print(f"{what:36} {count / took.wall:8,.0f}/s {each[0]:8.2f} {each[1]:8.2f} {each[2]:8.2f}")


async def one_by_one(made: Answering, asks: list[Ask]) -> None:
    for ask in asks:
        await made.ask(ask)


async def at_once(made: Answering, asks: list[Ask]) -> None:
    for begin in range(0, len(asks), AT_ONCE):
        await asyncio.gather(*(made.ask(ask) for ask in asks[begin : begin + AT_ONCE]))


async def measure(store: Store, ids: list[UUID]) -> None:
    made = Answering.on(store, Answers.opened(CacheSettings(REDIS_URL=None)), Serving())
    made.start()
    asking = Asking(Viewer("benchmark"), AT, "benchmark", SIGHT)

    def asks(as_of: Callable[[int], datetime | None]) -> list[Ask]:
        return [Ask(asking, ids[n % len(ids)], as_of(n)) for n in range(QUESTIONS)]

    await at_once(made, asks(lambda _: None))
    print(f"{'':36} {'':10} {'wall':>8} {'CPU':>8} {'server':>8}  ms each")
    for name, how in (("one by one", one_by_one), ("32 at a time", at_once)):
        hits = asks(lambda _: None)
        show(f"hits, {name}", len(hits), await used(how(made, hits)))
        shift = timedelta(hours=1 if how is at_once else 2)
        misses = asks(lambda n, shift=shift: AT - shift - timedelta(seconds=n // AT_ONCE))
        show(f"misses, {name}", len(misses), await used(how(made, misses)))
    for number, many in enumerate((1_000, 1_000)):
        listed = [Ask(asking, id_, AT - timedelta(days=1, seconds=number)) for id_ in ids[:many]]
        took = await used(in_chunks(made, listed))
        show(f"a list of {len(listed)}", len(listed), took)
    await made.close()


async def in_chunks(made: Answering, asks: list[Ask]) -> None:
    for begin in range(0, len(asks), 100):
        await made.ask_all(asks[begin : begin + 100])


def computed(store: Store, students: list[int]) -> None:
    """`Predictor.predict` of so many students in one call, each time of others."""
    ids = store.student_ids(students)
    predictor = Predictor(store)
    predictor.warm(AT)
    for many in (1, 8, 32, 100):
        took = []
        for call in range(max(QUESTIONS // many, 10)):
            first = call * many % max(len(students) - many, 1)
            chosen = {key: ids[key] for key in students[first : first + many]}
            begun = time.perf_counter(), time.process_time()
            predictor.predict(chosen, AT - timedelta(seconds=call))
            took.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
        wall, here = (1000 * statistics.median(one) / many for one in zip(*took, strict=True))
        print(f"{f'computed, {many} in one call':36} {1000 / wall:8,.0f}/s {wall:8.2f} {here:8.2f}")


def bare(store: Store, students: list[int]) -> None:
    """The scorer alone, on windows that are there; and records to windows alone."""
    voice = voice_of(store)
    assert isinstance(voice, Model)
    begun = time.process_time()
    panel = panel_of(store.known(students, AT))
    read = time.process_time() - begun
    begun = time.process_time()
    voice.assessor.scorer.score(panel.windows)
    scored = time.process_time() - begun
    count = len(students)
    print(f"{'known and panel of all at once':36} {'':10} {'':8} {1000 * read / count:8.2f}")
    print(f"{'the bare scorer':36} {count / scored:8,.0f}/s {'':8} {1000 * scored / count:8.2f}")


def main() -> None:
    students = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    server = database_url()
    before, _, after = server.rpartition("/edupulse")
    url = f"{before}/{NAME}{after}"
    with psycopg.connect(server, autocommit=True) as connection, tempfile.TemporaryDirectory() as d:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME}")
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
        subprocess.run(
            [sys.executable, "-c", MAKE, url, d, str(students)],
            check=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        with open_store(url) as store:
            keys = store.students_at(AT).tolist()
            ids = sorted(store.student_ids(keys).values())
            load = os.getloadavg()[0]
            print(f"{len(ids)} students, load {load:.1f}, {datetime.now(UTC):%Y-%m-%d}")
            asyncio.run(measure(store, ids))
            computed(store, keys)
            bare(store, keys)
            print(f"resident: {psutil.Process().memory_info().rss / 2**20:.0f} MB")
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


if __name__ == "__main__":
    main()
