"""What educators said: kept as it was said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from edupulse.school.errors import BadInput
from edupulse.store.feedback import Feedback, disagreements, give_feedback, outcomes_seen

AS_OF = datetime(2026, 1, 5, 6, tzinfo=UTC)
GIVEN = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database()) as connection:
        yield connection


@pytest.fixture
def connection(database: psycopg.Connection) -> Iterator[psycopg.Connection]:
    with database.transaction(force_rollback=True):
        database.execute(
            "INSERT INTO identity.student (student, local_id, student_id) OVERRIDING SYSTEM VALUE"
            " VALUES (1, '1', gen_random_uuid())"
        )
        yield database


def said(off_track: bool | None, given: datetime = GIVEN, reason: str = "moved away") -> Feedback:
    return Feedback(1, AS_OF, off_track, reason, "ada", given)


def test_outcomes_are_read_in_the_order_given_as_known_then(connection: psycopg.Connection):
    later = GIVEN + timedelta(days=1)
    for one in (said(True), said(None), said(False, later)):
        give_feedback(connection, one)
    assert outcomes_seen(connection, GIVEN).rows() == [(1, AS_OF, True)]
    assert outcomes_seen(connection, later)["off_track"].to_list() == [True, False]
    assert disagreements(connection, AS_OF, GIVEN) == 1
    assert disagreements(connection, GIVEN, later) == 0


def test_nothing_said_can_be_changed(connection: psycopg.Connection):
    give_feedback(connection, said(True))
    for change in ("UPDATE state.feedback SET off_track = false", "DELETE FROM state.feedback"):
        with pytest.raises(psycopg.errors.RaiseException), connection.transaction():
            connection.execute(change)


def test_feedback_without_a_reason_is_refused():
    with pytest.raises(BadInput):
        said(True, reason=" ")
