"""The register of experiments: its order, its states, and that no row of it is ever changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege, RaiseException

from edupulse.store import experiments
from edupulse.store.asking import Asker
from edupulse.store.experiments import Experiment, Wanted
from edupulse.store.store import Store, open_store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WANTED = Wanted(
    "Spring", "sha256:new", "Does it find more?", "auroc", date(2026, 3, 2), date(2026, 3, 9)
)
CHANGES = (
    "UPDATE state.experiments SET measure = 'brier'",
    "UPDATE state.experiments SET champion = 'sha256:other'",
    "DELETE FROM state.experiments",
    "TRUNCATE state.experiments CASCADE",
    "UPDATE state.experiment_ends SET reason = 'another'",
    "DELETE FROM state.experiment_ends",
    "TRUNCATE state.experiment_ends",
)


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


@pytest.fixture
def connection(store: Store) -> Iterator[psycopg.Connection]:
    with store.writing() as opened, opened.transaction(force_rollback=True):
        yield opened


def add(connection: psycopg.Connection, now: datetime = NOW) -> UUID:
    id_ = uuid4()
    experiments.add(connection, id_, WANTED, "sha256:old", by="ada", now=now)
    return id_


def listed(connection: psycopg.Connection, limit: int = 9, after=None) -> list[Experiment]:
    return experiments.listed(connection, after=after, limit=limit)


def test_it_is_kept_as_it_was_registered(connection: psycopg.Connection) -> None:
    id_ = add(connection)
    one = experiments.experiment(connection, id_)
    assert one == Experiment(id_, WANTED, "sha256:old", "ada", NOW, None, None, "")
    assert experiments.experiment(connection, uuid4()) is None


def test_the_newest_comes_first_and_pages_go_on_where_one_ended(
    connection: psycopg.Connection,
) -> None:
    at = [NOW + timedelta(minutes=minutes) for minutes in (0, 2, 1, 1, 1)]
    made = {add(connection, now): now for now in at}
    whole = listed(connection)
    assert [one.id for one in whole] == sorted(made, key=lambda id_: (made[id_], id_), reverse=True)
    for place, one in enumerate(whole):
        rest = listed(connection, after=(one.registered, one.id))
        assert rest == whole[place + 1 :]
    assert listed(connection, limit=2) == whole[:2]


@pytest.mark.parametrize(
    ("day", "state"),
    [("03-01", "planned"), ("03-02", "running"), ("03-09", "running"), ("03-10", "over")],
)
def test_its_state_is_that_of_its_days(connection, day: str, state: str) -> None:
    id_ = add(connection)
    on = date.fromisoformat(f"2026-{day}")
    assert experiments.experiment(connection, id_).state_on(on) == state
    assert experiments.end(connection, id_, "It is late.", by="bo", now=NOW)
    assert experiments.experiment(connection, id_).state_on(on) == "over"


def test_the_first_end_stays(connection: psycopg.Connection) -> None:
    id_ = add(connection)
    assert experiments.end(connection, id_, "It is late.", by="bo", now=NOW)
    assert not experiments.end(connection, id_, "No, else.", by="eve", now=NOW + timedelta(days=1))
    one = experiments.experiment(connection, id_)
    assert (one.reason, one.ended_by, one.ended) == ("It is late.", "bo", NOW)


@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_itself_changes_no_row(connection: psycopg.Connection, change: str) -> None:
    id_ = add(connection)
    experiments.end(connection, id_, "It is late.", by="bo", now=NOW)
    before = listed(connection)
    with pytest.raises(RaiseException, match="written once"), connection.transaction():
        connection.execute(change)
    assert listed(connection) == before


@pytest.mark.parametrize("statement", [*CHANGES, "SELECT 1 FROM state.experiments"])
def test_who_asks_about_students_has_no_part_in_it(store: Store, statement: str) -> None:
    asker = Asker(NOW)
    with pytest.raises(InsufficientPrivilege), store.writing_as(asker) as opened:
        opened.execute(statement)


@pytest.mark.parametrize(
    "wrong", ["'a', 'b', '2026-03-02', '2026-03-01'", "'a', 'a', '2026-03-02', '2026-03-02'"]
)
def test_the_database_takes_no_days_turned_round_and_none_against_itself(
    connection: psycopg.Connection, wrong: str
) -> None:
    insert = (
        "INSERT INTO state.experiments (id, name, question, measure, by, registered, champion,"
        " challenger, begins_on, ends_on) VALUES (gen_random_uuid(), 'n', 'q', 'auroc', 'b', now(),"
        f" {wrong})"
    )
    with pytest.raises(CheckViolation), connection.transaction():
        connection.execute(insert)
