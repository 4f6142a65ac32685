"""Rates of groups under many weightings of the students at once, and on how many they rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import NORMAL_95, Draws, Estimate, resampled, wilson
from edupulse.model.curves import Array
from edupulse.model.rows import Bools, Floats

HIGH = 0.30
"""The risk at which the band `high` begins in the default policy."""

BASE_RATE, MISSED, RAISED, ERROR = (
    "base_rate",
    "false_negative_rate",
    "false_positive_rate",
    "mean_error",
)
RATES = (BASE_RATE, MISSED, RAISED, ERROR)
FEW = 5
"""Below so many students with, or without, the event a bootstrap alone is too sure of itself."""

_ROWS, _OFF_TRACK, _RISK, _MISSED, _RAISED = range(5)


@dataclass(frozen=True, eq=False)
class Judged:
    """What was said and what came, row by row: `risk`, `off_track` and `student`, all `[N]`."""

    risk: Floats
    off_track: Bools
    student: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.risk)


@dataclass(frozen=True, eq=False)
class Counts:
    """Sums over some rows, by student `[S, 5]`; counts add, so that the rest is all minus these."""

    by_student: Array

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.by_student - other.by_student)

    def rates(self, draws: Draws) -> dict[str, Array]:
        """Each rate over every weighting `[B]`; NaN where nothing counts for it."""
        total = (draws @ self.by_student.astype(np.float32)).astype(np.float64).T
        return {
            BASE_RATE: _ratio(total[_OFF_TRACK], total[_ROWS]),
            MISSED: _ratio(total[_MISSED], total[_OFF_TRACK]),
            RAISED: _ratio(total[_RAISED], total[_ROWS] - total[_OFF_TRACK]),
            ERROR: _ratio(total[_RISK] - total[_OFF_TRACK], total[_ROWS]),
        }

    @property
    def students(self) -> int:
        """How many students have a row here."""
        return int((self.by_student[:, _ROWS] > 0).sum())

    def support(self, rate: str) -> Support:
        """How many students count for a rate, with the event and without it."""
        rows, off_track = self.by_student[:, _ROWS], self.by_student[:, _OFF_TRACK]
        event, whole = {
            BASE_RATE: (off_track, rows),
            MISSED: (self.by_student[:, _MISSED], off_track),
            RAISED: (self.by_student[:, _RAISED], rows - off_track),
            ERROR: (off_track, rows),
        }[rate]
        return Support(
            int((whole > 0).sum()), int((event > 0).sum()), int((whole - event > 0).sum())
        )


@dataclass(frozen=True)
class Support:
    """Students who count for a rate, those with the event, those without; one may be both."""

    students: int
    with_event: int
    without: int

    @property
    def thin(self) -> bool:
        """Too few on one side for the bootstrap alone."""
        return min(self.with_event, self.without) < FEW


class Sample:
    """Rows with their students drawn again and again, the same for every group."""

    def __init__(self, judged: Judged, threshold: float, replicates: int, seed: int) -> None:
        students, place = np.unique(judged.student, return_inverse=True)
        flagged = judged.risk >= threshold
        self.place: NDArray[np.intp] = place
        self.draws = resampled(len(students), replicates, seed)
        self._columns = np.column_stack(
            (
                np.ones(len(judged)),
                judged.off_track,
                judged.risk,
                judged.off_track & ~flagged,
                ~judged.off_track & flagged,
            )
        ).astype(np.float64)

    def counts(self, rows: Bools) -> Counts:
        """The sums of some rows."""
        place, size = self.place[rows], self.draws.shape[1]
        return Counts(
            np.column_stack([np.bincount(place, column, size) for column in self._columns[rows].T])
        )


def estimates(counts: Counts, replicated: Mapping[str, Array]) -> dict[str, Estimate]:
    """Each rate with its interval, widened where few students have, or lack, the event."""
    found = {}
    for rate, values in replicated.items():
        if np.isnan(values[0]):
            continue
        low, high = np.nanpercentile(values, [2.5, 97.5])
        support = counts.support(rate)
        if support.thin:
            reach = widened(support)
            low, high = min(low, values[0] - reach), max(high, values[0] + reach)
            if rate != ERROR:
                low, high = max(low, 0.0), min(high, 1.0)
        found[rate] = Estimate(float(values[0]), float(low), float(high))
    return found


def standard_error(counts: Counts, rate: str, values: Array) -> float:
    """The standard deviation over replicates, or Wilson's where few students have the event."""
    deviation = float(np.nanstd(values[1:])) if len(values) > 1 else 0.0
    support = counts.support(rate)
    return max(deviation, widened(support) / NORMAL_95) if support.thin else deviation


def widened(support: Support) -> float:
    """The longer arm of Wilson's interval: what a bootstrap of hardly any event cannot see."""
    found = wilson(support.with_event / support.students, support.students)
    return max(found.value - found.low, found.high - found.value)


def _ratio(part: Array, whole: Array) -> Array:
    fill = np.full(whole.shape, np.nan)
    return np.asarray(np.divide(part, whole, out=fill, where=whole > 1e-6))
