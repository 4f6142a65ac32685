"""The panel as of one instant: every student's weekly features, and what they allow to be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from edupulse.features.reference import Reference, reference_of
from edupulse.features.schedule import NO_SCHOOL
from edupulse.features.weekly import weekly_features
from edupulse.panel.seasons import State, days_left, state_of
from edupulse.panel.windows import WEEKS, Keys, Windows, utc
from edupulse.school.calendar import Days
from edupulse.school.knowledge import Known


@dataclass(frozen=True, eq=False)
class Panel:
    """The windows of some students as of one instant, one row a student, in the order asked for.

    `enrolled_days` int32[N] counts the instructional days enrolled this school year, `days_left`
    int32[N] those that the school's year still holds, `year_begins` datetime64[D][N] is its first
    day (NaT where the school has none).
    """

    as_of: datetime
    windows: Windows
    enrolled_days: Days
    days_left: Days
    year_begins: npt.NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def student(self) -> Keys:
        """The students' keys."""
        return self.windows.student

    def states(self) -> tuple[State, ...]:
        """What may be said of each student: `scored`, `out_of_season` or `insufficient_data`."""
        return state_of(self.windows, self.enrolled_days, self.days_left, self.year_begins)

    def take(self, rows: npt.ArrayLike) -> Panel:
        """The panel of some rows: their numbers, or a mask bool[N]."""
        at = np.asarray(rows)
        return Panel(
            self.as_of,
            self.windows.take(at),
            self.enrolled_days[at],
            self.days_left[at],
            self.year_begins[at],
        )


def panel_of(known: Known) -> Panel:
    """The panel of the students of `known`, as of its instant."""
    weekly = weekly_features(known, WEEKS)
    as_of = np.full(weekly.students.size, utc(known.as_of))
    reference = reference_of(known)
    row = reference.calendar.row(weekly.school)
    left, begins = reference.once(_years_of_schools)
    windows = Windows(
        values=weekly.values,
        observed=weekly.observed,
        held=weekly.held,
        week_start=weekly.week_start,
        student=weekly.students,
        as_of=as_of,
        school=weekly.school,
        grade_level=weekly.grade_level,
    )
    return Panel(known.as_of, windows, weekly.enrolled_days, left[row], begins[row])


def _years_of_schools(reference: Reference) -> tuple[Days, npt.NDArray[np.datetime64]]:
    """`days_left` of each school on its last day, and of no school at the end."""
    schools = np.append(reference.calendar.schools, NO_SCHOOL).astype(np.int32)
    return days_left(reference.calendar, schools, np.append(reference.last_days, 0))
