"""Lead time: from the first row that names a student to the first day of the outcome."""

from __future__ import annotations

import numpy as np
import pytest

from edupulse.model.bootstrap import resampled
from edupulse.model.leads import Timing, lead_times

DAY = np.datetime64("2025-01-01")
NONE = np.datetime64("NaT", "D")


def timing(came_on: list[np.datetime64], as_of: np.ndarray) -> Timing:
    """Every day is a school day."""
    return Timing(
        np.array(came_on, "datetime64[D]"),
        lambda rows, days: (days - as_of[rows]).astype(np.int64),
    )


@pytest.fixture
def rows():
    """Student 7: three rows, the outcome of the last two came on day 50. 8: never. 9: once."""
    student = np.array([7, 7, 7, 8, 9])
    as_of = DAY + np.array([0, 20, 60, 0, 0])
    came_on = [NONE, DAY + 50, DAY + 80, NONE, DAY + 30]
    off_track = np.array([False, True, True, False, True])
    before = timing(came_on, as_of).before(np.ones(5, bool), off_track, student)
    return before, np.array([0, 0, 0, 1, 2])


def test_days_are_left_until_the_students_first_outcome_and_none_after_it(rows):
    before, _ = rows
    assert before[:2].tolist() == [50, 30]
    assert before[4] == 30
    assert np.isnan(before[[2, 3]]).all()


@pytest.mark.parametrize(
    ("named", "share", "days"),
    [
        ([1, 1, 1, 1, 1], 1.0, 30),
        ([1, 0, 0, 0, 0], 0.5, 50),
        ([0, 1, 1, 1, 0], 0.5, 30),
        ([0, 0, 1, 1, 0], 0.0, np.nan),
    ],
)
def test_the_first_row_that_names_a_student_counts_and_late_ones_do_not(rows, named, share, days):
    before, place = rows
    in_time, lead = lead_times(np.array(named, bool), before, place, resampled(3, 0, 0))
    assert in_time[0] == share
    assert lead[0] == pytest.approx(days, nan_ok=True)


def test_an_outcome_outside_the_population_does_not_count():
    as_of = DAY + np.array([0, 40])
    came_on, off_track = [DAY + 30, DAY + 70], np.array([True, True])
    only_second = np.array([False, True])
    before = timing(came_on, as_of).before(only_second, off_track, np.array([1, 1]))
    assert before.tolist() == [30]


def test_drawn_students_weigh_as_often_as_they_are_drawn():
    before, place = np.array([10.0, 20.0, 30.0, 40.0]), np.arange(4)
    named = np.array([True, True, True, False])
    draws = np.array([[1, 1, 1, 1], [0, 0, 5, 5], [0, 0, 0, 3]], np.float32)
    share, days = lead_times(named, before, place, draws)
    assert share.tolist() == [0.75, 0.5, 0.0]
    assert days[:2].tolist() == [20, 30]
    assert np.isnan(days[2])
