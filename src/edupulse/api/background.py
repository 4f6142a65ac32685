"""What a service does besides answering: it starts the runs that wait, until the service ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edupulse.api.wiring import Clock
from edupulse.pipeline.running import launch
from edupulse.school.errors import EduPulseError
from edupulse.store.store import Store

PAUSE = 1.0
"""Seconds between two looks."""

log = logging.getLogger("edupulse.background")


@contextmanager
def working(store: Store, clock: Clock) -> Iterator[None]:
    """Work in threads of their own for as long as the context."""
    ended = threading.Event()
    threads = [threading.Thread(target=_repeat, args=[one, ended]) for one in _works(store, clock)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _works(store: Store, clock: Clock) -> list[Callable[[], object]]:
    def runs() -> None:
        for process in launch(store, clock()):
            # It outlives this service; while the service lives, its end is noticed at once.
            threading.Thread(target=process.wait, daemon=True).start()

    return [runs]


def _repeat(work: Callable[[], object], ended: threading.Event) -> None:
    """Again and again; what fails is tried again, since the database may be back by then."""
    while not ended.is_set():
        try:
            work()
        except EduPulseError as error:
            log.warning("background", extra={"work": work.__name__, "problem": error.problem})
        except Exception as error:
            # Its text may hold a row, and rows are of students.
            log.error("background", extra={"work": work.__name__, "problem": type(error).__name__})
        ended.wait(PAUSE)
