"""One question to the database for all who wait: it begins after the last of them came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")


class Shared(Generic[Item, Value]):
    """A question that many ask at a time, each with something to ask for; from one event loop.

    Who comes while it is being asked waits for the next one, so that no answer is older than the
    one who asked. Nobody waits for others to come.
    """

    def __init__(self, ask: Callable[[list[Item]], Awaitable[Value]]) -> None:
        self._ask = ask
        self._next: tuple[list[Item], asyncio.Future[Value]] | None = None
        self._asking: asyncio.Task[None] | None = None

    async def get(self, item: Item) -> Value:
        """The answer to a question that begins from now on. Raises what asking raises."""
        if self._next is None:
            self._next = [], asyncio.get_running_loop().create_future()
        items, waiting = self._next
        items.append(item)
        if self._asking is None:
            self._asking = asyncio.create_task(self._run())
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(waiting)

    async def _run(self) -> None:
        while self._next is not None:
            (items, told), self._next = self._next, None
            try:
                told.set_result(await self._ask(items))
            except Exception as error:
                told.set_exception(error)
                told.exception()  # heard, even where everyone who waited has gone
        self._asking = None
