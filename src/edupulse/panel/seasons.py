"""When a score may be given at all: not in the last weeks of a year, nor on next to nothing."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from edupulse.panel.horizon import year_end
from edupulse.panel.windows import Keys, Windows
from edupulse.school.calendar import NEVER, Calendar, Days

State = Literal["scored", "out_of_season", "insufficient_data"]
STATES: tuple[State, ...] = get_args(State)

IN_SEASON_DAYS = 40
"""Instructional days that the school year must still hold for a score."""

ENOUGH_DAYS = 15
"""Enrolled days of this year after which a student without last spring's weeks is scored."""


def days_left(
    calendar: Calendar, school: Keys, day: Days
) -> tuple[Days, npt.NDArray[np.datetime64]]:
    """The instructional days left in each row's school year after `day`, and its first day.

    0 and NaT where the row's school is not in the calendar, or its years have not begun.
    """
    rows = calendar.row(school)
    if not calendar.year_begins.shape[1]:
        return np.zeros(rows.shape, np.int32), np.full(rows.shape, _NO_DAY)
    at = np.maximum(rows, 0)
    end = year_end(calendar, at, day)
    left = calendar.count_through(at, end) - calendar.count_through(at, day)
    year = calendar.year_of(at, day)
    begins = calendar.year_begins[at, np.maximum(year, 0)]
    there = (rows >= 0) & (year >= 0) & (begins < NEVER)
    left = np.where(there, np.maximum(left, 0), 0).astype(np.int32)
    return left, np.where(there, begins.astype("datetime64[D]"), _NO_DAY)


def state_of(
    windows: Windows, enrolled_days: Days, left: Days, year_begins: npt.NDArray[np.datetime64]
) -> tuple[State, ...]:
    """What may be said of each row.

    `insufficient_data`: not enrolled, nothing observed in any week, or under 15 enrolled days this
    year and no week of the year before. `out_of_season`: under 40 instructional days left.
    """
    before = (windows.week_start < year_begins[:, None]) & windows.held
    before &= windows.observed.any(2)
    thin = (enrolled_days < ENOUGH_DAYS) & ~before.any(1)
    nothing = ~windows.observed.any((1, 2)) | (windows.school < 0)
    number = np.select([nothing | thin, left < IN_SEASON_DAYS], [2, 1], 0)
    return tuple(STATES[at] for at in number.tolist())


_NO_DAY = np.datetime64("NaT", "D")
