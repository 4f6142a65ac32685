"""A policy of bands may be used only where its bands mean what they say, in every group."""

from __future__ import annotations

import numpy as np
import pytest

from edupulse.risk.activation import BandRate, activation, band_rates, wilson
from edupulse.risk.bands import DEFAULT_POLICY


class Closed:
    """A closed period: risks, and outcomes that come true as often as `truth(risk)` says."""

    def __init__(self, students: int = 4000, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.risk = self.rng.beta(1, 2, students)
        self.student = np.arange(students) // 2
        self.group = np.where(self.student % 5 == 0, "few", "many")
        self.truth = self.risk.copy()

    def failed(self) -> list[str]:
        off_track = self.rng.random(len(self.truth)) < self.truth
        labels = {"dimension": self.group.astype(np.str_)}
        rates = band_rates(DEFAULT_POLICY, self.risk, off_track, self.student, labels)
        return [check.name for check in activation(DEFAULT_POLICY, rates) if not check.passed]


def test_calibrated_risks_have_bands_that_hold():
    assert [Closed(seed=seed).failed() for seed in range(5)] == [[]] * 5


def test_risks_twice_as_high_as_the_truth_do_not():
    closed = Closed()
    closed.truth = closed.risk / 2.5
    assert closed.failed() == ["bands_hold"]


def test_one_group_for_which_they_do_not_hold_is_enough():
    closed = Closed()
    closed.truth = np.where(closed.group == "few", closed.risk / 3, closed.risk)
    assert closed.failed() == ["bands_hold"]


def test_a_group_too_small_to_be_asked_is_not():
    closed = Closed()
    closed.group = np.where(closed.student < 90, "few", "")
    closed.truth = np.where(closed.group == "few", 0.0, closed.risk)
    assert closed.failed() == []


def test_rates_that_fall_from_band_to_band_are_seen():
    closed = Closed()
    closed.truth = 1 - closed.risk
    assert closed.failed() == ["bands_hold", "bands_rise"]


def test_without_any_row_nothing_may_be_activated():
    assert not any(check.passed for check in activation(DEFAULT_POLICY, ()))


def test_the_reason_names_the_group_the_band_and_the_figures():
    wrong = BandRate("g: 1", "critical", 50, 40, wilson(0.2, 40))
    [hold, _] = activation(DEFAULT_POLICY, [wrong])
    assert "g: 1, critical: 20.0% (10.5% to 34.8%)" in hold.reason


@pytest.mark.parametrize(
    ("share", "count", "low", "high"), [(0.0, 10, 0.0, 0.2775), (0.5, 100, 0.4038, 0.5962)]
)
def test_wilson_by_example(share, count, low, high):
    """Worked out by hand from the formula."""
    found = wilson(share, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)
