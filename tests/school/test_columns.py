"""Columns as arrays: the same values as Polars gives, null and all."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from edupulse.school.columns import columns_of, integers, positions_of_words, rows_of


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


def test_words_become_their_positions_and_null_minus_one():
    words = pl.Enum(["low", "middle", "high"])
    assert positions_of_words(pl.Series(["high", None, "low"], dtype=words)).tolist() == [2, -1, 0]
    assert positions_of_words(pl.Series([None], dtype=words)).tolist() == [-1]
    assert positions_of_words(pl.Series([], dtype=words)).tolist() == []


def test_a_frame_of_some_columns_and_rows_is_what_a_query_would_give():
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [True, False, None]})
    some = rows_of(columns_of(frame, ("b", "a")), np.array([True, False, True]))
    assert some.equals(frame.select("b", "a").filter(pl.Series([True, False, True])))
    assert rows_of(frame, np.ones(3, np.bool_)) is frame
