"""What a service does beside answering: starts runs that wait, tells webhooks, forgets what is old.

Any number of processes may do so at a time: each takes what no other has.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from edupulse.api.wiring import Clock
from edupulse.pipeline.delivering import deliver
from edupulse.pipeline.running import launch
from edupulse.school.errors import EduPulseError
from edupulse.store import requests, webhooks
from edupulse.store.store import Store

PAUSE, LONG_PAUSE = 1.0, 600.0
"""Seconds between two looks for something to do, and for what is old."""

LAST = 20.0
"""Seconds for what is under way when the service ends; what is cut off then is another's later."""

log = logging.getLogger("edupulse.background")


@asynccontextmanager
async def working(store: Store, clock: Clock) -> AsyncIterator[None]:
    """Work in threads of their own for as long as the context."""
    ended = threading.Event()
    works = {_runs: PAUSE, _deliveries: PAUSE, _old: LONG_PAUSE}
    threads = [
        threading.Thread(target=_repeat, args=[work, store, clock, pause, ended], daemon=True)
        for work, pause in works.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, LAST)


def _runs(store: Store, clock: Clock) -> None:
    for process in launch(store, clock()):
        # It outlives this service; while the service lives, its end is noticed at once.
        threading.Thread(target=process.wait, daemon=True).start()


def _deliveries(store: Store, clock: Clock) -> int:
    return deliver(store, clock)


def _old(store: Store, clock: Clock) -> None:
    with store.writing() as connection:
        requests.forget(connection, clock())
        webhooks.forget(connection, clock())


def _repeat(
    work: Callable[[Store, Clock], int | None],
    store: Store,
    clock: Clock,
    pause: float,
    ended: threading.Event,
) -> None:
    """Again and again; what fails is tried again, since the database may be back by then."""
    while not ended.is_set():
        done = None
        try:
            done = work(store, clock)
        except EduPulseError as error:
            log.warning("background", extra={"work": work.__name__, "problem": error.problem})
        except Exception as error:
            # Its text may hold a row, and rows are of students.
            log.error("background", extra={"work": work.__name__, "problem": type(error).__name__})
        ended.wait(0 if done else pause)
