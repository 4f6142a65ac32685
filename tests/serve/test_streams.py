"""Streams of a real service: they outlive workers and the database, and hold up no stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx2
import pytest

from edupulse.client import Client, Event
from edupulse.store import audit, embedded
from edupulse.store.risks import StoredRisk, save_risks
from serve.conftest import Place
from serve.running import Running, eventually

pytestmark = pytest.mark.slow

PATH = "/api/v1/events"
PURPOSE = "a test listens"


def change(place: Place, student: int, band: str) -> None:
    """Store a score with this band, the newest of the student's."""
    body = {"risk_category": band}
    risk = StoredRisk(student, datetime.now(UTC), "gru", "1", "band", "c", 0.5, body=body)
    with place.store.writing() as connection:
        save_risks(connection, [risk])


@pytest.fixture
def student(place: Place) -> int:
    """One with a band that is not high."""
    key = place.store.resolve_student(min(place.risks))
    change(place, key, "low")
    return key


@contextmanager
def listening(service: Running, place: Place) -> Iterator[Iterator[httpx2.ServerSentEvent]]:
    with (
        httpx2.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=120) as http,
        http.sse(PATH, headers=place.headers) as told,
    ):
        yield iter(told)


def told_until(told: Iterator[Event], band: str) -> Event:
    return next(one for one in told if one["data"]["band"] == band)


def begin(service: Running, place: Place) -> str:
    with listening(service, place) as told:
        return next(told).id


def client(service: Running, place: Place) -> Client:
    return Client(f"http://127.0.0.1:{service.port}", place.token, purpose=PURPOSE)


def test_who_listens_goes_on_over_a_renewed_worker_and_a_killed_database(
    place: Place, student: int
) -> None:
    with place.served() as service, client(service, place) as listener:
        told = listener.events(begin(service, place))
        change(place, student, "high")
        ids = [told_until(told, "high")["id"]]

        before = service.workers()
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(service.workers()) == 1 and not service.workers() & before)
        change(place, student, "medium")
        ids.append(told_until(told, "medium")["id"])

        os.kill(embedded.status(place.home).process, signal.SIGKILL)
        eventually(lambda: service.ask("/readyz").status == 200)
        change(place, student, "critical")
        ids.append(told_until(told, "critical")["id"])
    assert len(set(ids)) == 3
    with place.store.writing() as connection:
        written = [one for one in audit.written(connection) if one.purpose == PURPOSE]
    assert [one.what for one in written] == ["disclosed"] * 3
    assert {str(one.student) for one in written} == {min(place.risks)}


def test_an_open_stream_outlives_a_killed_database(place: Place, student: int) -> None:
    with place.served() as service, listening(service, place) as told:
        next(told)
        os.kill(embedded.status(place.home).process, signal.SIGKILL)
        eventually(lambda: service.ask("/readyz").status == 200)
        change(place, student, "high")
        assert next(one for one in told if one.data).json()["band"] == "high"


def test_sigterm_does_not_wait_for_streams(place: Place) -> None:
    with place.served(EDUPULSE_STOP_SECONDS=10_000) as service, listening(service, place) as told:
        next(told)
        assert "edupulse_streams 1.0" in service.counted()
        service.process.terminate()
        assert list(told) == [], "it ends as a whole answer does"
        assert service.process.wait(120) == 0
