"""The array functions agree with a slow oracle that was written apart from them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edupulse.features.catalog import NAMES
from edupulse.features.weekly import weekly_features
from features.oracle import Oracle
from features.random_district import STUDENTS, random_district

SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_agrees_on_a_random_district(seed):
    district, as_of = random_district(seed)
    known = district.known(as_of, STUDENTS)
    features = weekly_features(known)
    for at, student in enumerate(STUDENTS):
        oracle = Oracle(known, student)
        assert features.held[at].sum() == len(oracle.weeks)
        mondays = features.week_start[at][features.held[at]]
        assert mondays.tolist() == oracle.weeks
        held = features.values[at][features.held[at]]
        for week, expected, values in zip(oracle.weeks, oracle.features(), held, strict=True):
            assert_same(f"seed {seed}, student {student}, {week}", expected, values)


def assert_same(where, expected, values):
    assert set(expected) == set(NAMES)
    for name, value in zip(NAMES, values, strict=True):
        wanted = math.nan if expected[name] is None else float(expected[name])
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5, err_msg=f"{name}, {where}")
