"""Open-loop load: requests leave at times fixed beforehand, and waiting counts.

A closed loop asks the next question when the last one is answered, so a slow server slows its own
measurement. Here arrivals are a Poisson process drawn beforehand; latency runs from the scheduled
instant to the last byte of the answer, whoever was late. Raw HTTP/1.1 over kept connections, on
loopback alone, bounded in number and time. The process time it takes itself is told, since it sits
on the same processors.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

HOST = "127.0.0.1"
PATIENCE = 60.0
"""Seconds after which an answer is given up."""

BROKEN = 0
"""The status of an answer that did not come: cut, refused or too late."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request: its bytes, and what the answer is compared with."""

    wire: bytes
    about: object = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: when it was due to be asked, how long after that it was there (seconds)."""

    question: Question
    due: float
    took: float
    status: int
    body: bytes


class Wire(asyncio.Protocol):
    """One kept connection; one question at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.closing = False
        self.waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self.closing = True
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(exc or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.lower().split(b"\r\n")
        length = next(int(at[15:]) for at in lines if at.startswith(b"content-length:"))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self.closing |= b"connection: close" in lines
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result((int(lines[0].split(b" ")[1]), rest[:length]))

    async def ask(self, wire: bytes) -> tuple[int, bytes]:
        """Status and body."""
        assert self.transport is not None
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(wire)
        return await asyncio.wait_for(self.waiting, PATIENCE)


class Wires:
    """Idle connections to one port; a new one where none is idle."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[Wire] = []
        self.opened = 0

    async def ask(self, wire: bytes) -> tuple[int, bytes]:
        """Status and body; (BROKEN, b"") where the answer did not come."""
        held = await self._take()
        if held is None:
            return BROKEN, b""
        try:
            answer = await held.ask(wire)
        except (TimeoutError, OSError):
            held.closing = True
            answer = (BROKEN, b"")
        if held.closing:
            held.transport.close()  # type: ignore[union-attr]
        else:
            self.idle.append(held)
        return answer

    async def _take(self) -> Wire | None:
        while self.idle:
            held = self.idle.pop()
            if not held.closing:
                return held
        try:
            made = await asyncio.get_running_loop().create_connection(Wire, HOST, self.port)
        except OSError:
            return None
        self.opened += 1
        return made[1]

    def close(self) -> None:
        """Close what is idle."""
        for held in self.idle:
            held.transport.close()  # type: ignore[union-attr]


@dataclass
class Told:
    """What a run showed: latencies in milliseconds by status, and what the asking took itself."""

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0
    processor: float = 0.0
    late: float = 0.0

    @property
    def statuses(self) -> Counter[int]:
        """How many answers of each status."""
        return Counter(answer.status for answer in self.answers)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds

    @property
    def share(self) -> float:
        """The part of one processor that the generator took."""
        return self.processor / self.seconds

    def percentile(self, part: float, status: int = 200) -> float:
        """The latency below which this part of the answers came, in ms."""
        took = sorted(a.took for a in self.answers if a.status == status)
        return 1000 * took[min(len(took) - 1, int(part * len(took)))] if took else float("nan")


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """The instants of a Poisson process of this rate, from 0 to `seconds`."""
    draws = random.Random(seed)  # noqa: S311  (a load, no secret)
    at, found = draws.expovariate(rate), []
    while at < seconds:
        found.append(at)
        at += draws.expovariate(rate)
    return found


async def send(port: int, questions: Sequence[Question], due: Sequence[float]) -> Told:
    """Ask each question at its instant, whatever became of those before."""
    wires, told = Wires(port), Told()
    used, began = time.process_time(), time.perf_counter()

    async def one(question: Question, at: float) -> None:
        told.late = max(told.late, time.perf_counter() - began - at)
        status, body = await wires.ask(question.wire)
        took = time.perf_counter() - began - at
        told.answers.append(Answer(question, at, took, status, body))

    asking = set()
    for question, at in zip(questions, due, strict=True):
        wait = began + at - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(question, at))
        asking.add(task)
        task.add_done_callback(asking.discard)
    await asyncio.gather(*asking)
    told.seconds = time.perf_counter() - began
    told.processor = time.process_time() - used
    wires.close()
    return told


def run(load: Callable[[], Awaitable[Told]]) -> Told:
    """The load, run to its end."""

    async def whole() -> Told:
        return await load()

    return asyncio.run(whole())
