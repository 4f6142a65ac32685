"""Stored risks: one answer to one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from edupulse.store.risks import Saved, StoredRisk, latest_risks, save_risks, weekly_risks

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database()) as connection:
        yield connection


@pytest.fixture
def connection(database: psycopg.Connection) -> Iterator[psycopg.Connection]:
    with database.transaction(force_rollback=True):
        database.execute(
            "INSERT INTO identity.student (student, local_id, student_id) OVERRIDING SYSTEM VALUE"
            " SELECT n, n, gen_random_uuid() FROM generate_series(1, 3) n"
        )
        yield database


def a_risk(student: int, risk: float | None = 0.4, **more: object) -> StoredRisk:
    said = StoredRisk(student, AS_OF, "gru_attention", "1", "band", "sha", risk, (0.3, 0.5))
    return replace(said, **more)


def test_scoring_the_same_thing_twice_stores_one_answer(connection: psycopg.Connection):
    assert save_risks(connection, [a_risk(1), a_risk(2)]) == Saved(2, 0, 0)
    assert save_risks(connection, [a_risk(1), a_risk(2), a_risk(3)]) == Saved(1, 2, 0)
    assert latest_risks(connection).height == 3


def test_another_answer_to_the_same_question_is_counted_and_stands_beside_the_first(
    connection: psycopg.Connection,
):
    save_risks(connection, [a_risk(1, 0.4)])
    assert save_risks(connection, [a_risk(1, 0.9)]) == Saved(1, 0, 1)
    assert save_risks(connection, [a_risk(1, 0.4 + 1e-7)]) == Saved(0, 1, 1)
    rows = connection.execute("SELECT risk FROM state.risks ORDER BY risk").fetchall()
    assert rows == [(0.4,), (0.9,)]


def test_the_latest_risks_are_ranked_and_not_after_the_instant(connection: psycopg.Connection):
    later = AS_OF + timedelta(days=7)
    save_risks(connection, [a_risk(1, 0.2), a_risk(2, 0.6), a_risk(3, None, interval=None)])
    save_risks(connection, [a_risk(1, 0.9, as_of=later, body={"band": "critical"})])
    assert latest_risks(connection)["student"].to_list() == [1, 2, 3]
    assert latest_risks(connection)["body"][0] == '{"band": "critical"}'
    assert latest_risks(connection, as_of=AS_OF)["student"].to_list() == [2, 1, 3]
    assert latest_risks(connection, students=[3])["risk"].to_list() == [None]


def test_an_answer_keeps_its_id(connection: psycopg.Connection):
    save_risks(connection, [a_risk(1)])
    assert latest_risks(connection)["id"].to_list() == [str(a_risk(1).id)]
    assert a_risk(1).id != a_risk(1, policy="2").id


def test_the_weekly_risks_are_the_last_of_each_week_of_who_has_a_score_now(
    connection: psycopg.Connection,
):
    body = {"risk_category": "high"}
    days = [timedelta(days=n) for n in (0, 1, 3, 8, 30)]
    save_risks(
        connection,
        [a_risk(1, 0.1 * n, as_of=AS_OF + day, body=body) for n, day in enumerate(days)],
    )
    save_risks(connection, [a_risk(2, body=body)])
    save_risks(
        connection,
        [a_risk(2, None, as_of=AS_OF + days[3], state="insufficient_data", interval=None)],
    )
    found = weekly_risks(connection, [1, 2, 3], AS_OF + timedelta(days=10))
    assert found.rows() == [(1, 0.0, "high"), (1, 0.2, "high"), (1, pytest.approx(0.3), "high")]
