"""/events: changed bands, told to who may see them as long as that one may; nothing lost, nothing
twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import get_type_hints
from uuid import UUID

import httpx2
import pytest

from api.conftest import AT, Service, with_known_guardians
from api.live import at_a_port
from edupulse.api.app import PREFIX, create_app
from edupulse.api.limits import Limits
from edupulse.client import BandChanged, Client, ProblemError
from edupulse.store import tokens
from edupulse.store.risks import StoredRisk, save_risks
from edupulse.store.store import open_store
from edupulse.store.versions import Of, bump
from pipeline.small_champion import import_frames

PATH = f"{PREFIX}/events"
STREAMS = 3

Told = Iterator[httpx2.ServerSentEvent]


@pytest.fixture(scope="module")
def live(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Service]:
    """The small district at a port, so that an answer comes piece by piece."""
    url, limits = empty_database(), Limits(seconds=600, at_once=2, streams=STREAMS)
    with open_store(url) as store:
        import_frames(store, reachable_folder() / "records", with_known_guardians())
        with (
            at_a_port(create_app(lambda: open_store(url), lambda: AT, limits)) as address,
            httpx2.Client(base_url=address, timeout=120) as client,
        ):
            yield Service(client, store)


@contextmanager
def listening(live: Service, headers: dict[str, str], last: str | None = None) -> Iterator[Told]:
    """What a stream tells, from the mark with which it begins."""
    headers = headers | ({"Last-Event-ID": last} if last else {})
    with live.client.sse(PATH, headers=headers) as told:
        assert told.response.status_code == 200
        yield iter(told)


class Days:
    """Every answer is of another day than all before."""

    passed = 0

    @classmethod
    def next(cls) -> int:
        cls.passed += 1
        return cls.passed


def say(live: Service, student: UUID, band: str) -> None:
    key = live.store.resolve_student(str(student))
    as_of = AT + timedelta(days=Days.next())
    risk = StoredRisk(key, as_of, "gru", "1", "band", "c", 0.5, body={"risk_category": band})
    with live.store.writing() as connection:
        save_risks(connection, [risk])


def change(live: Service, student: UUID) -> None:
    """The student's band is low, then high: one change at least."""
    say(live, student, "low")
    say(live, student, "high")


def bands(told: Told, student: UUID) -> httpx2.ServerSentEvent:
    """The next event that ends high: it must be of this student."""
    while True:
        one = next(told)
        if one.event == "risk.band_changed" and one.json()["band"] == "high":
            assert one.json()["student_id"] == str(student)
            return one


def students_of(live: Service, headers: dict[str, str]) -> set[UUID]:
    page = live.client.get(f"{PREFIX}/students?limit=500", headers=headers).json()
    return {UUID(one["student_id"]) for one in page["items"]}


def looks(live: Service, student: UUID, purpose: str) -> list[str]:
    """What the log says of looks at a student for a purpose."""
    with live.store.writing() as connection:
        rows = connection.execute(
            "SELECT what FROM state.audit WHERE student = %s AND purpose = %s", [student, purpose]
        ).fetchall()
    return [row[0] for row in rows]


@pytest.fixture
def student(live: Service) -> UUID:
    return min(students_of(live, live.as_()))


def test_a_changed_band_is_told_as_webhooks_are_and_stands_in_the_log(live, student) -> None:
    purpose = "to see what is told"
    with listening(live, live.as_() | {"X-Purpose": purpose}) as told:
        begin = next(told)
        assert (begin.data, begin.retry) == ("", 3000)
        change(live, student)
        one = bands(told, student)
    assert one.event == "risk.band_changed"
    assert one.json().keys() == {"student_id", "prediction_id", "as_of", "before", "band"}
    assert (one.json()["before"], one.json()["band"]) == ("low", "high")
    assert set(looks(live, student, purpose)) == {"disclosed"}


def test_no_proxy_may_keep_or_hold_it_back(live) -> None:
    with live.client.stream("GET", PATH, headers=live.as_()) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"


def test_who_comes_back_is_told_what_happened_meanwhile_and_nothing_twice(live, student) -> None:
    headers = live.as_()
    with listening(live, headers) as told:
        begin = next(told).id
    change(live, student)
    with listening(live, headers, begin) as told:
        first = bands(told, student)
    say(live, student, "low")
    with listening(live, headers, first.id) as told:
        next(told)
        again = next(told)
    assert (again.json()["before"], again.json()["band"]) == ("high", "low")


def test_of_a_student_out_of_sight_nothing_is_told(live) -> None:
    teacher = live.as_("T00001")
    own = students_of(live, teacher)
    mine, stranger = min(own), min(students_of(live, live.as_()) - own)
    purpose = "a teacher listens"
    with listening(live, teacher | {"X-Purpose": purpose}) as told:
        next(told)
        change(live, stranger)
        change(live, mine)
        bands(told, mine)
    assert looks(live, mine, purpose)
    assert looks(live, stranger, purpose) == []


def test_a_student_who_leaves_the_class_is_told_no_more_in_a_stream_that_is_open(live) -> None:
    teacher = live.as_("T00002")
    leaves, stays, *_ = sorted(students_of(live, teacher))
    with listening(live, teacher) as told:
        next(told)
        change(live, leaves)
        bands(told, leaves)
        key = live.store.resolve_student(str(leaves))
        with live.store.writing() as connection:
            for table in ("section_students", "section_students_past"):
                connection.execute(f"DELETE FROM records.{table} WHERE student = %s", [key])
            bump(connection, Of.RIGHTS)
        change(live, leaves)
        change(live, stays)
        bands(told, stays)


@pytest.mark.slow
def test_a_revoked_token_ends_a_stream_in_which_nothing_happens(live) -> None:
    with listening(live, live.as_()) as told:
        next(told)
        with live.store.writing() as connection:
            for one in tokens.every(connection):
                tokens.revoke(connection, str(one.id), now=AT - timedelta(days=1), by="t")
        assert [one.data for one in told if one.data] == []


def test_an_integration_sees_nobody_and_is_refused(live) -> None:
    assert live.client.get(PATH, headers=live.as_(None)).status_code == 403


def test_a_revoked_token_ends_the_stream_before_anything_more_is_told(live, student) -> None:
    headers = live.as_()
    with listening(live, headers) as told:
        next(told)
        with live.store.writing() as connection:
            for one in tokens.every(connection):
                tokens.revoke(connection, str(one.id), now=AT - timedelta(days=1), by="t")
        change(live, student)
        assert list(told) == []
    assert live.client.get(PATH, headers=headers).status_code == 401


@pytest.mark.parametrize("last", ["nonsense", "00000000-1-1", "5e1f09ac-1", "1-2-3"])
def test_an_id_that_was_never_given_is_refused(live, last) -> None:
    answer = live.client.get(PATH, headers=live.as_() | {"Last-Event-ID": last})
    assert answer.status_code == 422
    assert answer.json()["to_do"]


def test_an_id_from_the_future_of_a_database_that_went_back_is_refused(live) -> None:
    headers = live.as_()
    with listening(live, headers) as told:
        epoch, xid, number = next(told).id.split("-")
    ahead = f"{epoch}-{int(xid) + 10**6}-{number}"
    assert live.client.get(PATH, headers=headers | {"Last-Event-ID": ahead}).status_code == 422


def test_streams_are_bounded_and_hold_no_place_among_requests(live) -> None:
    headers = live.as_()
    with ExitStack() as open_:
        told = [open_.enter_context(listening(live, headers)) for _ in range(STREAMS)]
        assert [next(one).data for one in told] == [""] * STREAMS
        refused = live.client.get(PATH, headers=headers)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert live.client.get("/healthz").status_code == 200
    while True:
        with live.client.stream("GET", PATH, headers=headers) as answer:
            if answer.status_code == 200:
                return


def test_the_client_yields_events_and_says_what_was_refused(live, student) -> None:
    with listening(live, live.as_()) as told:
        begin = next(told).id
    change(live, student)
    with Client(str(live.client.base_url), live.token()) as client:
        one = next(client.events(begin))
        assert one["event"] == "risk.band_changed"
        assert one["data"].keys() == get_type_hints(BandChanged).keys()
        with pytest.raises(ProblemError, match="422"):
            next(client.events("nonsense"))


def test_the_client_knows_the_event_that_the_document_has() -> None:
    schema = create_app().openapi()["components"]["schemas"]["BandChanged"]
    assert schema["properties"].keys() == get_type_hints(BandChanged).keys()
