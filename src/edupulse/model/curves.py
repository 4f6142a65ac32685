"""Monotone curves from logits to probabilities: logistic, beta and isotonic, in NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edupulse.model.rows import Bools, Floats

Array = NDArray[np.float64]

#: Smooth curves are kept as knots this far apart on the logit: error below 5e-5 at usual slopes.
_REACH, _KNOTS = 12.0, 601
_EDGE = 1e-6
_ITERATIONS = 50


@dataclass(frozen=True)
class Table:
    """A curve as knots: straight between them, level beyond them. All that serving needs."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def at(self, logits: Floats) -> Array:
        """The curve's value at each logit."""
        return np.asarray(np.interp(logits, *self._knots), dtype=np.float64)

    @cached_property
    def _knots(self) -> tuple[Array, Array]:
        return np.asarray(self.x, np.float64), np.asarray(self.y, np.float64)


def sigmoid(logits: Floats) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64))))


def logit(probabilities: Floats, edge: float = 1e-6) -> Array:
    """ln(p / (1 - p)) of probabilities, kept `edge` away from 0 and 1."""
    inside = np.clip(np.asarray(probabilities, dtype=np.float64), edge, 1.0 - edge)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def fit_logistic(columns: Array, labels: Floats, weights: Floats | None = None) -> Array:
    """Coefficients `[K + 1]`, the intercept last, of a logistic regression by Newton's method.

    A ridge of a millionth keeps it finite where the classes can be told apart without error;
    `weights [N]` count rows several times.
    """
    design = np.column_stack((columns, np.ones(len(columns))))
    weight = np.ones(len(design)) if weights is None else weights
    beta = np.zeros(design.shape[1])
    ridge = 1e-6 * max(float(weight.sum()), 1.0)
    for _ in range(_ITERATIONS):
        p = sigmoid(design @ beta)
        gradient = design.T @ (weight * (labels - p)) - ridge * beta
        curvature = (design * (weight * p * (1.0 - p))[:, None]).T @ design
        step = np.linalg.solve(curvature + ridge * np.eye(len(beta)), gradient)
        beta = beta + np.clip(step, -4.0, 4.0)
        if np.abs(step).max() < 1e-9:
            break
    return beta


def fit_platt(logits: Floats, labels: Bools) -> Table:
    """Platt's curve: sigmoid(a x + b) with a >= 0, towards Platt's smoothed targets."""
    positives = int(labels.sum())
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2))
    slope, intercept = fit_logistic(np.asarray(logits, dtype=np.float64)[:, None], targets)
    if slope < 0:
        slope, intercept = 0.0, float(logit(np.array([targets.mean()]))[0])
    return _smooth(lambda x: slope * x + intercept)


def fit_beta(logits: Floats, labels: Bools) -> Table:
    """Beta calibration (Kull et al. 2017): logistic in ln p and -ln(1 - p), both >= 0."""
    columns = _beta_columns(np.asarray(logits, dtype=np.float64))
    coefficients = np.zeros(3)
    kept = [0, 1]
    while kept:
        fitted = fit_logistic(columns[:, kept], labels.astype(np.float64))
        if (fitted[:-1] >= 0).all():
            coefficients[[*kept, 2]] = fitted
            return _smooth(lambda x: _beta_columns(x) @ coefficients[:2] + coefficients[2])
        kept.pop(int(np.argmin(fitted[:-1])))
    return fit_platt(logits, labels)


def fit_isotonic(logits: Floats, labels: Bools) -> Table:
    """The isotonic curve by pooling adjacent violators, kept a step away from 0 and 1."""
    x, total, count = tied(logits, labels)
    means, sizes = _pooled(total, count)
    edge = 1.0 / (len(labels) + 2)
    y = np.clip(np.repeat(means, sizes), edge, 1.0 - edge)
    ends = np.cumsum(sizes) - 1
    kept = np.unique(np.concatenate((ends - sizes + 1, ends)))
    return Table(tuple(x[kept].tolist()), tuple(y[kept].tolist()))


def tied(logits: Floats, labels: Floats | Bools) -> tuple[Array, Array, Array]:
    """Distinct logits in order, with the sum of labels and the number of rows at each."""
    x, place = np.unique(np.asarray(logits, dtype=np.float64), return_inverse=True)
    total = np.bincount(place, weights=np.asarray(labels, dtype=np.float64), minlength=len(x))
    count = np.bincount(place, minlength=len(x)).astype(np.float64)
    return x, np.asarray(total, dtype=np.float64), count


def pool(stack: list[tuple[float, float, int]], total: float, count: float) -> None:
    """Put a point on a stack of blocks (sum, weight, points), merging what violates the order."""
    points = 1
    while stack and stack[-1][0] * count >= total * stack[-1][1]:
        before = stack.pop()
        total, count, points = total + before[0], count + before[1], points + before[2]
    stack.append((total, count, points))


def _pooled(total: Array, count: Array) -> tuple[Array, NDArray[np.int64]]:
    """Means and numbers of points of the isotonic blocks."""
    stack: list[tuple[float, float, int]] = []
    for one, many in zip(total.tolist(), count.tolist(), strict=True):
        pool(stack, one, many)
    means = np.array([block[0] / block[1] for block in stack])
    return means, np.array([block[2] for block in stack], dtype=np.int64)


def _beta_columns(x: Array) -> Array:
    """ln p and -ln(1 - p) of p = sigmoid(x)."""
    return np.column_stack((-np.logaddexp(0.0, -x), np.logaddexp(0.0, x)))


def _smooth(curve: Any) -> Table:
    x = np.linspace(-_REACH, _REACH, _KNOTS)
    return Table(tuple(x.tolist()), tuple(sigmoid(curve(x)).clip(_EDGE, 1.0 - _EDGE).tolist()))
