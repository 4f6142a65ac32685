"""Have the features drifted? The population stability index between two days, by school."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edupulse.model.rows import Bools, WindowRows

BINS = 10
"""Bins of equally many rows of the earlier day; what is not observed is a bin of its own."""

_LEAST = 0.5
"""Counted in every bin on both days, so that an empty one gives no infinite index."""


@dataclass(frozen=True)
class Drift:
    """How far one feature of one school moved: `psi` over `rows` students, at least, on each day.

    By convention below 0.1 is stable, above 0.25 another population (Siddiqi 2006).
    """

    school: int
    feature: int
    psi: float
    rows: int


def drifts(before: WindowRows, now: WindowRows, fewest: int = 100) -> Iterator[Drift]:
    """The index of every feature's last week in each school with `fewest` rows on both days.

    Compare the same season, for features follow the school year.
    """
    for school in np.intersect1d(before.school, now.school).tolist():
        ours, theirs = before.school == school, now.school == school
        rows = min(int(ours.sum()), int(theirs.sum()))
        if rows < fewest:
            continue
        for feature in range(before.values.shape[2]):
            index = psi(*_last(before, ours, feature), *_last(now, theirs, feature))
            yield Drift(school, feature, index, rows)


def psi(
    before: NDArray[np.float32], seen_before: Bools, now: NDArray[np.float32], seen_now: Bools
) -> float:
    """The index of one feature: sum over bins of (q - p) log(q / p), with the shares p before."""
    edges = _edges(before[seen_before])
    p, q = (
        _shares(values, seen, edges) for values, seen in ((before, seen_before), (now, seen_now))
    )
    return float(((q - p) * np.log(q / p)).sum())


def _edges(values: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    if not values.size:
        return np.zeros(0)
    return np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))


def _shares(
    values: NDArray[np.float32], seen: Bools, edges: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    places = np.searchsorted(edges, values[seen], side="right")
    counts = np.append(np.bincount(places, minlength=len(edges) + 1), (~seen).sum()) + _LEAST
    return np.asarray(counts / counts.sum())


def _last(windows: WindowRows, rows: Bools, feature: int) -> tuple[NDArray[np.float32], Bools]:
    return windows.values[rows, -1, feature], windows.observed[rows, -1, feature]
