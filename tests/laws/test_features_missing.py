"""Law 4: missing is not zero; and every observed value lies within its declared bounds."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from builders import District, weekdays
from edupulse.features.catalog import FAMILIES, FEATURES, INDEX
from edupulse.features.weekly import weekly_features
from features.random_district import STUDENTS, random_district

SEEDS = st.integers(0, 10_000)
GENERATE = (Phase.explicit, Phase.generate)
"""No shrinking: a smaller seed is no smaller district."""
DAYS = weekdays("2025-08-18", "2025-12-19")
RECORDS = {
    "attendance": ("attendance",),
    "grades": ("marks", "course_grades"),
    "discipline": ("incidents", "exclusions"),
}
COVERAGE = {
    "attendance": ("attendance",),
    "grades": ("marks", "course_grades"),
    "discipline": ("incidents",),
}


def features_of(district, as_of):
    return weekly_features(district.known(as_of, STUDENTS))


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=3, phases=GENERATE)
@given(seed=SEEDS)
def test_without_coverage_a_family_is_unobserved_and_the_others_stay(family, seed):
    district, as_of = random_district(seed)
    before = features_of(district, as_of)
    coverage = district.rows["coverage"]
    district.rows["coverage"] = [row for row in coverage if row["kind"] not in COVERAGE[family]]
    after = features_of(district, as_of)
    assert not after.observed[..., FAMILIES[family]].any()
    assert np.isnan(after.values[..., FAMILIES[family]]).all()
    for other in FAMILIES.keys() - {family}:
        columns = FAMILIES[other]
        assert after.values[..., columns].tobytes() == before.values[..., columns].tobytes()


@settings(max_examples=4, phases=GENERATE)
@given(seed=SEEDS)
def test_without_marks_and_posted_grades_no_grade_is_observed(seed):
    district, as_of = random_district(seed)
    for kind in RECORDS["grades"]:
        district.rows[kind].clear()
    assert not features_of(district, as_of).observed[..., FAMILIES["grades"]].any()


@settings(max_examples=4, phases=GENERATE)
@given(seed=SEEDS)
def test_unobserved_is_nan_and_nothing_else_and_bounds_hold(seed):
    district, as_of = random_district(seed)
    features = features_of(district, as_of)
    assert (np.isnan(features.values) == ~features.observed).all()
    assert not features.observed[~features.held].any()
    for at, feature in enumerate(FEATURES):
        seen = features.values[..., at][features.observed[..., at]]
        assert (seen >= feature.low).all(), feature.name
        assert (seen <= feature.high).all(), feature.name


def test_a_stale_export_is_not_perfect_attendance():
    district = District().school(1, DAYS, through=date(2025, 10, 3)).enrolled(1, 1, "2025-08-18")
    features = weekly_features(district.known("2025-11-14"))
    week = INDEX["attendance_rate_w"]
    fresh = features.week_start[0] <= np.datetime64("2025-09-29")
    assert features.observed[0, features.held[0] & fresh, week].all()
    assert not features.observed[0, ~fresh, week].any()


def test_a_school_that_records_nothing_gives_nothing_but_attendance():
    flags = dict.fromkeys(
        [f"records_{what}" for what in ("excuse", "tardies", "partial_days", "gradebook")], False
    )
    district = District().school(1, DAYS, records_incidents=False, **flags)
    features = weekly_features(district.enrolled(1, 1, "2025-08-18").known("2025-11-14"))
    observed = features.observed[0, -1]
    assert not observed[FAMILIES["discipline"]].any()
    assert not observed[FAMILIES["grades"]].any()
    for name in ("unexcused_rate_d45", "tardy_rate_d20", "partial_day_rate_d20"):
        assert not observed[INDEX[name]]
    assert observed[INDEX["attendance_rate_w"]]
