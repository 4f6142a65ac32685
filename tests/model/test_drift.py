"""Drift of the features: what moved is named, what did not is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.model.drift import drifts, psi
from model.planted_rows import random_rows

ALL = np.ones(1000, bool)


def days():
    return random_rows(4000, seed=1), random_rows(4000, seed=2)


def moved(before, now) -> set[tuple[int, int]]:
    return {(one.school, one.feature) for one in drifts(before, now) if one.psi > 0.25}


def test_the_same_population_has_not_moved():
    before, now = days()
    assert moved(before, now) == set()
    assert len(list(drifts(before, now))) == 4 * before.values.shape[2]


def test_what_moved_in_one_school_is_named():
    before, now = days()
    values = now.values.copy()
    values[now.school == 2, :, 5] += 1.0
    assert moved(before, replace(now, values=values)) == {(2, 5)}


def test_what_is_not_observed_any_more_has_moved():
    before, now = days()
    observed = now.observed.copy()
    observed[now.school == 1, :, 7] = False
    assert moved(before, replace(now, observed=observed)) == {(1, 7)}


def test_a_school_with_few_students_is_not_asked():
    before, now = days()
    school = np.where(np.arange(4000) < 99, 9, now.school)
    assert 9 not in {one.school for one in drifts(replace(before, school=school), now)}


def test_the_index_by_hand():
    """Two equal halves before, a quarter and three quarters now: (1/4) ln 2 + (1/4) ln 1.5."""
    before = np.repeat(np.float32([0, 1]), 500)
    now = np.repeat(np.float32([0, 1]), [250, 750])
    by_hand = 0.25 * np.log(2) + 0.25 * np.log(1.5)
    assert psi(before, ALL, now, ALL) == pytest.approx(by_hand, rel=0.02)
    assert psi(before, ALL, before, ALL) == 0.0


def test_a_feature_never_seen_on_either_day_has_not_moved():
    nothing = np.full(1000, np.nan, np.float32)
    assert psi(nothing, ~ALL, nothing, ~ALL) == 0.0
