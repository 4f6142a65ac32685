"""Law 8, its first half: a value stands where the catalog names it."""

from __future__ import annotations

import pytest

from builders import District, weekdays
from edupulse.features.catalog import FEATURES, INDEX, NAMES
from edupulse.features.weekly import weekly_features

DAYS = weekdays("2025-08-18", "2026-06-12")

GOLDEN = {
    "attendance_rate_w": 0.8,
    "attendance_rate_d20": 0.9,
    "absence_rate_ytd": 0.05,
    "unexcused_rate_d45": 0.025,
    "excused_rate_d45": 0.025,
    "tardy_rate_d20": 0.05,
    "longest_streak_d45": 1,
    "days_since_absence": 3,
    "gpa_ytd": 2.5,
    "lowest_percent": 70,
    "ela_percent": 85,
    "math_percent": 70,
    "core_percent": 77.5,
    "core_spread": 15,
    "failing_share": 0,
    "incident_days_w": 1,
    "incident_rate_d45": 2.5,
    "severity_load_d60": 4,
    "severity_max_d60": 4,
    "days_since_incident": 0,
    "exclusion_days_ytd": 1,
    "behavior_variety_d60": 2 / 3,
}


def golden_district():
    district = District().school(1, DAYS).enrolled(1, 1, "2025-08-18")
    district.term(1, "F", "2025-08-18", "2025-12-19")
    for day, status in ((30, "excused"), (36, "unexcused"), (33, "tardy")):
        district.add("attendance", student=1, school=1, date=DAYS[day], status=status)
    for number, subject, percent in ((1, "ela", 85), (2, "math", 70)):
        district.add("sections", section=number, school=1, term_id="F", subject=subject)
        district.add(
            "course_grades", student=1, section=number, posted_on=DAYS[30], percent=percent
        )
    incident = {"incident_id": "i", "student": 1}
    district.add("incidents", **incident, date=DAYS[39], behavior="fighting", severity=4)
    district.add("exclusions", **incident, kind="in_school", begins_on=DAYS[39])
    return district


def test_each_value_stands_where_the_catalog_names_it():
    values = weekly_features(golden_district().known(DAYS[39].isoformat())).values[0, -1]
    assert {name: values[INDEX[name]] for name in GOLDEN} == pytest.approx(GOLDEN, rel=1e-6)


def test_the_catalog_names_42_different_features_in_three_families():
    assert len(set(NAMES)) == len(FEATURES) == 42
    assert all(feature.low < feature.high for feature in FEATURES)
