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


def test_a_registered_checkpoint_does_not_serve_until_it_is_promoted(
    connection: psycopg.Connection,
):
    assert registry.champion(connection) is None
    registry.promote(connection, "abc1", now=NOW)
    champion = registry.champion(connection)
    assert champion is not None
    assert (champion.hash, champion.decision) == ("abc1", {"gate": "open"})


def test_only_one_checkpoint_serves_and_a_rollback_brings_the_former_back(
    connection: psycopg.Connection,
):
    registry.promote(connection, "abc1", now=NOW)
    registry.promote(connection, "abd2", now=NOW + timedelta(days=1))
    status = {one.hash: one.status for one in registry.checkpoints(connection)}
    assert status == {"abc1": "retired", "abd2": "champion"}
    assert registry.rollback(connection, now=NOW + timedelta(days=2)).hash == "abc1"


def test_without_a_former_champion_there_is_no_rollback(connection: psycopg.Connection):
    registry.promote(connection, "abc1", now=NOW)
    with pytest.raises(NotReady):
        registry.rollback(connection, now=NOW)


def test_a_hash_may_be_shortened_as_long_as_it_names_one(connection: psycopg.Connection):
    assert registry.checkpoint(connection, "abc").hash == "abc1"
    for unclear in ("ab", "zz"):
        with pytest.raises(NotFound):
            registry.checkpoint(connection, unclear)


def test_registering_again_keeps_the_status(connection: psycopg.Connection):
    registry.promote(connection, "abc1", now=NOW)
    registry.register(connection, "abc1", created=NOW, folder="moved", decision={})
    champion = registry.champion(connection)
    assert champion is not None
    assert champion.folder == "moved"


def test_when_the_champion_is_retired_nothing_serves(connection: psycopg.Connection):
    registry.promote(connection, "abc1", now=NOW)
    registry.retire_champion(connection)
    assert registry.champion(connection) is None
