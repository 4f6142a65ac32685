"""The bootstrap over students: how often each is drawn, and the interval that follows."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edupulse.model.curves import Array

NORMAL_95 = 1.959964
"""So many standard deviations to either side hold 95 % of a normal distribution."""

Draws = NDArray[np.float32]
"""How often each student is drawn `[1 + replicates, students]`; once each in the first row."""


@dataclass(frozen=True)
class Estimate:
    """A value on the test rows with its 95 % bootstrap interval over students."""

    value: float
    low: float
    high: float


def wilson(share: float, count: int) -> Estimate:
    """A share of `count` independent trials with its 95 % interval (Wilson 1927)."""
    square = NORMAL_95**2 / count
    center = (share + square / 2) / (1 + square)
    half = NORMAL_95 * sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Estimate(share, max(0.0, center - half), min(1.0, center + half))


def resampled(students: int, replicates: int, seed: int) -> Draws:
    """Students drawn with replacement, `replicates` times; the first row is everyone once."""
    rng = np.random.default_rng(seed)
    counts = np.ones((1 + replicates, students), dtype=np.float32)
    for row in counts[1:]:
        row[:] = np.bincount(rng.integers(0, students, size=students), minlength=students)
    return counts


def estimated(values: Array) -> Estimate | None:
    """The first value with the middle 95 % of the others; None where it is not defined."""
    if np.isnan(values[0]):
        return None
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))
