"""Law 7: parts do not touch."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edupulse.panel.splits import check_split, split
from panel.districts import end

NOW = end("2040-01-01")
FIRST = np.datetime64("2022-09-01T20:00:00", "us")


@given(
    gaps=st.lists(st.integers(20, 40), min_size=15, max_size=40),
    lengths=st.lists(st.integers(1, 60), min_size=40, max_size=40),
)
def test_every_label_of_a_part_has_closed_before_the_next_part_begins(gaps, lengths):
    as_of = FIRST + np.cumsum(gaps).astype("timedelta64[D]")
    closes_at = as_of + np.array(lengths[: as_of.size], "timedelta64[D]")
    parts = split(as_of, closes_at, NOW)
    check_split(parts, as_of, closes_at)
    rows = parts.parts(as_of)
    assert closes_at[rows["train"]].max() <= as_of[rows["calibrate"]].min()
    assert closes_at[rows["calibrate"]].max() <= as_of[rows["test"]].min()
    assert min(mask.sum() for mask in rows.values()) >= 3
