"""By which rules a candidate may take the place of what serves."""

from __future__ import annotations

import numpy as np
import pytest

from edupulse.model.bootstrap import Estimate
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.gate import Check, Decision
from edupulse.model.metrics import listed
from edupulse.model.promotion import (
    DEFAULT_PROMOTION,
    SERVING,
    Misses,
    against_serving,
    covers,
    misses_of,
    settled,
)
from model.planted_rows import planted_labels, random_rows

METHOD = "candidate"


@pytest.fixture(scope="module")
def rows():
    return random_rows(6000)


@pytest.fixture(scope="module")
def labels(rows):
    return planted_labels(rows)


def failed(rows, labels, candidate, serving, misses=()) -> list[str]:
    """What fails where both say these risks."""
    nobody = np.zeros(len(candidate), bool)
    both = [Prediction(METHOD, candidate, candidate), Prediction(SERVING, serving, serving)]
    evaluation = evaluate(both, rows, labels, flagged=nobody, replicates=50)
    checks = against_serving(evaluation, METHOD, misses, DEFAULT_PROMOTION)
    return [check.name for check in checks if not check.passed]


def test_the_same_model_may_take_its_own_place(rows, labels):
    assert failed(rows, labels, labels.truth, labels.truth) == []


def test_a_worse_ranking_may_not(rows, labels):
    noise = np.random.default_rng(0).permutation(labels.truth)
    assert "precision_kept" in failed(rows, labels, noise, labels.truth)
    assert failed(rows, labels, labels.truth, noise) == []


def test_a_worse_calibration_may_not(rows, labels):
    assert failed(rows, labels, labels.truth**2, labels.truth) == ["calibration_kept"]


@pytest.mark.parametrize(
    ("growth", "passes"),
    [
        (Estimate(0.04, 0.01, 0.07), True),
        (Estimate(0.20, -0.01, 0.41), True),
        (Estimate(0.06, 0.01, 0.11), False),
    ],
)
def test_a_gap_that_grew_clearly_and_by_much_stops_it(rows, labels, growth, passes):
    found = failed(rows, labels, labels.truth, labels.truth, (Misses("g: a", 90, growth),))
    assert found == ([] if passes else ["no_group_missed_more"])


def test_misses_of_a_group_that_the_candidate_does_not_see_are_found(rows, labels):
    group = np.where(rows.student % 3 == 0, "a", "b").astype(np.str_)
    day = np.zeros(len(group), int)
    blind = np.where(group == "a", 0.0, labels.truth)
    found = misses_of(
        listed(blind, day, 0.3),
        listed(labels.truth, day, 0.3),
        labels.off_track,
        rows.student,
        {"g": group},
        policy=DEFAULT_PROMOTION,
        replicates=100,
    )
    grown = {one.group: one.growth for one in found}
    assert grown["g: a"].low > 0.3
    assert grown["g: b"].high < -0.3
    assert grown["g: a"].value == pytest.approx(-grown["g: b"].value)


def test_a_group_with_few_off_track_students_is_not_asked(rows, labels):
    group = np.where(rows.student < 20, "few", "").astype(np.str_)
    on_list = listed(labels.truth, np.zeros(len(group), int), 0.3)
    arguments = (on_list, on_list, labels.off_track, rows.student, {"g": group})
    assert misses_of(*arguments, policy=DEFAULT_PROMOTION, replicates=10) == ()


def test_a_list_takes_the_top_of_each_group_and_shares_a_tie():
    score = np.array([3.0, 2.0, 2.0, 1.0, 9.0, 8.0])
    group = np.array([0, 0, 0, 0, 1, 1])
    assert listed(score, group, 0.5).tolist() == [1.0, 0.5, 0.5, 0.0, 1.0, 0.0]


def test_sets_that_leave_out_the_truth_of_one_class_do_not_pass():
    off_track = np.arange(100) < 20
    everything = np.ones((100, 2), bool)
    assert covers(everything, off_track, DEFAULT_PROMOTION).passed
    some = everything.copy()
    some[:4, 1] = False
    check = covers(some, off_track, DEFAULT_PROMOTION)
    assert not check.passed
    assert "100.0% of on-track and 80.0% of off-track" in check.reason


def test_one_more_check_that_fails_keeps_a_model_from_serving():
    gate = Decision(METHOD, True, "abc_rules", (Check("a", True, ""),))
    assert settled(gate, (Check("b", True, ""),)).serves
    assert not settled(gate, (Check("b", False, ""),)).serves
