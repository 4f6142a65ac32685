"""The open store: snapshots that do not move, connections that may die, districts that may not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.sql import SQL

from edupulse.school.errors import BadInput, DatabaseDown, NotFound, NotReady
from edupulse.store import connection
from edupulse.store.district import DistrictSettings, namespace_of, the_district
from edupulse.store.reading import among
from edupulse.store.store import Store, open_store, store_at

HOW_MANY = SQL("SELECT count(*) AS n FROM state.imports")
AN_IMPORT = (
    "INSERT INTO state.imports VALUES (gen_random_uuid(), now(), now(), 'upsert', 'a test', '{}')"
)


@pytest.fixture(scope="module")
def url(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def test_a_snapshot_does_not_see_what_is_committed_after_it_began(store: Store):
    with store.snapshot() as reading:
        before = reading.rows(HOW_MANY).item()
        with store.writing() as connection:
            connection.execute(AN_IMPORT)
        assert reading.rows(HOW_MANY).item() == before
    with store.snapshot() as reading:
        assert reading.rows(HOW_MANY).item() == before + 1


def test_a_snapshot_cannot_write(store: Store):
    with pytest.raises(DatabaseDown), store.snapshot() as reading:
        reading.rows(SQL(AN_IMPORT + " RETURNING 1"))


def test_a_connection_that_died_while_idle_is_replaced(store: Store, url: str):
    with store.snapshot() as reading:
        process = reading.rows(SQL("SELECT pg_backend_pid()")).item()
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    with store.snapshot() as reading:
        assert reading.rows(SQL("SELECT pg_backend_pid()")).item() != process


def test_a_transaction_that_fails_leaves_nothing(store: Store):
    with store.snapshot() as reading:
        before = reading.rows(HOW_MANY).item()
    with pytest.raises(psycopg.Error), store.writing() as connection:
        connection.execute(AN_IMPORT + "; SELECT 1 / 0")
    with store.snapshot() as reading:
        assert reading.rows(HOW_MANY).item() == before


def test_a_database_belongs_to_one_district(store: Store):
    with store.writing() as connection:
        first = the_district(connection, DistrictSettings(EDUPULSE_DISTRICT="Springfield"))
        assert first.namespace == namespace_of("Springfield")
        assert the_district(connection, DistrictSettings()) == first
        with pytest.raises(NotReady):
            the_district(connection, DistrictSettings(EDUPULSE_DISTRICT="Shelbyville"))


def test_a_time_zone_that_does_not_exist_is_refused():
    with pytest.raises(BadInput):
        DistrictSettings(EDUPULSE_TIMEZONE="Atlantis/Capital")


def test_nobody_is_found_under_an_unknown_name(store: Store):
    for name in ("nobody", "5e4cdae2-b449-5e7f-8fc8-66d502000000"):
        with pytest.raises(NotFound):
            store.resolve_student(name)


def test_a_run_of_keys_becomes_a_range():
    asked = {
        (4, 2, 3): '"student" BETWEEN 2 AND 4',
        (1, 5): """"student" = ANY('{1,5}'::integer[])""",
        (): "false",
    }
    for keys, condition in asked.items():
        assert among("student", list(keys)).as_string() == condition


def test_a_session_that_is_ended_in_the_middle_is_a_database_that_is_down(store: Store, url: str):
    def lost() -> None:
        with store.writing() as opened:
            process = opened.execute("SELECT pg_backend_pid()").fetchone()[0]
            with psycopg.connect(url) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
            opened.execute(AN_IMPORT)

    with pytest.raises(DatabaseDown):
        lost()
    assert store.champion() is None


def test_a_store_may_be_there_before_its_database(url: str):
    later = re.sub(r"/test_\d+", "/comes_later", url)
    with store_at(later) as store:
        with pytest.raises(DatabaseDown):
            store.champion()
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE DATABASE comes_later")
        assert store.champion() is None
        with store.snapshot() as reading:
            assert reading.rows(HOW_MANY).item() == 0


def test_who_waits_too_long_for_a_connection_is_told_so(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "SECONDS_TO_WAIT", 0)
    with store_at(url) as store, ExitStack() as held:
        for _ in range(connection.CONNECTIONS + connection.CONNECTIONS // 2):
            held.enter_context(store.writing())
        with pytest.raises(DatabaseDown, match="in use"):
            held.enter_context(store.writing())
