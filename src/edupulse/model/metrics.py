"""Metrics over many weightings of the rows at once, so that a bootstrap is one array operation.

Every function takes `weights [B, N]`, one row of weights a replicate, and returns `[B]`; NaN where
a replicate holds only one class. Equal scores count as tied, whatever the order of the rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edupulse.model.curves import Array, logit, sigmoid
from edupulse.model.rows import Bools, Floats, Ints

Weights = NDArray[np.floating[Any]]
_ECE_BINS = 15
_SLOPE_BINS = 400


class Ranking:
    """Rows in descending order of their score, tied rows in one block, perhaps within groups.

    Holds the weight `total [B, K]` and the off-track weight `positive [B, K]` of each block.
    """

    def __init__(
        self, score: Floats, label: Bools, weights: Weights, group: Ints | None = None
    ) -> None:
        keys = (-score,) if group is None else (-score, group)
        order = np.lexsort(keys)
        changed = np.ones(len(order), dtype=bool)
        changed[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
        starts = np.flatnonzero(changed)
        sorted_weights = weights[:, order]
        self.total = np.add.reduceat(sorted_weights, starts, axis=1, dtype=np.float64)
        self.positive = np.add.reduceat(
            sorted_weights * label[order], starts, axis=1, dtype=np.float64
        )
        self.group = None if group is None else group[order][starts]

    def auroc(self) -> Array:
        """Area under the ROC curve: the chance that a positive outranks a negative."""
        negative = self.total - self.positive
        below = negative.sum(axis=1, keepdims=True) - negative.cumsum(axis=1)
        wins = (self.positive * (below + 0.5 * negative)).sum(axis=1)
        return _ratio(wins, self.positive.sum(axis=1) * negative.sum(axis=1))

    def average_precision(self) -> Array:
        """Mean precision over the positives, each at its own block's end."""
        precision = _ratio(self.positive.cumsum(axis=1), self.total.cumsum(axis=1), 0.0)
        return _ratio((self.positive * precision).sum(axis=1), self.positive.sum(axis=1))

    def at_capacity(self, share: float) -> tuple[Array, Array]:
        """Precision and recall of the top `share` of every group, pooled over the groups.

        A block that does not fit wholly is taken in part: the expectation under random order.
        """
        assert self.group is not None  # noqa: S101 - a ranking without groups has no capacity
        starts = np.flatnonzero(np.diff(self.group, prepend=self.group[0] - 1))
        sizes = np.diff(starts, append=len(self.group))
        room = share * np.add.reduceat(self.total, starts, axis=1)
        before = self.total.cumsum(axis=1) - self.total
        before = before - np.repeat(before[:, starts], sizes, axis=1)
        taken = np.clip(np.repeat(room, sizes, axis=1) - before, 0.0, self.total)
        hits = (_ratio(taken, self.total, 0.0) * self.positive).sum(axis=1)
        return _ratio(hits, taken.sum(axis=1)), _ratio(hits, self.positive.sum(axis=1))


def weighted_mean(values: Floats | Bools, weights: Weights) -> Array:
    """The mean of one number a row."""
    return _ratio(weights @ values.astype(np.float64), weights.sum(axis=1))


def brier(risk: Floats, label: Bools, weights: Weights) -> Array:
    """Mean squared error of the probability."""
    return _ratio(weights @ np.square(risk - label), weights.sum(axis=1))


def mean_error(risk: Floats, label: Bools, weights: Weights) -> Array:
    """Mean risk minus the observed rate: above 0 the risk is too high on the whole."""
    return _ratio(weights @ (risk - label), weights.sum(axis=1))


def calibration_error(risk: Floats, label: Bools, weights: Weights) -> Array:
    """Expected calibration error over 15 bins of equally many rows: mean |risk - rate|."""
    gaps = _binned(risk, weights * (risk - label), _ECE_BINS)
    return _ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def calibration_slope(risk: Floats, label: Bools, weights: Weights) -> Array:
    """Slope of the outcome's log odds over the risk's: 1 is right, below 1 is overconfident.

    Rows are joined to 400 bins of nearly equal risk first.
    """
    x = logit(risk)
    ones = np.ones((1, len(x)))
    count = _binned(risk, weights, _SLOPE_BINS)
    positive = _binned(risk, weights * label, _SLOPE_BINS)
    center = (_binned(risk, ones * x, _SLOPE_BINS) / _binned(risk, ones, _SLOPE_BINS))[0]
    if np.ptp(center) == 0:
        return np.full(len(weights), np.nan)
    slope = _newton_slopes(center, count, positive)
    one_class = (positive.sum(axis=1) == 0) | (positive.sum(axis=1) == count.sum(axis=1))
    return np.where(one_class, np.nan, slope)


def _newton_slopes(x: Array, count: Array, positive: Array) -> Array:
    """Slopes `[B]` of logistic regressions of `positive [B, K]` among `count` on `x [K]`."""
    a, b = np.ones(len(count)), np.zeros(len(count))
    for _ in range(25):
        p = sigmoid(a[:, None] * x + b[:, None])
        w, error = count * p * (1 - p) + 1e-9, positive - count * p
        s0, s1, s2 = w.sum(axis=1), w @ x, w @ np.square(x)
        g0, g1 = error.sum(axis=1), error @ x
        determinant = s0 * s2 - s1 * s1
        step_a = np.clip((s0 * g1 - s1 * g0) / determinant, -2, 2)
        step_b = np.clip((s2 * g0 - s1 * g1) / determinant, -2, 2)
        a, b = a + step_a, b + step_b
        if max(np.abs(step_a).max(), np.abs(step_b).max()) < 1e-8:
            break
    return a


def flag_rates(flagged: Bools, label: Bools, weights: Weights) -> tuple[Array, Array]:
    """Sensitivity and specificity of a flag; their mean is its balanced accuracy."""
    sensitivity = _ratio(weights @ (flagged & label), weights @ label.astype(np.float64))
    specificity = _ratio(weights @ (~flagged & ~label), weights @ (~label).astype(np.float64))
    return sensitivity, specificity


def listed(score: Floats, group: Ints, share: float) -> Array:
    """How far each row is on a list of the top `share` of its group: 0, 1, or the chance in a tie.

    Capacity is the same for every method this way, whatever its scores mean.
    """
    on_list = np.zeros(len(score))
    for one in np.unique(group):
        rows = np.flatnonzero(group == one)
        _, tie, count = np.unique(-score[rows], return_inverse=True, return_counts=True)
        before = np.cumsum(count) - count
        room = share * len(rows)
        on_list[rows] = (np.clip(room - before, 0, count) / count)[tie]
    return on_list


def named(score: Floats, group: Ints, share: float) -> Bools:
    """Who is on the list of the top `share` of each group, by lot among equals."""
    lot = np.random.default_rng(0).random(len(score))
    order = np.lexsort((lot, -score, group))
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, size)
    on_list = np.zeros(len(score), np.bool_)
    on_list[order] = place < np.repeat(share * size, size)
    return on_list


def _binned(risk: Floats, parts: Weights, bins: int) -> Array:
    """Sums `[B, bins]` of `parts [B, N]` over bins of equally many rows in order of risk."""
    order = np.argsort(risk, kind="stable")
    starts = np.unique(
        np.linspace(0, len(order), min(bins, len(order)), endpoint=False).astype(int)
    )
    return np.asarray(np.add.reduceat(parts[:, order], starts, axis=1, dtype=np.float64))


def _ratio(part: Weights, whole: Weights, otherwise: float = np.nan) -> Array:
    fill = np.full(np.broadcast(part, whole).shape, otherwise)
    return np.asarray(np.divide(part, whole, out=fill, where=whole > 0), dtype=np.float64)
