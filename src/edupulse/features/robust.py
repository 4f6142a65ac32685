"""Trends and swings that one odd value does not move: Theil–Sen slopes and MAD.

They go along the last axis; NaN is no value. Sorting makes them independent of the values' order.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAD_TO_SIGMA = 1.4826
"""MAD × 1.4826 estimates the standard deviation of a normal distribution."""


def median(values: Floats) -> Floats:
    """The median of the values that are not NaN, along the last axis; NaN where there are none."""
    ordered = np.sort(values, axis=-1)
    count = (~np.isnan(values)).sum(-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), -1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), -1)
    return np.asarray(((low + high) / 2)[..., 0])


def slope(values: Floats, least: int) -> Floats:
    """Theil–Sen slope per step of the last axis; NaN with fewer than `least` values.

    Source: Sen 1968, doi:10.1080/01621459.1968.10480934: the median of all pairwise slopes.
    """
    pairs = list(combinations(range(values.shape[-1]), 2))
    steep = np.empty((*values.shape[:-1], len(pairs)))
    for at, (i, j) in enumerate(pairs):
        steep[..., at] = (values[..., j] - values[..., i]) / (j - i)
    return np.where((~np.isnan(values)).sum(-1) >= least, median(steep), np.nan)


def volatility(values: Floats, least: int) -> Floats:
    """1.4826 × the median absolute deviation from the median; NaN with fewer than `least`."""
    spread = median(np.abs(values - median(values)[..., None]))
    return np.where((~np.isnan(values)).sum(-1) >= least, MAD_TO_SIGMA * spread, np.nan)
