"""The fact beside a factor: the newest one, unless it is just typical and others are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.risk.explanation import Explanation, Reference
from edupulse.risk.factors import factors_of, iso_week, strengths_of, stretches_of

RATE = 2  # absence_rate_ytd


@pytest.fixture
def one(windows):
    """One student with a full window, observed in one feature alone, just as is typical."""
    row = int(np.flatnonzero(windows.held.all(1))[0])
    observed = np.zeros((1, *windows.observed.shape[1:]), np.bool_)
    observed[0, :, RATE] = True
    values = np.where(observed, np.float32(0.05), np.nan)
    return replace(windows.take([row]), values=values, observed=observed)


def moved(one, weeks: dict[int, float], contribution: float = 0.5):
    """The student with other values in some weeks, what was typical, and the one share."""
    values = one.values.copy()
    for week, value in weeks.items():
        values[0, week, RATE] = value
    share = np.zeros((1, 42))
    share[0, RATE] = contribution
    found = Explanation(share, np.zeros((1, 42)), np.zeros(1), np.zeros(1))
    reference = Reference(one.values, one.observed, np.array([True]))
    return replace(one, values=values), reference, found, 0


def told(one, weeks: dict[int, float]):
    (factor,) = factors_of(*moved(one, weeks))
    return factor


def test_the_newest_value_is_told(one):
    assert told(one, {-1: 0.30, 3: 0.40}).value == pytest.approx(0.30)


def test_a_value_that_is_just_typical_gives_way_to_the_farthest_week(one):
    factor = told(one, {3: 0.40})
    week = iso_week(one.week_start[0, 3])
    assert factor.value == pytest.approx(0.40)
    assert f"(in week {week})" in factor.text
    assert factor.weeks == (week,)


def test_a_week_of_which_nothing_is_typical_hides_no_newer_fact(one):
    """Early weeks of many peers are not observed; what is told is still the newest value."""
    windows, reference, found, row = moved(one, {-1: 0.30})
    seen, usual = reference.observed.copy(), reference.values.copy()
    seen[0, 2, RATE], usual[0, 2, RATE] = False, np.nan
    (factor,) = factors_of(windows, replace(reference, values=usual, observed=seen), found, row)
    assert (factor.value, factor.typical) == pytest.approx((0.30, 0.05))


def test_of_what_is_never_typical_the_newest_is_told(one):
    windows, reference, found, row = moved(one, {})
    nothing = replace(
        reference,
        values=np.full_like(reference.values, np.nan),
        observed=np.zeros_like(reference.observed),
    )
    (factor,) = factors_of(windows, nothing, found, row)
    assert factor.typical is None
    assert factor.weeks == tuple(iso_week(one.week_start[0, week]) for week in (-3, -2, -1))


def test_a_good_fact_that_lowered_the_score_is_a_strength(one):
    (strength,) = strengths_of(*moved(one, {-1: 0.01}, contribution=-0.4))
    assert (strength.value, strength.typical) == pytest.approx((0.01, 0.05))
    assert strength.text.endswith("lowered the score.")


def test_a_bad_fact_is_no_strength_even_where_it_lowered_the_score(one):
    case = moved(one, {-1: 0.30}, contribution=-0.4)
    assert strengths_of(*case) == ()
    assert len(factors_of(*case)) == 1


def test_a_good_fact_that_raised_the_score_is_no_strength(one):
    assert strengths_of(*moved(one, {-1: 0.01}, contribution=0.4)) == ()


def test_a_stretch_names_the_weeks_that_the_student_has_in_it(one):
    held = one.held.copy()
    held[0, :12] = False
    share = np.zeros((1, 9))
    share[0, 4], share[0, 2] = 0.7, -0.2
    found = Explanation(share, np.zeros((1, 9)), np.zeros(1), np.zeros(1))
    grades, attendance = stretches_of(replace(one, held=held), found, 0)
    first, last = (iso_week(one.week_start[0, week]) for week in (12, 15))
    assert (grades.modality, grades.weeks) == ("grades", (first, last))
    assert grades.text == f"Grades and handed-in work of weeks {first} to {last} raised the score."
    assert attendance.modality == "attendance"
    assert attendance.text.endswith("lowered the score.")
