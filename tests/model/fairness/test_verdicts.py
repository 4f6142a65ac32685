"""Holm's correction is the one of statsmodels; a verdict follows from interval and margin alone."""

from __future__ import annotations

import pytest

from edupulse.model.bootstrap import Estimate
from edupulse.model.fairness.verdicts import Measured, holm, judge


def test_holm_agrees_with_statsmodels():
    values = [0.04, 0.001, 0.03, 0.5, 0.001, 0.2]
    theirs = pytest.importorskip("statsmodels.stats.multitest").multipletests(values, method="holm")
    assert holm(values) == pytest.approx(list(theirs[1]))
    assert holm([]) == []


@pytest.mark.parametrize(
    ("value", "error", "students", "verdict"),
    [
        (0.20, 0.02, 500, "higher"),
        (-0.20, 0.02, 500, "lower"),
        (0.01, 0.01, 500, "level"),
        (0.02, 0.005, 500, "level"),
        (0.04, 0.04, 500, "unknown"),
        (0.00, 0.10, 500, "unknown"),
        (0.50, 0.02, 29, "unknown"),
    ],
)
def test_a_verdict_on_one_gap(value, error, students, verdict):
    estimate = Estimate(value, value - 1.96 * error, value + 1.96 * error)
    (gap,) = judge([Measured(estimate, error, students)], margin=0.05)
    assert gap.verdict == verdict
    assert (gap.p is None) == (students < 30)


def test_a_gap_that_stands_alone_may_fall_among_many():
    estimate = Estimate(0.10, 0.01, 0.19)
    one = Measured(estimate, 0.046, 500)
    others = [Measured(Estimate(0.0, -0.09, 0.09), 0.046, 500)] * 10
    assert judge([one], margin=0.05)[0].verdict == "higher"
    among_many = judge([one, *others], margin=0.05)[0]
    assert among_many.verdict == "unknown"
    assert "chance among so many groups" in among_many.reason
