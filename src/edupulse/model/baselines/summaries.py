"""Windows as tables: the last week, or a summary of all weeks, for methods that read rows."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from edupulse.model.rows import WindowRows

Table32 = NDArray[np.float32]


def last_week(windows: WindowRows) -> Table32:
    """The features of the last week `[N, F]`, NaN where not observed."""
    return _seen(windows)[:, -1]


def all_weeks(windows: WindowRows) -> Table32:
    """Last, mean, lowest, highest, slope a week and share of weeks observed, `[N, 6 F]`.

    NaN where a feature is observed in no week (the slope: in fewer than two).
    """
    values = _seen(windows)
    known = ~np.isnan(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature never observed: NaN is meant
        summaries = [
            values[:, -1],
            np.nanmean(values, axis=1),
            np.nanmin(values, axis=1),
            np.nanmax(values, axis=1),
            _slopes(values, known),
            known.sum(axis=1) / windows.held.sum(axis=1).clip(min=1)[:, None],
        ]
    return np.concatenate(summaries, axis=1).astype(np.float32)


def _seen(windows: WindowRows) -> Table32:
    seen = windows.observed & windows.held[:, :, None]
    return np.where(seen, windows.values, np.float32(np.nan))


def _slopes(values: Table32, known: NDArray[np.bool_]) -> Table32:
    """Least-squares slope a week `[N, F]` over the weeks observed."""
    week = np.arange(values.shape[1], dtype=np.float32)[:, None]
    count = known.sum(axis=1)
    filled = np.where(known, values, 0)
    x = (known * week).sum(axis=1) / count
    y = filled.sum(axis=1) / count
    spread = (known * np.square(week - x[:, None])).sum(axis=1)
    together = (known * (week - x[:, None]) * (filled - y[:, None])).sum(axis=1)
    slope: Table32 = np.where(count >= 2, together / spread, np.nan).astype(np.float32)
    return slope
