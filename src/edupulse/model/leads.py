"""Lead time: how many instructional days before its outcome a student was first named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import Draws
from edupulse.model.curves import Array
from edupulse.model.rows import Bools, Ints

Days = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Timing:
    """When each row's outcome came, datetime64[D][N] (NaT where none did), by whose calendar.

    `days_until(rows, days)` counts the instructional days from the as-of day of each of some rows,
    given by number, through the day beside it, by the calendar of the row's school.
    """

    came_on: Days
    days_until: Callable[[Ints, Days], Ints]

    def before(self, rows: Bools, off_track: Bools, student: NDArray[Any]) -> Array:
        """Of some rows, float `[n]`: the instructional days that were left until the outcome.

        A student's outcome is the first of those rows: NaN where there is none or it had come.
        """
        numbers = np.flatnonzero(rows)
        place = np.unique(student[rows], return_inverse=True)[1]
        came_on = self.came_on[rows].astype("datetime64[D]").astype(np.int64)
        counted = off_track[rows] & ~np.isnat(self.came_on[rows])
        first = np.full(int(place.max(initial=-1)) + 1, _NEVER)
        np.minimum.at(first, place[counted], came_on[counted])
        day = first[place]
        at = np.flatnonzero(day < _NEVER)
        left = np.full(numbers.size, np.nan)
        left[at] = self.days_until(numbers[at], day[at].astype("datetime64[D]"))
        return np.where(left > 0, left, np.nan)


def lead_times(named: Bools, before: Array, place: Ints, draws: Draws) -> tuple[Array, Array]:
    """Of the students with an outcome, the share named before it, and the median lead in days.

    `named [n]` are the rows on which a method names the student, `before [n]` as of `Timing`,
    `place [n]` the student's column in `draws [B, S]`. The lead counts from the first row that
    names the student; both are `[B]`, NaN where nobody counts.
    """
    students = draws.shape[1]
    with_outcome = np.zeros(students, np.bool_)
    with_outcome[place[~np.isnan(before)]] = True
    lead = np.full(students, -1.0)
    counts = named & ~np.isnan(before)
    np.maximum.at(lead, place[counts], before[counts])
    caught = lead > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (draws @ caught.astype(np.float32)) / (draws @ with_outcome.astype(np.float32))
    return np.asarray(share, np.float64), _medians(lead[caught], draws[:, caught])


def _medians(values: Array, weights: Draws) -> Array:
    """Weighted medians `[B]` of `values [K]`; NaN where no weight is left."""
    if not values.size:
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    upto = weights[:, order].cumsum(axis=1)
    total = upto[:, -1:]
    middle = values[order][(upto >= total / 2).argmax(axis=1)]
    return np.where(total[:, 0] > 0, middle, np.nan)


_NEVER = np.iinfo(np.int64).max
