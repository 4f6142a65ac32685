"""Law 3 in the store: order, slicing and repetition of versions do not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.school.records import COURSE_GRADES
from edupulse.store.content import content_hash
from edupulse.store.merge import MANY, Merged, merge
from edupulse.store.rows import frame_values
from edupulse.store.staging import ARRIVING

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = {**COURSE_GRADES.schema, "known_from": pl.Datetime("us", "UTC"), "retracted": pl.Boolean()}
Row = dict[str, Any]

rows = st.builds(
    lambda student, term, percent, day, retracted: {
        "student": student,
        "section": 7,
        "posted_on": date(2026, 1, 5),
        "percent": percent,
        "code": None if percent else "A",
        "term_id": term,
        "kind": "final",
        "known_from": START + timedelta(days=day),
        "retracted": retracted,
    },
    st.integers(1, 2),
    st.sampled_from([None, "Q1"]),
    st.sampled_from([None, 50_000, 90_000]),
    st.integers(0, 3),
    st.booleans(),
)


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database()) as connection:
        yield connection


def frame(versions: list[Row], *, defaulted: bool = False) -> pl.DataFrame:
    made = pl.DataFrame(versions, schema=SCHEMA)
    return made.with_columns(defaulted=pl.lit(defaulted))


def expected(versions: list[Row]) -> set[tuple[Any, ...]]:
    """A model of the merge: for each record and instant the version of the greatest hash."""
    hashes = content_hash(COURSE_GRADES, frame(versions)).to_list()
    best: dict[tuple[Any, ...], dict[datetime, tuple[int, Row]]] = {}
    for row, number in zip(versions, hashes, strict=True):
        instants = best.setdefault((row["student"], row["term_id"]), {})
        held = instants.get(row["known_from"])
        if held is None or held[0] < number:
            instants[row["known_from"]] = (number, row)
    state = set()
    for instants in best.values():
        ordered = sorted(instants)
        for instant, until in zip(ordered, [*ordered[1:], None], strict=True):
            row = instants[instant][1]
            state.add((*(row[column] for column in SCHEMA), until))
    return state


def state_of(connection: psycopg.Connection) -> set[tuple[Any, ...]]:
    names = [*COURSE_GRADES.schema, "known_from", "retracted", "known_until"]
    listed = ", ".join(f'"{name}"' for name in names[:-1])
    found = connection.execute(
        f"SELECT {listed}, null::timestamptz FROM records.course_grades"
        f" UNION ALL SELECT {listed}, known_until FROM records.course_grades_past"
    ).fetchall()
    table = pl.DataFrame(found, schema=names, orient="row", infer_schema_length=None)
    return set(table.with_columns(frame_values(COURSE_GRADES)).iter_rows())


def merged(
    connection: psycopg.Connection, slices: list[list[Row]], **how: Any
) -> set[tuple[Any, ...]]:
    with connection.transaction(force_rollback=True):
        for part in slices:
            merge(connection, COURSE_GRADES, [frame(part)], now=START, **how)
        return state_of(connection)


@settings(max_examples=40)
@given(st.lists(rows, min_size=1, max_size=8), st.data())
def test_any_order_slicing_and_repetition_gives_the_same_state(database, versions, data):
    shuffled = data.draw(st.permutations(versions + data.draw(st.lists(st.sampled_from(versions)))))
    cut = data.draw(st.integers(0, len(shuffled)))
    state = merged(database, [shuffled[:cut], shuffled[cut:]])
    assert state == expected(versions)


@settings(max_examples=25)
@given(st.lists(rows, min_size=1, max_size=6), st.lists(rows, min_size=1, max_size=4))
def test_undated_rows_imported_twice_change_nothing_the_second_time(database, first, later):
    with database.transaction(force_rollback=True):
        merge(database, COURSE_GRADES, [frame(first, defaulted=True)], now=START, historical=True)
        second = START + timedelta(days=30)
        merge(database, COURSE_GRADES, [frame(later, defaulted=True)], now=second)
        state = state_of(database)
        again = merge(
            database,
            COURSE_GRADES,
            [frame(later, defaulted=True)],
            now=second + timedelta(days=1),
        )
        assert (again.new, again.revised) == (0, 0)
        assert state_of(database) == state


def a_grade(percent: int, day: int, **more: Any) -> Row:
    return {
        "student": 1,
        "section": 7,
        "posted_on": date(2026, 1, 5),
        "percent": percent,
        "code": None,
        "term_id": None,
        "kind": "final",
        "known_from": START + timedelta(days=day),
        "retracted": False,
        **more,
    }


def test_a_version_that_arrives_late_takes_its_place_among_the_others(database):
    state = merged(database, [[a_grade(50_000, 0), a_grade(70_000, 9)], [a_grade(60_000, 4)]])
    ends = sorted((row[3], row[-1]) for row in state if row[-1])
    assert ends == [(50_000, START + timedelta(days=4)), (60_000, START + timedelta(days=9))]


def test_the_merge_counts_what_it_did(database):
    with database.transaction(force_rollback=True):
        first = frame([a_grade(50_000, 0), a_grade(60_000, 1, retracted=True), a_grade(50_000, 0)])
        assert merge(database, COURSE_GRADES, [first], now=START) == Merged(3, 1, 1, 1, 0)
        clash = frame([a_grade(51_000, 0), a_grade(52_000, 0), a_grade(70_000, 0, student=2)])
        counted = merge(database, COURSE_GRADES, [clash], now=START)
        assert (counted.rows, counted.new) == (3, 1)
        assert counted.conflicts == 1


def test_an_undated_change_is_known_from_the_import(database):
    now = START + timedelta(days=30)
    with database.transaction(force_rollback=True):
        merge(database, COURSE_GRADES, [frame([a_grade(50_000, 0)])], now=now)
        changed = frame([a_grade(80_000, 0)], defaulted=True)
        merge(database, COURSE_GRADES, [changed], now=now, historical=True)
        assert {(row[3], row[7], row[-1]) for row in state_of(database)} == {
            (50_000, START, now),
            (80_000, now, None),
        }


def test_a_large_first_import_keeps_the_key_and_twice_is_once(database):
    many = pl.DataFrame({"student": pl.int_range(MANY, dtype=pl.Int32, eager=True)}).join(
        frame([a_grade(50_000, 0)]).drop("student"), how="cross"
    )
    twice = [many, many.with_columns(pl.col("known_from") + timedelta(days=1))]
    with database.transaction(force_rollback=True):
        first = merge(database, COURSE_GRADES, twice, now=START)
        assert (first.new, first.revised) == (MANY, MANY)
        again = merge(database, COURSE_GRADES, twice[::-1], now=START)
        assert (again.new, again.revised, again.conflicts) == (0, 0, 0)
        with pytest.raises(psycopg.errors.UniqueViolation):
            database.execute(
                "INSERT INTO records.course_grades SELECT * FROM records.course_grades LIMIT 1"
            )


def test_the_columns_of_arriving_versions_are_named_once():
    assert set(frame([]).columns) == {*COURSE_GRADES.schema, *ARRIVING}
