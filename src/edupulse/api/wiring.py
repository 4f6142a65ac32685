"""What the app hands to its routes: the open store, and the clock that says when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from edupulse.api.answering import Answering
from edupulse.api.streams import Streams
from edupulse.store.store import Store

Clock = Callable[[], datetime]


async def store_of(request: Request) -> Store:
    """The store of the app that serves this request."""
    store: Store = request.app.state.store
    return store


async def now_of(request: Request) -> datetime:
    """The instant of the asking (UTC), by the app's clock."""
    clock: Clock = request.app.state.clock
    return clock()


async def answering_of(request: Request) -> Answering:
    """The hot path of the app that serves this request."""
    answering: Answering = request.app.state.answering
    return answering


async def streams_of(request: Request) -> Streams:
    """The streams of the app that serves this request."""
    streams: Streams = request.app.state.streams
    return streams


StoreHere = Annotated[Store, Depends(store_of)]
Now = Annotated[datetime, Depends(now_of)]
AnsweringHere = Annotated[Answering, Depends(answering_of)]
StreamsHere = Annotated[Streams, Depends(streams_of)]
