"""The hot path, as routes call it: from the event loop to the cache, or to a lane and back.

A single question whose answer the cache or the store holds is answered in the event loop. What has
to be computed goes to a lane: single questions without factors to the quick one; what takes long
(factors, lists) to the slow one, so that nobody waits behind it. The cache is asked first and the
versions afterwards, so that what lands in between is seen; what is new goes into the cache once the
caller has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edupulse.api.asked import Answer, Ask, Outcome
from edupulse.api.giving import Giving
from edupulse.api.lanes import Lane, Waiting, Writer
from edupulse.api.metrics import ANSWERS
from edupulse.pipeline.predicting import Predictor
from edupulse.pipeline.speaking import Serving, require
from edupulse.school.errors import BadInput, DatabaseDown, NotFound
from edupulse.store.answers import Answers
from edupulse.store.store import Store

LONGEST_KEPT = 24 * 3600.0
"""Seconds for which an answer about a past instant stays in the cache."""


@dataclass
class Answering:
    """Answers for one process, between `start` and `close` in its event loop."""

    store: Store
    answers: Answers
    giving: Giving
    quick: Lane
    slow: Lane
    writer: Writer
    _keeping: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def on(cls, store: Store, answers: Answers, serving: Serving) -> Answering:
        """On a store, by what serves there."""
        writer = Writer(store)
        quick, slow = (Lane(store, Predictor(store, serving), writer) for _ in range(2))
        return cls(store, answers, Giving(store, serving), quick, slow, writer)

    def start(self) -> None:
        """Let the threads begin."""
        for one in (self.writer, self.quick, self.slow):
            one.thread.start()

    @property
    def waiting(self) -> dict[str, Callable[[], int]]:
        """How many requests wait now, by lane."""
        return {"quick": self.quick.asked.waiting, "slow": self.slow.asked.waiting}

    async def close(self) -> None:
        """Answer what was asked, then end."""
        for lane in (self.quick, self.slow):
            lane.asked.end()
            await asyncio.to_thread(lane.thread.join)
        self.writer.decided.end()
        await asyncio.to_thread(self.writer.thread.join)
        await asyncio.gather(*self._keeping)
        self.giving.close()
        await self.answers.close()

    async def ask(self, ask: Ask) -> Answer:
        """The answer to one question. Raises BadInput, NotFound, NotReady, DatabaseDown."""
        _require_past(ask)
        found = await self._found(ask)
        outcome = await self._given(ask, found) or (await self._computed([ask]))[0]
        if isinstance(outcome, NotFound):
            raise outcome
        if outcome is not found:
            self._keep(ask, outcome)
        return outcome

    async def ask_all(self, asks: Sequence[Ask]) -> list[Outcome]:
        """The outcome of each question, in order, computed together whatever the cache has."""
        for ask in asks:
            _require_past(ask)
        return await self._computed(asks)

    async def _found(self, ask: Ask) -> Answer | None:
        kept = await self.answers.get(ask.key)
        return None if kept is None else Answer.from_bytes(kept)

    async def _given(self, ask: Ask, found: Answer | None) -> Answer | None:
        """What the cache had, or what stands in the store, where it may be given."""
        if found is not None and await self.giving.give(ask, found):
            ANSWERS.labels("cache").inc()
            return found
        standing = await self.giving.standing(ask)
        if standing is not None and await self.giving.give(ask, standing):
            ANSWERS.labels("store").inc()
            return standing
        return None

    async def _computed(self, asks: Sequence[Ask]) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        takes_long = len(asks) > 1 or any(ask.explained for ask in asks)
        lane = self.slow if takes_long else self.quick
        lane.asked.put(Waiting(asks, _telling(loop, future)))
        return await future

    def _keep(self, ask: Ask, answer: Answer) -> None:
        """Into the cache, once the caller has it."""
        task = asyncio.ensure_future(self._put(ask, answer))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _put(self, ask: Ask, answer: Answer) -> None:
        stands = (answer.stands_until - ask.asking.at).total_seconds()
        seconds = stands if ask.as_of is None else LONGEST_KEPT
        await self.answers.put(ask.key, answer.to_bytes(), seconds)


def _require_past(ask: Ask) -> None:
    if ask.as_of is not None and ask.as_of > ask.asking.at:
        raise BadInput("this instant is not past yet.", "Leave it out to ask as of now.",
                       field="as_of")  # fmt: skip


@asynccontextmanager
async def answering_on(store: Store) -> AsyncIterator[Answering]:
    """The hot path on a store, by the settings of the environment.

    Raises NotFound or BadInput where MODEL_VERSION names what is not there. Without a database that
    is found out with the first question.
    """
    serving = Serving()
    with suppress(DatabaseDown):
        require(store, serving)
    answering = Answering.on(store, Answers.opened(), serving)
    await asyncio.to_thread(answering.quick.predictor.warm, datetime.now(UTC))
    answering.start()
    try:
        with suppress(DatabaseDown):
            await answering.giving.warm()
        yield answering
    finally:
        await answering.close()


def _telling(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[list[Outcome]]
) -> Callable[[list[Outcome] | Exception], None]:
    """Tells the one who waits in the event loop, unless that one has left."""

    def told(outcome: list[Outcome] | Exception) -> None:
        if future.done():
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def tell(outcome: list[Outcome] | Exception) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(told, outcome)

    return tell
