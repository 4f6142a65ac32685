"""The bootstrap over students: how often each is drawn, and the interval that follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.curves import Array

Draws = NDArray[np.float32]
"""How often each student is drawn `[1 + replicates, students]`; once each in the first row."""


@dataclass(frozen=True)
class Estimate:
    """A value on the test rows with its 95 % bootstrap interval over students."""

    value: float
    low: float
    high: float


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
