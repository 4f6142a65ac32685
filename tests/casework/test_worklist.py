"""Whom to see this week, and bands on it that do not flicker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edupulse.casework.worklist import Entry, worklist
from edupulse.risk.bands import BANDS, DEFAULT_POLICY
from edupulse.risk.steady import WeeklyScore, worklist_band


def shown(*risks: float) -> str:
    bands = DEFAULT_POLICY.bands(risks)
    return worklist_band([WeeklyScore(*one) for one in zip(risks, bands, strict=True)])


@pytest.mark.parametrize(
    ("risks", "band"),
    [
        ((0.29,), "medium"),
        ((0.29, 0.31), "medium"),
        ((0.29, 0.31, 0.32), "high"),
        ((0.29, 0.31, 0.29, 0.31), "medium"),
        ((0.31, 0.29, 0.28), "medium"),
        ((0.15, 0.26), "medium"),
        ((0.25, 0.36), "high"),
        ((0.40, 0.29), "medium"),
        ((0.29, 0.31, 0.29), "medium"),
        ((0.58, 0.61, 0.62), "critical"),
        ((0.05, 0.14, 0.24), "medium"),
    ],
)
def test_a_band_changes_after_two_weeks_or_a_jump(risks, band):
    assert shown(*risks) == band


def test_after_two_weeks_in_two_bands_it_is_the_nearer_one():
    weeks = [WeeklyScore(0.10, "medium"), WeeklyScore(0.18, "critical"), WeeklyScore(0.2, "high")]
    assert worklist_band(weeks) == "high"


RISKS = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(RISKS)
def test_the_band_shown_is_one_of_the_last_weeks_or_was_shown_before(risks):
    bands = DEFAULT_POLICY.bands(risks)
    now, before = shown(*risks), shown(*risks[:-1]) if risks[1:] else bands[0]
    assert now in {before, *bands[-2:]}


@given(RISKS)
def test_a_score_that_stays_is_shown_in_its_own_band(risks):
    assert shown(*risks, risks[-1], risks[-1]) == DEFAULT_POLICY.bands(risks[-1])[0]


ENTRIES = st.lists(
    st.builds(Entry, st.integers(1, 99), st.floats(0, 1), st.just("low"), st.booleans()),
    max_size=30,
    unique_by=lambda entry: entry.student,
)


@given(ENTRIES, st.integers(0, 40), st.integers(0, 40))
def test_more_capacity_adds_students_and_moves_nobody(caseload, some, more):
    """Law 11, for the list."""
    few, many = sorted((some, more))
    assert worklist(caseload, many)[:few] == worklist(caseload, few)
    assert len(worklist(caseload, many)) == min(many, len(caseload))


@given(ENTRIES)
def test_students_with_an_open_plan_come_last_and_within_each_part_the_riskiest_first(caseload):
    order = worklist(caseload, len(caseload))
    assert [one.open_plan for one in order] == sorted(one.open_plan for one in order)
    for part in (True, False):
        risks = [one.risk for one in order if one.open_plan is part]
        assert risks == sorted(risks, reverse=True)


def test_every_band_can_be_shown():
    assert {shown(risk) for risk in (0.05, 0.2, 0.4, 0.9)} == set(BANDS)
