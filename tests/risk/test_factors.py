"""The fact beside a factor: the newest one, unless it is just typical and others are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.risk.explanation import Explanation, Reference
from edupulse.risk.factors import factors_of, iso_week

RATE = 2  # absence_rate_ytd


@pytest.fixture
def one(windows):
    """One student with a full window, observed in one feature alone, just as is typical."""
    row = int(np.flatnonzero(windows.held.all(1))[0])
    observed = np.zeros((1, *windows.observed.shape[1:]), np.bool_)
    observed[0, :, RATE] = True
    values = np.where(observed, np.float32(0.05), np.nan)
    return replace(windows.take([row]), values=values, observed=observed)


def told(one, weeks: dict[int, float]):
    values = one.values.copy()
    for week, value in weeks.items():
        values[0, week, RATE] = value
    contribution = np.zeros((1, 42))
    contribution[0, RATE] = 0.5
    found = Explanation(contribution, np.zeros((1, 42)), np.zeros(1), np.zeros(1))
    reference = Reference(one.values, one.observed)
    (factor,) = factors_of(replace(one, values=values), reference, found, 0)
    return factor


def test_the_newest_value_is_told(one):
    assert told(one, {-1: 0.30, 3: 0.40}).value == pytest.approx(0.30)


def test_a_value_that_is_just_typical_gives_way_to_the_farthest_week(one):
    factor = told(one, {3: 0.40})
    week = iso_week(one.week_start[0, 3])
    assert factor.value == pytest.approx(0.40)
    assert f"(in week {week})" in factor.text
    assert factor.weeks == (week,)
