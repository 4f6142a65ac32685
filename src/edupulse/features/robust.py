"""Trends and swings that one odd value does not move: Theil–Sen slopes and MAD.

They go along the last axis; NaN is no value. Sorting makes them independent of the values' order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edupulse.features.compiled import compiled

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
    rows = np.ascontiguousarray(values, np.float64).reshape(-1, values.shape[-1])
    return _slopes(rows, least).reshape(values.shape[:-1])


@compiled
def _slopes(rows: Floats, least: int) -> Floats:
    """Sorts the slopes of each row's pairs by insertion: there are few."""
    slopes = np.full(rows.shape[0], np.nan)
    steep = np.empty(rows.shape[1] * rows.shape[1])
    for at in range(rows.shape[0]):
        row = rows[at]
        many = known = 0
        for i in range(row.size):
            if np.isnan(row[i]):
                continue
            known += 1
            for j in range(i + 1, row.size):
                if np.isnan(row[j]):
                    continue
                value, place = (row[j] - row[i]) / (j - i), many
                while place > 0 and steep[place - 1] > value:
                    steep[place] = steep[place - 1]
                    place -= 1
                steep[place] = value
                many += 1
        if known >= least and many:
            slopes[at] = (steep[(many - 1) // 2] + steep[many // 2]) / 2
    return slopes


def volatility(values: Floats, least: int) -> Floats:
    """1.4826 × the median absolute deviation from the median; NaN with fewer than `least`."""
    rows = np.ascontiguousarray(values, np.float64).reshape(-1, values.shape[-1])
    return MAD_TO_SIGMA * _spreads(rows, least).reshape(values.shape[:-1])


@compiled
def _spreads(rows: Floats, least: int) -> Floats:
    spreads = np.full(rows.shape[0], np.nan)
    for at in range(rows.shape[0]):
        known = rows[at][~np.isnan(rows[at])]
        if known.size and known.size >= least:
            spreads[at] = _middle(np.abs(known - _middle(known)))
    return spreads


@compiled
def _middle(values: Floats) -> np.float64:
    ordered = np.sort(values)
    return np.float64((ordered[(values.size - 1) // 2] + ordered[values.size // 2]) / 2)
