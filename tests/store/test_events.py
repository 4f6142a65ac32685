"""Events in an order in which nothing comes in behind, whatever order transactions commit in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from edupulse.pipeline.intake import intake
from edupulse.school.errors import BadInput
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import schema
from edupulse.store.events import MOST, NOWHERE, QUESTION, Mark, News, Position, news_by
from edupulse.store.risks import StoredRisk, save_risks
from edupulse.store.store import Store, open_store
from pipeline.small_folder import small, write_folder
from store import lines

DAY = datetime(2025, 10, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str], tmp_path_factory) -> Iterator[tuple[str, Store]]:
    url = empty_database()
    folder: Path = write_folder(tmp_path_factory.mktemp("records"), small())
    with open_store(url) as opened:
        intake(opened, csv_folder(folder), now=DAY, home=folder)
        yield url, opened


@pytest.fixture
def store(database: tuple[str, Store]) -> Store:
    with database[1].writing() as connection:
        connection.execute("TRUNCATE state.events, state.deliveries, state.risks")
        said = [risk(student, 0, "low") for student in (1, 2)]
        save_risks(connection, said)
    return database[1]


def risk(student: int, day: int, band: str) -> StoredRisk:
    as_of = DAY + timedelta(days=day)
    return StoredRisk(student, as_of, "gru", "1", "band", "c", 0.5, body={"risk_category": band})


def news(store: Store, *positions: Position) -> News:
    return lines.told(store, QUESTION, lambda line: news_by(line, positions))


def told(store: Store, position: Position) -> tuple[list[int], Position]:
    found, after = news(store, position).after(position)
    return [one.student for one in found], after


def test_what_commits_later_is_told_though_its_number_is_lower(database, store) -> None:
    position = news(store, NOWHERE).upto
    with psycopg.connect(database[0]) as first, psycopg.connect(database[0]) as second:
        save_risks(first, [risk(1, 1, "high")])
        save_risks(second, [risk(2, 1, "high")])
        second.commit()
        early, position = told(store, position)
        first.commit()
    late, position = told(store, position)
    assert early == [], "what was begun before it may still come"
    assert late == [1, 2]
    assert told(store, position)[0] == []


def test_what_was_undone_is_never_told_and_holds_nothing_up(database, store) -> None:
    position = news(store, NOWHERE).upto
    with psycopg.connect(database[0]) as first:
        save_risks(first, [risk(1, 1, "high")])
        first.rollback()
    with store.writing() as connection:
        save_risks(connection, [risk(2, 1, "high")])
    assert told(store, position)[0] == [2]


def test_changes_are_written_though_no_webhook_listens_but_not_while_restoring(store) -> None:
    position = news(store, NOWHERE).upto
    with store.writing() as connection:
        connection.execute("SET LOCAL edupulse.quiet = 'on'")
        save_risks(connection, [risk(1, 1, "high")])
    with store.writing() as connection:
        save_risks(connection, [risk(2, 1, "high")])
        waiting = connection.execute("SELECT count(*) FROM state.deliveries").fetchone()
    assert told(store, position)[0] == [2]
    assert waiting == (0,)


def test_much_is_read_piece_by_piece_and_each_position_on_its_own(store) -> None:
    begin = news(store, NOWHERE).upto
    with store.writing() as connection:
        for day in range(1, MOST + 11):
            save_risks(connection, [risk(1, day, "high" if day % 2 else "low")])
    first, middle = told(store, begin)
    rest, end = told(store, middle)
    assert (len(first), len(rest)) == (MOST, 10)
    both = news(store, begin, middle, end)
    assert [len(both.after(one)[0]) for one in (begin, middle, end)] == [MOST, 10, 0]


def test_an_event_is_of_the_transaction_that_wrote_it_whatever_a_backup_says(store) -> None:
    with store.writing() as connection:
        row = connection.execute(
            "INSERT INTO state.events (name, body, xid) VALUES ('x', '{}', 1)"
            " RETURNING xid = pg_current_xact_id()::text::bigint"
        ).fetchone()
    assert row == (True,)


def test_a_mark_is_of_one_database(store, empty_database: Callable[[], str]) -> None:
    here = news(store, NOWHERE)
    mark = Mark(here.epoch, here.upto)
    here.require(Mark.read(str(mark)))
    with open_store(empty_database()) as other:
        with other.engine.begin() as opened:  # as a restore does
            schema.drop(opened)
            schema.upgrade(opened)
        with pytest.raises(BadInput, match="another database"):
            news(other, NOWHERE).require(mark)
