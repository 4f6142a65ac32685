"""Law 1: what was not known at the as-of instant changes no feature."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from builders import District
from edupulse.features.weekly import weekly_features
from edupulse.school.errors import Leakage
from features.random_district import STUDENTS, random_district

SEEDS = st.integers(0, 10_000)
GENERATE = (Phase.explicit, Phase.generate)
"""No shrinking: a smaller seed is no smaller district."""


def features_of(district, as_of):
    return weekly_features(district.known(as_of, STUDENTS))


@settings(max_examples=6, phases=GENERATE)
@given(seed=SEEDS, other=SEEDS, late=st.integers(1, 40))
def test_records_known_later_change_no_feature(seed, other, late):
    district, as_of = random_district(seed)
    before = features_of(district, as_of)
    future, _ = random_district(other)
    for kind, rows in future.rows.items():
        for row in rows:
            since = max(row["known_from"], as_of + timedelta(hours=late))
            district.rows[kind].append({**row, "known_from": since})
    after = features_of(district, as_of)
    assert after.values.tobytes() == before.values.tobytes()
    assert after.enrolled_days.tolist() == before.enrolled_days.tolist()


HAPPENED_ON = {
    "attendance": "date",
    "marks": "due_on",
    "course_grades": "posted_on",
    "incidents": "date",
    "exclusions": "begins_on",
}


@settings(max_examples=8, phases=GENERATE)
@given(seed=SEEDS)
def test_what_is_announced_for_tomorrow_changes_no_feature_today(seed):
    """The canary: an absence excused in advance is known, but has not happened."""
    district, as_of = random_district(seed)
    zones = {row["timezone"] or "UTC" for row in district.rows["schools"]}
    today = max(as_of.astimezone(ZoneInfo(zone)).date() for zone in zones)
    announced = 0
    without = District()
    for kind, rows in district.rows.items():
        day = HAPPENED_ON.get(kind)
        tomorrow = [row for row in rows if day and row[day] > today]
        announced += len(tomorrow)
        for row in tomorrow:
            row["known_from"] = min(row["known_from"], as_of - timedelta(days=30))
        without.rows[kind] = [row for row in rows if row not in tomorrow]
    assume(announced)
    values = features_of(without, as_of).values
    assert features_of(district, as_of).values.tobytes() == values.tobytes()


@settings(max_examples=6, phases=GENERATE)
@given(seed=SEEDS)
def test_forgetting_what_came_to_be_known_later_changes_no_feature(seed):
    district, as_of = random_district(seed)
    remembered = District()
    for kind, rows in district.rows.items():
        remembered.rows[kind] = [row for row in rows if row["known_from"] <= as_of]
    values = features_of(district, as_of).values
    assert features_of(remembered, as_of).values.tobytes() == values.tobytes()


@pytest.mark.parametrize("thing", [None, {}, "records"])
def test_only_what_came_through_the_door_is_taken(thing):
    with pytest.raises(Leakage):
        weekly_features(thing)


def test_a_history_is_not_taken_either():
    history = District().history([1])
    with pytest.raises(Leakage):
        weekly_features(history)
    assert weekly_features(history.at(datetime(2025, 9, 1, tzinfo=UTC))).held.sum() == 0
