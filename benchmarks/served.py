"""A simulated district with a checkpoint that serves, under `edupulse serve` as its own process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import psutil

from arrivals import Question
from edupulse.model.configuration import NetworkConfig
from edupulse.pipeline.intake import intake
from edupulse.school.records import SIMULATED_MARKER
from edupulse.simulator import DistrictPlan
from edupulse.simulator.district import district
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import embedded, tokens
from edupulse.store.people import staff_key
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import SCOPES, Wanted

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from pipeline.small_champion import let_serve, small_checkpoint  # noqa: E402

SCHOOL_YEAR_BEGINS = 8
MEGABYTE = 2**20


@dataclass(frozen=True)
class District:
    """What was made: where it is, a token of the district's admin, and the students."""

    home: Path
    token: str
    ids: list[str]
    local_ids: list[str]
    keys: list[int]


@contextmanager
def made(students: int) -> Iterator[District]:
    """A district whose second school year is the present one, in a new embedded database."""
    with tempfile.TemporaryDirectory(prefix="edupulse-served-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        os.environ["EDUPULSE_HOME"] = folder
        os.environ.pop("DATABASE_URL", None)
        try:
            with open_store() as store:
                _fill(store, home, students)
                let_serve(store, small_checkpoint(home / "checkpoints", serves=True,
                                                  hidden=NetworkConfig().hidden))  # fmt: skip
                yield _found(store, home)
        finally:
            embedded.remove(home)


def _fill(store: Store, home: Path, students: int) -> None:
    now = datetime.now(UTC)
    begun = now.year if now.month >= SCHOOL_YEAR_BEGINS else now.year - 1
    plan = DistrictPlan(students=students, schools=2, years=2, first_year=begun - 1, truth_pairs=0)
    folder = home / "records"
    folder.mkdir()
    for name, frame in district(plan).frames.items():
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    (folder / SIMULATED_MARKER).touch()
    intake(store, csv_folder(folder), now=now, historical=True, home=home)
    with store.session() as connection:
        connection.execute("VACUUM (ANALYZE)")  # or the server does so while we measure


def _found(store: Store, home: Path) -> District:
    now = datetime.now(UTC)
    keys = store.students_at(now).tolist()
    names = store.student_names(keys).sort("student")
    with store.writing() as connection:
        wanted = Wanted("benchmark", SCOPES, timedelta(days=2), staff_key(connection, "D001"))
        _, secret = tokens.create(connection, wanted, now=now, by="benchmark")
    return District(home, secret, names["student_id"].to_list(), names["local_id"].to_list(),
                    names["student"].to_list())  # fmt: skip


@dataclass
class Served:
    """The running service; `memory` grows by a sample every second.

    Seconds, and of the largest worker MB resident and MB that are its own: no libraries or files.
    """

    process: subprocess.Popen[str]
    port: int
    began: float
    memory: list[tuple[float, int, int]] = field(default_factory=list)

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        children = psutil.Process(self.process.pid).children()
        return [one for one in children if "spawn_main" in " ".join(one.cmdline())]

    def memory_told(self) -> str:
        """MB of the parent and of each worker: resident, and its share (what n map counts 1/n)."""
        named = [("parent", psutil.Process(self.process.pid))]
        named += [("worker", one) for one in self.workers()]
        used = [(name, one.memory_full_info()) for name, one in named]
        return "; ".join(
            f"{name} {of.rss // MEGABYTE} resident, {of.pss // MEGABYTE} its share"
            for name, of in used
        )

    def peak(self, work: Callable[[], object]) -> int:
        """The most MB resident that a worker took while something was done."""
        workers = [Path(f"/proc/{one.pid}") for one in self.workers()]
        for one in workers:
            (one / "clear_refs").write_text("5")  # the highest so far is forgotten
        work()
        highest = [re.search(r"VmHWM:\s+(\d+)", (one / "status").read_text()) for one in workers]
        return max(int(one[1]) for one in highest if one) // 1024

    def processor(self) -> float:
        """CPU seconds of the workers so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self.workers())


@contextmanager
def served(**settings: str) -> Iterator[Served]:
    """`edupulse serve` on the embedded database, until the context ends."""
    command = [sys.executable, "-m", "edupulse.serve"]
    environment = {**os.environ, "EDUPULSE_PORT": "0", "EDUPULSE_METRICS_PORT": "0", **settings}
    process = subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"serves on http://127.0.0.1:(\d+)", line)
    assert found, line
    service = Served(process, int(found[1]), time.perf_counter())
    done = Event()
    sampling = Thread(target=_sample, args=[service, done], daemon=True)
    sampling.start()
    try:
        yield service
    finally:
        done.set()
        sampling.join()
        process.terminate()
        process.wait(60)


def _sample(service: Served, done: Event) -> None:
    while not done.wait(1.0):
        try:
            used = max(one.memory_info() for one in service.workers())
        except (psutil.NoSuchProcess, ValueError):  # it is just being replaced
            continue
        resident, own = used.rss // MEGABYTE, (used.rss - used.shared) // MEGABYTE
        service.memory.append((time.perf_counter() - service.began, resident, own))


def post(path: str, body: bytes, token: str, about: object = None, key: str = "") -> Question:
    """A POST of JSON under /api/v1."""
    head = [
        f"POST /api/v1{path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *([f"Idempotency-Key: {key}"] if key else []),
    ]
    return Question("\r\n".join([*head, "", ""]).encode() + body, about)


def get(path: str, token: str, about: object = None) -> Question:
    """A GET under /api/v1."""
    head = f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    return Question(head.encode(), about)
