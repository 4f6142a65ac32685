"""Laws 1 and 2 at the store's door: known() is the history's own filter, for any instant and slice.

Here the past is read in SQL; `History.at` and `with_known_until` are the same rules in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.school.knowledge import History, with_known_until
from edupulse.school.records import ENROLLMENTS, STUDENT_IDS
from edupulse.store.merge import merge
from edupulse.store.store import Store, open_store
from edupulse.store.tables import CURRENT, PAST

START = datetime(2026, 1, 1, tzinfo=UTC)
VERSION = {"known_from": pl.Datetime("us", "UTC"), "retracted": pl.Boolean()}
STUDENTS = [1, 2, 3, 4]

days = st.integers(0, 5).map(lambda day: START + timedelta(days=day))
enrollments = st.builds(
    lambda student, grade_level, known_from, retracted: {
        "student": student,
        "school": 1,
        "grade_level": grade_level,
        "entered_on": date(2025, 9, 1),
        "left_on": None,
        "exit_type": "dropped_out" if grade_level == 9 else None,
        "primary": True,
        "known_from": known_from,
        "retracted": retracted,
    },
    st.sampled_from(STUDENTS),
    st.sampled_from([9, 10]),
    days,
    st.booleans(),
)
merges = st.builds(
    lambda old, new, known_from: {
        "old_student_id": old,
        "student": new,
        "known_from": known_from,
        "retracted": False,
    },
    st.sampled_from([3, 4]),
    st.sampled_from([1, 2, 3]),
    days,
)


def one_of_each(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Without versions of one record with the same `known_from`: those are another law's."""
    return list({(row[key], row["known_from"]): row for row in rows}.values())


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


@contextmanager
def holding(store: Store, frames: dict[Any, pl.DataFrame]) -> Iterator[None]:
    """The store with these versions and no others."""
    with store.writing() as connection:
        for kind, frame in frames.items():
            connection.execute(f'DELETE FROM records."{CURRENT[kind.name].name}"')
            connection.execute(f'DELETE FROM records."{PAST[kind.name].name}"')
            merge(connection, kind, [frame.with_columns(defaulted=pl.lit(False))], now=START)
    yield


@settings(max_examples=25)
@given(
    st.lists(enrollments, max_size=8).map(lambda rows: one_of_each(rows, "student")),
    st.lists(merges, max_size=3).map(lambda rows: one_of_each(rows, "old_student_id")),
    days,
    st.sets(st.sampled_from(STUDENTS), min_size=1).map(sorted),
)
def test_what_is_known_from_the_database_is_what_the_history_in_memory_says(
    store, enrolled, merged, as_of, students
):
    frames = {
        ENROLLMENTS: pl.DataFrame(enrolled, schema={**ENROLLMENTS.schema, **VERSION}),
        STUDENT_IDS: pl.DataFrame(merged, schema={**STUDENT_IDS.schema, **VERSION}),
    }
    in_memory = History(
        np.array(students, np.int32),
        {kind.name: with_known_until(kind, frame) for kind, frame in frames.items()},
    )
    with holding(store, frames):
        door = store.known(students, as_of).frames["enrollments"]
        everything = store.history(students).at(as_of).frames["enrollments"]
        until = store.history(students, until=as_of).at(as_of).frames["enrollments"]
    wanted = in_memory.at(as_of).frames["enrollments"]
    theirs = wanted.filter(pl.col("student").is_in(students)).sort(wanted.columns)
    for found in (door, everything, until):
        # Without a merge at that instant, rows of a number merged at another may come along.
        asked = found.filter(pl.col("student").is_in(students))
        assert asked.sort(asked.columns).equals(theirs)


@settings(max_examples=15)
@given(
    st.lists(enrollments, min_size=1, max_size=6).map(lambda rows: one_of_each(rows, "student")),
    days,
)
def test_versions_of_the_future_change_nothing_that_is_known(store, enrolled, as_of):
    whole = pl.DataFrame(enrolled, schema={**ENROLLMENTS.schema, **VERSION})
    past = whole.filter(pl.col("known_from") <= as_of)
    none = pl.DataFrame(schema={**STUDENT_IDS.schema, **VERSION})
    found = []
    for versions in (whole, past):
        with holding(store, {ENROLLMENTS: versions, STUDENT_IDS: none}):
            known = store.known(STUDENTS, as_of).frames["enrollments"]
            found.append(known.sort(known.columns))
    assert found[0].equals(found[1])
