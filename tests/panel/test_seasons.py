from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from edupulse.panel.horizon import known_calendar
from edupulse.panel.seasons import days_left, state_of
from panel.districts import YEAR_BEGINS, YEAR_ENDS, District, day, weekdays
from panel.random_windows import random_windows

FULL = replace(
    random_windows(1),
    held=np.ones((1, 20), np.bool_),
    week_start=np.array([np.datetime64("2024-09-02") + 7 * np.arange(20)]),
)
THIS_YEAR, LATER_YEAR = np.array(["2024-09-02"], "M8[D]"), np.array(["2024-12-01"], "M8[D]")


def state(windows=FULL, enrolled=90, left=90, begins=THIS_YEAR) -> str:
    return state_of(windows, np.array([enrolled]), np.array([left]), begins)[0]


def left_on(text: str) -> int:
    district = District().school().year().term(YEAR_BEGINS, YEAR_ENDS)
    calendar = known_calendar(district.known(datetime(2030, 1, 1, tzinfo=UTC)))
    number = np.array([np.datetime64(day(text)).astype(int)], np.int32)
    return int(days_left(calendar, np.array([1], np.int32), number)[0][0])


def test_the_days_left_are_those_after_the_day_itself():
    assert left_on("2025-06-12") == 1
    assert left_on("2025-06-13") == 0
    assert left_on("2024-09-01") == 0
    assert left_on("2025-04-18") == len(weekdays("2025-04-21", YEAR_ENDS)) == 40


def test_forty_days_left_are_in_season_and_39_are_not():
    assert state(left=40) == "scored"
    assert state(left=39) == "out_of_season"


def test_without_weeks_of_the_year_before_fifteen_enrolled_days_are_needed():
    assert state(enrolled=14) == "insufficient_data"
    assert state(enrolled=15) == "scored"
    assert state(enrolled=1, begins=LATER_YEAR) == "scored"


def test_a_student_of_whom_nothing_was_observed_is_not_scored():
    nothing = replace(FULL, observed=np.zeros_like(FULL.observed))
    assert state(nothing) == "insufficient_data"


def test_a_student_who_is_not_enrolled_is_not_scored():
    assert state(replace(FULL, school=np.array([-1], np.int32))) == "insufficient_data"


def test_last_years_weeks_count_only_where_something_was_observed():
    blank = FULL.observed.copy()
    blank[:, :15] = False
    assert (
        state(replace(FULL, observed=blank), enrolled=3, begins=LATER_YEAR) == "insufficient_data"
    )
