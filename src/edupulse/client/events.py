"""How the client listens: to changed bands, and on where it left off whenever it was cut off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TypedDict

import httpx2

from edupulse.client.transport import BUSY, Transport, Unreachable, read, wait

PATH = "/api/v1/events"
BAND_CHANGED = "risk.band_changed"


class BandChanged(TypedDict):
    """A student's band is another than before."""

    student_id: str
    prediction_id: str
    as_of: str
    before: str
    band: str


class Event(TypedDict):
    """One event; who keeps its `id` can go on after it another day."""

    id: str
    event: str
    data: BandChanged


class Listening(Transport):
    """The part of the client that listens."""

    def events(self, after: str | None = None) -> Iterator[Event]:
        """Changed bands of the caller's students, as they happen; or all after an event's id.

        It does not end by itself. Where the service is busy, stops or is out of reach, it comes
        back, as often as it takes, and misses nothing. Raises ProblemError, and Unreachable where
        it could not begin at all.
        """
        last, tried, pause, has_begun = after, 0, 0.0, False
        while True:
            try:
                for told in self._listen(last):
                    last, tried, has_begun = told.id or last, 0, True
                    pause = pause if told.retry is None else told.retry / 1000
                    if told.event == BAND_CHANGED:
                        yield Event(id=told.id, event=told.event, data=json.loads(told.data))
                why = "busy"
            except httpx2.TransportError as error:
                why = type(error).__name__
            tried += 1
            if tried >= self._tries and not has_begun:
                raise Unreachable(f"GET {PATH}: {why}")
            time.sleep(max(pause, wait(tried)))

    def _listen(self, last: str | None) -> Iterator[httpx2.ServerSentEvent]:
        """What comes until the stream ends; nothing from a busy service."""
        headers = self._always() | ({"Last-Event-ID": last} if last else {})
        with self._http.sse(self._url + PATH, headers=headers) as told:
            answer = told.response
            if answer.is_success:
                yield from told
            elif answer.status_code not in BUSY:
                answer.read()
                read(answer)
