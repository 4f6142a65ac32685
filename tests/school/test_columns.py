"""Columns as arrays: the same values as Polars gives, null and all."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from edupulse.school.columns import Columns, columns_of, inserted, integers, joined, rows_of
from edupulse.school.fields import INSTANT


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([3, None, 2**31 - 1], dtype=pl.Int32), [3, -7, 2**31 - 1]),
        (pl.Series([-(2**31), 5], dtype=pl.Int32), [-(2**31), 5]),
        (pl.Series([date(1970, 1, 2), None]), [1, -7]),
        (pl.Series([True, None, False]), [1, -7, 0]),
        (pl.Series([None, None], dtype=pl.Int16), [-7, -7]),
        (pl.Series([], dtype=pl.Date), []),
    ],
)
def test_whole_numbers_days_and_truths_become_int32_and_null_what_is_asked_for(column, expected):
    found = integers(column, -7)
    assert found.dtype == np.int32
    assert found.tolist() == expected


def test_a_frame_of_some_columns_and_rows_is_what_a_query_would_give():
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [True, False, None]})
    some = rows_of(columns_of(frame, ("b", "a")), np.array([True, False, True]))
    assert some.equals(frame.select("b", "a").filter(pl.Series([True, False, True])))
    assert rows_of(frame, np.ones(3, np.bool_)) is frame


FRAME = pl.DataFrame(
    {
        "student": [1, 1, 2, 3],
        "due_on": [date(2024, 3, 1), None, date(1969, 7, 20), date(2030, 1, 1)],
        "points": [0, None, 7_500, -1],
        "late": [True, None, False, True],
        "status": ["high", None, "low", "low"],
        "title": ["a", None, "", "é"],
        "known_until": [None, datetime(2024, 3, 1, 5, tzinfo=UTC), None, None],
    },
    schema={
        "student": pl.Int32(),
        "due_on": pl.Date(),
        "points": pl.Int32(),
        "late": pl.Boolean(),
        "status": pl.Enum(["low", "middle", "high"]),
        "title": pl.String(),
        "known_until": INSTANT,
    },
)


def test_columns_hold_all_that_a_frame_does():
    columns = Columns.of(FRAME)
    assert columns.frame(FRAME.schema).equals(FRAME)
    assert columns.frame({"title": pl.String()}).equals(FRAME.select("title"))
    assert columns.filled("points", -7).tolist() == [0, -7, 7_500, -1]
    assert Columns.of(FRAME.clear()).frame(FRAME.schema).equals(FRAME.clear())


@pytest.mark.parametrize(
    ("which", "rows"),
    [
        (np.array([True, False, True, False]), [0, 2]),
        (np.ones(4, np.bool_), [0, 1, 2, 3]),
        (np.array([3, 0, 0]), [3, 0, 0]),
        (slice(1, 3), [1, 2]),
        (slice(2, 2), []),
    ],
)
def test_rows_are_chosen_with_their_texts_and_instants(which, rows):
    whole = Columns.of(FRAME)
    assert whole.rows(which).frame(FRAME.schema).equals(FRAME[rows])
    twice = whole.rows(np.array([3, 2, 1, 0])).rows(which)
    assert twice.frame(FRAME.schema).equals(FRAME[[3 - row for row in rows]])
    numbers = whole.rows(which).numbers
    assert isinstance(which, slice) or numbers.flags.c_contiguous


def test_rows_are_put_together_and_between_each_other():
    first, second = Columns.of(FRAME[:2]), Columns.of(FRAME[2:].select(reversed(FRAME.columns)))
    assert joined([first, Columns.of(FRAME[2:])]).frame(FRAME.schema).equals(FRAME)
    assert joined([first]) is first
    mixed = inserted(first, np.array([0, 2]), second)
    assert mixed.frame(FRAME.schema).equals(FRAME[[2, 0, 1, 3]])
