"""One worker: the app, in a process that ends when its parent has gone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import parent_process
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest

from edupulse.api.app import create_app
from edupulse.api.background import working
from edupulse.api.metrics import DistrictCollector
from edupulse.api.wiring import Clock
from edupulse.serve.preparing import load_all_loops
from edupulse.serve.settings import COUNTED_IN, serve_settings
from edupulse.serve.settled import settle, stay_settled
from edupulse.serve.told import telling
from edupulse.store.store import Store


def create() -> FastAPI:
    """The app of a worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load_all_loops()  # a prediction does so too, but at the start there may be no student yet
    return create_app(limits=serve_settings().limits(), beside=(_settled, working, _telling))


@asynccontextmanager
async def _settled(_store: Store, _clock: Clock) -> AsyncIterator[None]:
    staying = asyncio.create_task(stay_settled(settle()))
    try:
        yield
    finally:
        staying.cancel()


@asynccontextmanager
async def _telling(store: Store, clock: Clock) -> AsyncIterator[None]:
    """The parent asks for what the store tells Prometheus."""
    registry = CollectorRegistry()
    registry.register(DistrictCollector(store, clock))
    async with telling(lambda: generate_latest(registry), Path(os.environ[COUNTED_IN])):
        yield


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on holding the port, with nobody to stop it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
