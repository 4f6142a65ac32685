"""The registry: one checkpoint serves, and the one before it can come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from edupulse.school.errors import NotFound, NotReady
from edupulse.store import checkpoints as registry

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database()) as connection:
        yield connection


@pytest.fixture
def connection(database: psycopg.Connection) -> Iterator[psycopg.Connection]:
    with database.transaction(force_rollback=True):
        for name in ("abc1", "abd2"):
            registry.register(database, name, created=NOW, folder=name, decision={"gate": "open"})
        yield database


def promote(connection: psycopg.Connection, name: str, *, now: datetime) -> None:
    registry.promote(connection, name, now=now, by="ada", because="it is time")


def rolled_back(connection: psycopg.Connection, *, now: datetime) -> registry.Registered:
    return registry.rollback(connection, now=now, by="ada", because="it was wrong")


def test_a_registered_checkpoint_does_not_serve_until_it_is_promoted(
    connection: psycopg.Connection,
):
    assert registry.champion(connection) is None
    promote(connection, "abc1", now=NOW)
    champion = registry.champion(connection)
    assert champion is not None
    assert (champion.hash, champion.decision) == ("abc1", {"gate": "open"})


def test_only_one_checkpoint_serves_and_a_rollback_brings_the_former_back(
    connection: psycopg.Connection,
):
    promote(connection, "abc1", now=NOW)
    promote(connection, "abd2", now=NOW + timedelta(days=1))
    status = {one.hash: one.status for one in registry.checkpoints(connection)}
    assert status == {"abc1": "retired", "abd2": "champion"}
    assert rolled_back(connection, now=NOW + timedelta(days=2)).hash == "abc1"


def test_without_a_former_champion_there_is_no_rollback(connection: psycopg.Connection):
    promote(connection, "abc1", now=NOW)
    with pytest.raises(NotReady):
        rolled_back(connection, now=NOW)


def test_a_hash_may_be_shortened_as_long_as_it_names_one(connection: psycopg.Connection):
    assert registry.checkpoint(connection, "abc").hash == "abc1"
    for unclear in ("ab", "zz"):
        with pytest.raises(NotFound):
            registry.checkpoint(connection, unclear)


def test_registering_again_keeps_the_status(connection: psycopg.Connection):
    promote(connection, "abc1", now=NOW)
    registry.register(connection, "abc1", created=NOW, folder="moved", decision={})
    champion = registry.champion(connection)
    assert champion is not None
    assert champion.folder == "moved"


def test_when_the_champion_is_retired_nothing_serves(connection: psycopg.Connection):
    promote(connection, "abc1", now=NOW)
    registry.retire_champion(connection, now=NOW, by="ada", because="it drifted")
    assert registry.champion(connection) is None
    with pytest.raises(NotReady):
        registry.retire_champion(connection, now=NOW, by="ada", because="again")
    assert rolled_back(connection, now=NOW).hash == "abc1"


def test_every_decision_is_kept_with_who_took_it_and_why(connection: psycopg.Connection):
    promote(connection, "abc1", now=NOW)
    registry.promote(
        connection, "abd2", now=NOW, by="bo", because="better", grounds={"precision": 0.7}
    )
    registry.refuse(connection, "abc1", now=NOW, by="gate", because="worse", grounds={})
    rolled_back(connection, now=NOW)
    told = [
        (one.action, one.checkpoint, one.before, one.by) for one in registry.decisions(connection)
    ]
    assert told == [
        ("rolled_back", "abc1", "abd2", "ada"),
        ("refused", "abc1", "abd2", "gate"),
        ("promoted", "abd2", "abc1", "bo"),
        ("promoted", "abc1", None, "ada"),
    ]
    assert registry.decisions(connection)[2].grounds == {"precision": 0.7}


def test_promoting_what_serves_changes_nothing(connection: psycopg.Connection):
    for _ in range(2):
        promote(connection, "abc1", now=NOW)
    assert len(registry.decisions(connection)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE state.decisions SET by = 'eve'",
        "DELETE FROM state.decisions",
        "TRUNCATE state.decisions",
    ],
)
def test_a_decision_is_written_once(connection: psycopg.Connection, change: str):
    promote(connection, "abc1", now=NOW)
    with pytest.raises(psycopg.errors.RaiseException), connection.transaction():
        connection.execute(change)
    assert len(registry.decisions(connection)) == 1
