"""Streams of events: changed bands, told to whoever listens as long as that one may see them.

No stream has a thread or a connection to the database: once a second all that are open ask together
what there is after where each of them stands. Before anything is told it is decided anew who asks
and what is seen, and it is written down.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus

from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from edupulse.api.gate import Caller
from edupulse.api.giving import Giving, may_see
from edupulse.api.metrics import STREAMS
from edupulse.api.problems import RETRY_AFTER
from edupulse.api.shared import Shared
from edupulse.school.errors import DatabaseDown, EduPulseError, Unidentified
from edupulse.store import events
from edupulse.store.audit import Entry, What
from edupulse.store.events import NOWHERE, BandChanged, Mark, News, Position
from edupulse.store.store import Store

BEAT = 1.0
"""Seconds between two looks for something to tell."""

PING = 15.0
"""Seconds between two signs of life, and after which it is looked again who asks."""

PATIENCE = 10.0
"""Seconds for the database to say something; a ping must not wait for one that is frozen."""

RETRY = 3000
"""Milliseconds after which a client that was cut off comes back."""

FULL = HTTPStatus.SERVICE_UNAVAILABLE
EVENT = "risk.band_changed"

StillThere = Callable[[], Awaitable[Caller]]


class Streams:
    """The streams of one process, in one event loop: how many, when they look, when they end."""

    def __init__(self, store: Store, giving: Giving, most: int) -> None:
        self.write_down, self._most = giving.write_down, most
        self._line = store.line(events.QUESTION)
        self._news: Shared[Position, News] = Shared(self._ask)
        self._open, self._ended, self._next = 0, False, asyncio.Event()

    async def begin(self, still_there: StillThere, purpose: str, last: Mark | None) -> Stream:
        """A stream of what happens from now on, or after a mark.

        Raises DatabaseDown, and BadInput for a mark that this database cannot have given.
        """
        if self._ended or self._open >= self._most:
            raise HTTPException(FULL, headers={"Retry-After": str(RETRY_AFTER)})
        news = await self.news(NOWHERE)
        if last is not None:
            news.require(last)
        here = Mark(news.epoch, news.upto) if last is None else last
        return Stream(self, still_there, purpose, here)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A stream is open as long as the context."""
        self._open += 1
        STREAMS.inc()
        try:
            yield
        finally:
            self._open -= 1
            STREAMS.dec()

    async def news(self, after: Position) -> News:
        """What there is after a position, by a question that begins from now on."""
        return await self._news.get(after)

    async def go_on(self, *, at_once: bool) -> bool:
        """Wait for the next look, unless there is more to tell; False: it is over."""
        if not at_once and not self._ended:
            await self._next.wait()
        return not self._ended

    async def beat(self) -> None:
        """Let all look, again and again."""
        while True:
            await asyncio.sleep(BEAT)
            self._wake()

    def end(self) -> None:
        """Let all end now: whoever listened comes back, to another process."""
        self._ended = True
        self._wake()

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def _wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def _ask(self, positions: list[Position]) -> News:
        return await events.news_by(self._line, positions)


@asynccontextmanager
async def streams_on(store: Store, giving: Giving, most: int) -> AsyncIterator[Streams]:
    """The streams of a process; they end with the context."""
    streams = Streams(store, giving, most)
    beating = asyncio.create_task(streams.beat())
    try:
        yield streams
    finally:
        streams.end()
        beating.cancel()
        streams.close()


class Stream(StreamingResponse):
    """An answer that goes on until the client leaves, the right ends or the process does."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, still_there: StillThere, purpose: str, here: Mark) -> None:
        super().__init__(self._frames(), headers={"X-Accel-Buffering": "no"})
        self._streams, self._still_there, self._purpose = streams, still_there, purpose
        self._epoch, self._at = here
        self._has_more, self._ping_at = False, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell."""
        with self._streams.one_more():
            await super().__call__(scope, receive, send)

    async def _frames(self) -> AsyncIterator[bytes]:
        """Marks and signs of life too: who comes back after them begins where nothing is lost."""
        clock = asyncio.get_running_loop().time
        yield format_sse_event(id=self._id(self._at), retry=RETRY)
        self._ping_at = clock() + PING
        while await self._streams.go_on(at_once=self._has_more):
            is_due = clock() >= self._ping_at
            try:
                async with asyncio.timeout(PATIENCE):
                    told = await self._permitted(look_again=is_due)
            except (DatabaseDown, TimeoutError):
                told = []
            except EduPulseError:
                return  # asking again, the client is told why
            for one in told:
                yield self._frame(one)
            if is_due:
                yield format_sse_event(comment="ping", id=self._id(self._at))
                self._ping_at = clock() + PING

    async def _permitted(self, *, look_again: bool) -> list[BandChanged]:
        """What comes next and may be seen now, once that it was told is written down.

        Raises Unidentified, NotAllowed or what else `still_there` raises.
        """
        self._has_more = False
        news = await self._streams.news(self._at)
        if news.epoch != self._epoch:
            raise Unidentified("The database was restored.", "Begin anew.")
        found, end = news.after(self._at)
        told: list[BandChanged] = []
        if found or look_again:
            caller = await self._still_there()
            told = [one for one in found if may_see(caller.sight, one.student)]
            await self._streams.write_down(self._entries(caller, told))
        self._at, self._has_more = end, end < news.upto
        return told

    def _entries(self, caller: Caller, told: Sequence[BandChanged]) -> list[Entry]:
        who, why = caller.viewer.name, self._purpose
        return [
            Entry(What.DISCLOSED, who, why, one.student_id, {"parts": ["scores"]}) for one in told
        ]

    def _frame(self, one: BandChanged) -> bytes:
        data = json.dumps(one.body, separators=(",", ":"))
        return format_sse_event(data_str=data, event=EVENT, id=self._id(one.position))

    def _id(self, position: Position) -> str:
        return str(Mark(self._epoch, position))
