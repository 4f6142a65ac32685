"""Scales features to comparable units, fitted on the observed values of the training part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edupulse.model.rows import Bools

#: Scaled values are cut here, so that one absurd record cannot move a network without bound.
LIMIT = 6.0
#: A spread below this part of the largest value is rounding, not variation.
_CONSTANT = 1e-6


@dataclass(frozen=True)
class Scaler:
    """`scaled = clip((value - center) * gain)`; gain 0 mutes a feature that never varied.

    `knots [F, pieces + 1]`, where there are any, are scaled values that part a feature's range in
    pieces of equally many observed values.
    """

    center: NDArray[np.float32]
    gain: NDArray[np.float32]
    limit: float = LIMIT
    knots: NDArray[np.float32] | None = None

    def scale(self, values: NDArray[np.float32], observed: Bools) -> NDArray[np.float32]:
        """Scaled values, 0 where not observed; any leading shape, features last."""
        known = np.where(observed, values, self.center)
        scaled: NDArray[np.float32] = (known - self.center) * self.gain
        return scaled.clip(-self.limit, self.limit)


def fit_scaler(values: NDArray[np.float32], observed: Bools, pieces: int = 0) -> Scaler:
    """Mean and standard deviation of each feature's observed values (features last), and knots.

    Not median and quartile range: half of the features are zero for most students, so their
    quartile range is 0. Clipping bounds the outliers instead. Multiplying a feature by a constant
    changes no scaled value.
    """
    axes = tuple(range(values.ndim - 1))
    count = np.maximum(observed.sum(axis=axes), 1)
    center = np.sum(values, axis=axes, where=observed, dtype=np.float64) / count
    square = np.square(values - center.astype(np.float32))
    spread = np.sqrt(np.sum(square, axis=axes, where=observed, dtype=np.float64) / count)
    largest = np.max(np.abs(values), axis=axes, where=observed, initial=0.0)
    varies = spread > _CONSTANT * largest
    gain = np.divide(1.0, spread, out=np.zeros_like(spread), where=varies)
    scaler = Scaler(center.astype(np.float32), gain.astype(np.float32))
    return replace(scaler, knots=_knots(scaler, values, observed, pieces)) if pieces else scaler


def _knots(
    scaler: Scaler, values: NDArray[np.float32], observed: Bools, pieces: int
) -> NDArray[np.float32]:
    """Quantiles of each feature's observed scaled values; all 0 where there are none."""
    features = values.shape[-1]
    scaled = scaler.scale(values, observed).reshape(-1, features)
    seen = observed.reshape(-1, features)
    knots = np.zeros((features, pieces + 1), np.float32)
    for number in np.flatnonzero(seen.any(axis=0)):
        there = scaled[seen[:, number], number]
        knots[number] = np.quantile(there, np.linspace(0.0, 1.0, pieces + 1))
    return knots
