"""A line of a store for a moment, asked from an event loop of its own."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from edupulse.store.line import Line
from edupulse.store.store import Store


@asynccontextmanager
async def line(store: Store, statement: str) -> Any:
    made = store.line(statement)
    try:
        yield made
    finally:
        made.close()
        gc.collect()  # nothing is left open, or a warning fails the test


def told(store: Store, statement: str, work: Callable[[Line], Coroutine[Any, Any, Any]]) -> Any:
    async def whole() -> Any:
        async with line(store, statement) as made:
            return await work(made)

    return asyncio.run(whole())
