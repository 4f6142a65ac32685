"""Every group beside everyone else: figures with intervals, gaps with verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edupulse.model import metrics
from edupulse.model.bootstrap import NORMAL_95, Draws, Estimate, estimated
from edupulse.model.curves import Array
from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.rates import (
    BASE_RATE,
    ERROR,
    HIGH,
    MISSED,
    RAISED,
    Counts,
    Judged,
    Sample,
    estimates,
    standard_error,
)
from edupulse.model.fairness.verdicts import LEAST_STUDENTS, Gap, Measured, judge
from edupulse.model.metrics import Ranking
from edupulse.model.rows import Bools, Floats

AUROC, SLOPE = "auroc", "calibration_slope"
SHOWN = (BASE_RATE, AUROC, MISSED, RAISED, SLOPE, ERROR)
LEAST_SHOWN = 10
"""Figures of fewer students than this are not shown: they would tell of single children."""

_CELLS = 8_000_000


@dataclass(frozen=True)
class Margins:
    """The smallest gap that matters, by rate: what a verdict is about."""

    false_negative_rate: float = 0.05
    false_positive_rate: float = 0.05
    mean_error: float = 0.02

    def items(self) -> tuple[tuple[str, float], ...]:
        """The rates whose gaps are judged, with their margins."""
        return tuple((rate, getattr(self, rate)) for rate in (MISSED, RAISED, ERROR))


@dataclass(frozen=True)
class Subgroup:
    """One group of one grouping: figures by name, and its gaps to everyone else, by rate.

    Left out are a figure that is not defined, AUROC and slope of fewer than 30 students (or fewer
    than 5 with the outcome, or without), and everything of fewer than 10 students.
    """

    grouping: str
    group: str
    rows: int
    students: int
    figures: Mapping[str, Estimate]
    gaps: Mapping[str, Gap] = field(default_factory=dict)


def subgroups(
    judged: Judged,
    groupings: Sequence[Grouping],
    *,
    threshold: float = HIGH,
    margins: Margins | None = None,
    replicates: int = 300,
    seed: int = 0,
) -> tuple[Subgroup, ...]:
    """Every group of every grouping beside the other rows whose group is known.

    False negatives and positives are counted at `threshold`. Gaps are a group's figure minus that
    of everyone else; one call is one family of tests (see `verdicts`).
    """
    sample = Sample(judged, threshold, replicates, seed)
    compared = [_compared(judged, sample, *one) for one in _groups(groupings)]
    return tuple(_with_gaps(compared, (margins or Margins()).items()))


@dataclass(frozen=True, eq=False)
class _Compared:
    """A group, its counts and those of everyone else, and their rates over all weightings."""

    subgroup: Subgroup
    ours: Counts
    theirs: Counts
    our_rates: Mapping[str, Array]
    their_rates: Mapping[str, Array]

    def gap(self, rate: str) -> Measured | None:
        sides = [(self.ours, self.our_rates), (self.theirs, self.their_rates)]
        return _measured(self.our_rates[rate] - self.their_rates[rate], sides, rate)


def _groups(groupings: Sequence[Grouping]) -> Iterator[tuple[Grouping, int]]:
    for grouping in groupings:
        for code in np.unique(grouping.code[grouping.known]):
            yield grouping, int(code)


def _compared(judged: Judged, sample: Sample, grouping: Grouping, code: int) -> _Compared:
    rows = grouping.code == code
    ours = sample.counts(rows)
    theirs = sample.counts(grouping.known) - ours
    rates, others = ours.rates(sample.draws), theirs.rates(sample.draws)
    figures = _figures(judged, sample, rows, ours, rates) if ours.students >= LEAST_SHOWN else {}
    label = grouping.labels[code]
    group = Subgroup(grouping.name, label, int(rows.sum()), ours.students, figures)
    return _Compared(group, ours, theirs, rates, others)


def _figures(
    judged: Judged, sample: Sample, rows: Bools, counts: Counts, rates: Mapping[str, Array]
) -> dict[str, Estimate]:
    """Every figure of some rows, in the order in which they are shown."""
    found = estimates(counts, rates)
    support = counts.support(BASE_RATE)
    if support.students >= LEAST_STUDENTS and not support.thin:
        found |= _ranked(judged, sample, rows)
    return {name: found[name] for name in SHOWN if name in found}


def _ranked(judged: Judged, sample: Sample, rows: Bools) -> dict[str, Estimate]:
    """AUROC and calibration slope of some rows, in pieces so that memory stays small."""
    risk, label, place = judged.risk[rows], judged.off_track[rows], sample.place[rows]
    if label.all() or not label.any():
        return {}
    step = max(_CELLS // len(label), 1)
    pieces = [
        _ranked_piece(risk, label, sample.draws[begin : begin + step][:, place])
        for begin in range(0, len(sample.draws), step)
    ]
    values = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    found = {name: estimated(replicated) for name, replicated in values.items()}
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _ranked_piece(risk: Floats, label: Bools, weights: Draws) -> dict[str, Array]:
    return {
        AUROC: Ranking(risk, label, weights).auroc(),
        SLOPE: metrics.calibration_slope(risk, label, weights),
    }


def _with_gaps(
    compared: Sequence[_Compared], margins: Sequence[tuple[str, float]]
) -> Iterator[Subgroup]:
    by_rate = {
        rate: _judge([one.gap(rate) for one in compared], margin) for rate, margin in margins
    }
    for number, one in enumerate(compared):
        gaps = {rate: gap for rate, found in by_rate.items() if (gap := found[number]) is not None}
        yield replace(one.subgroup, gaps=gaps if one.subgroup.figures else {})


def _judge(measured: Sequence[Measured | None], margin: float) -> list[Gap | None]:
    """The verdicts in their places; None where a difference is not defined."""
    defined = [one for one in measured if one is not None]
    gaps = iter(judge(defined, margin))
    return [None if one is None else next(gaps) for one in measured]


def _measured(
    difference: Array, sides: Sequence[tuple[Counts, Mapping[str, Array]]], rate: str
) -> Measured | None:
    """A difference with its interval; the thinner side makes both as wide as they must be."""
    estimate = estimated(difference)
    if estimate is None:
        return None
    supports = [counts.support(rate) for counts, _ in sides]
    error = float(np.nanstd(difference[1:]))
    if any(support.thin for support in supports):
        parts = [standard_error(counts, rate, rates[rate]) for counts, rates in sides]
        error = max(error, float(np.hypot.reduce(parts)))
        low, high = estimate.value - NORMAL_95 * error, estimate.value + NORMAL_95 * error
        estimate = Estimate(estimate.value, min(estimate.low, low), max(estimate.high, high))
    return Measured(estimate, error, min(support.students for support in supports))
