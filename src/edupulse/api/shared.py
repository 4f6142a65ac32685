"""One question to the database for all who wait: it begins after the last of them came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """A question that many ask at a time; used from one event loop.

    Who comes while it is being asked waits for the next one, so that no answer is older than the
    one who asked. Nobody waits for others to come.
    """

    def __init__(self, ask: Callable[[], Value]) -> None:
        self._ask = ask
        self._next: asyncio.Future[Value] | None = None
        self._asking: asyncio.Task[None] | None = None

    async def get(self) -> Value:
        """The answer to a question that begins from now on. Raises what asking raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        waiting = self._next
        if self._asking is None:
            self._asking = asyncio.create_task(self._run())
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(waiting)

    async def _run(self) -> None:
        while self._next is not None:
            told, self._next = self._next, None
            try:
                told.set_result(await run_in_threadpool(self._ask))
            except Exception as error:
                told.set_exception(error)
                told.exception()  # heard, even where everyone who waited has gone
        self._asking = None
