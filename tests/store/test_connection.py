"""Which database, how it is reached, and what is said when it is not."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import psycopg
import pytest
import sqlalchemy
from sqlalchemy import text

from edupulse.school.errors import BadInput, DatabaseDown
from edupulse.store import connection, embedded


@pytest.fixture
def nobody_listens() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"postgresql://ada:s3cret@127.0.0.1:{port}/district"


def test_an_engine_and_adbc_read_the_same_database(empty_database: Callable[[], str]) -> None:
    url = empty_database()
    engine = connection.engine(url)
    with engine.begin() as session:
        session.execute(text("CREATE TABLE words (word text)"))
        session.execute(text("INSERT INTO words VALUES ('drift')"))
    engine.dispose()
    with connection.adbc_connection(url) as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT word FROM words")
        assert pl.DataFrame(cursor.fetch_arrow()).rows() == [("drift",)]


def test_databases_of_two_tests_have_nothing_in_common(empty_database: Callable[[], str]) -> None:
    assert empty_database() != empty_database()


def test_database_url_is_taken_when_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://ada@example/district")
    assert connection.database_url() == "postgresql://ada@example/district"
    assert not connection.is_embedded()


def test_an_empty_database_url_means_the_embedded_one(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert connection.is_embedded()
    assert connection.database_url() == postgres_url


@pytest.mark.parametrize(
    "url", ["sqlite:///s3cret.db", "s3cret", "postgresql://h/d?nonsense=s3cret"]
)
def test_another_database_is_refused_without_repeating_the_address(url: str) -> None:
    with pytest.raises(BadInput, match="DATABASE_URL") as refused, connection.engine(url).connect():
        pass
    assert "s3cret" not in str(refused.value)


def test_a_database_that_does_not_answer_is_named_so_without_its_password(
    nobody_listens: str,
) -> None:
    with pytest.raises(DatabaseDown, match="doctor") as silent:
        connection.engine(nobody_listens).connect()
    assert "s3cret" not in f"{silent.value!r}{silent.value.__cause__!r}"
    with pytest.raises(DatabaseDown, match="doctor"):
        connection.adbc_connection(nobody_listens)


def test_a_wrong_password_is_told_from_silence(postgres_url: str) -> None:
    before, _, after = postgres_url.rpartition("@")
    scheme, _, _ = before.rpartition(":")
    with pytest.raises(DatabaseDown, match="refuses the user name or the password"):
        connection.engine(f"{scheme}:wrong@{after}").connect()


def test_a_database_that_is_not_there_is_told_from_silence(postgres_url: str) -> None:
    with pytest.raises(DatabaseDown, match="no such database"):
        connection.engine(postgres_url.replace("/edupulse?", "/elsewhere?")).connect()


def test_a_connection_lost_in_the_middle_is_our_error_and_the_next_one_works(
    postgres_url: str,
) -> None:
    engine = connection.engine(postgres_url)
    with engine.connect() as lost:
        number = lost.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [number])
        with pytest.raises(DatabaseDown):
            lost.execute(text("SELECT 1"))
    with engine.connect() as again:
        assert again.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_an_engine_starts_a_killed_embedded_server_again(
    reachable_folder: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = reachable_folder()
    monkeypatch.setenv("EDUPULSE_HOME", str(home))
    engine = connection.engine()
    with engine.connect() as first:
        session = first.scalar(text("SELECT pg_backend_pid()"))
    server = embedded.status(home).process
    assert server is not None
    os.kill(server, signal.SIGKILL)
    while Path(f"/proc/{session}/cwd").exists():  # it ends when it sees that its parent is gone
        time.sleep(0.01)
    with engine.connect() as second:
        assert second.scalar(text("SELECT 1")) == 1
    engine.dispose()
    embedded.remove(home)


def test_errors_of_statements_do_not_repeat_their_parameters(postgres_url: str) -> None:
    engine = connection.engine(postgres_url)
    with pytest.raises(sqlalchemy.exc.DBAPIError) as failed, engine.connect() as session:
        session.execute(text("SELECT 1 / (length(:name) - 11)"), {"name": "Ada Example"})
    assert "Ada" not in str(failed.value)
    engine.dispose()


@pytest.mark.parametrize("query", ["SELECT %s::text", "SELECT json_build_array(%s::json ->> 0)"])
def test_a_text_that_postgresql_cannot_hold_is_bad_input(empty_database, query: str) -> None:
    engine = connection.engine(empty_database())
    told = '["\\u0000"]' if "json" in query else "\0"
    with pytest.raises(BadInput, match="NUL"), connection.transaction(engine) as opened:
        opened.execute(query, [told])
    engine.dispose()
