"""What happened within the horizon, and whether it can be told at all (law 6).

Whether an outcome is known depends on calendar, coverage, terms and enrollment, never on which
part came true. See docs/decisions/0007-outcomes.md for what the words leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from edupulse.panel.attended import Attended, attended
from edupulse.panel.courses import failed_course, posts_course_grades
from edupulse.panel.definition import OFF_TRACK, OutcomeDefinition
from edupulse.panel.departures import departures
from edupulse.panel.horizon import Horizon, horizon, known_calendar
from edupulse.panel.windows import Cohort, Flags, Keys, Levels, Times, utc
from edupulse.school.calendar import NEVER, Days
from edupulse.school.errors import BadInput
from edupulse.school.knowledge import Known

ReadKnown = Callable[[Keys, datetime], Known]
"""Reads what was known of some students at an instant: the store's or a history's one door."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcome of each of N rows.

    Where `known` is false every other flag is false and `severity` is −1. `severity` int8[N] is 0
    none, 1 chronic absence or a failed course, 2 both, or a severe share of absence, 3 withdrawal,
    or both with a severe share. `courses_posted` tells whether a grading term of the row's school
    ends in the horizon: without one, `course_failure` is absent for the whole school and day.
    `first` and `last` datetime64[D][N] bound the horizon; `closes_at` datetime64[us][N], in UTC,
    is when it could be told (all NaT where the school year holds no horizon). `came_on`
    datetime64[D][N] is the day on which the first part came true: the absences reached their share
    of all days of the horizon, the failed term ended, the student left; NaT where none did.
    """

    known: Flags
    off_track: Flags
    severity: Levels
    chronic_absence: Flags
    course_failure: Flags
    withdrawal: Flags
    courses_posted: Flags
    first: Times
    last: Times
    closes_at: Times
    came_on: Times

    def __len__(self) -> int:
        return int(self.known.size)

    def take(self, rows: npt.ArrayLike) -> Outcomes:
        """The outcomes of some rows: their numbers, or a mask bool[N]."""
        at = np.asarray(rows)
        return Outcomes(*(getattr(self, field.name)[at] for field in fields(self)))


def concat_outcomes(parts: Iterable[Outcomes]) -> Outcomes:
    """All rows of all parts, in order. Raises BadInput where there is no part."""
    every = list(parts)
    if not every:
        raise BadInput("There are no outcomes to put together.")
    return Outcomes(
        *(np.concatenate([getattr(p, field.name) for p in every]) for field in fields(Outcomes))
    )


def outcomes(known: Known, cohort: Cohort, definition: OutcomeDefinition = OFF_TRACK) -> Outcomes:
    """The outcome of each row, told from `known`: the records as of the row's `closes_at`.

    Rows whose `closes_at` lies after `known.as_of` are unknown.
    """
    calendar = known_calendar(known)
    span = horizon(known, cohort.school, cohort.as_of, definition, calendar)
    left = departures(known, cohort.student, span)
    days = attended(known, cohort.student, span, calendar, definition.chronic_share)
    posting = posts_course_grades(known, span, calendar, definition)
    failed_on = failed_course(known, cohort.student, span, calendar, definition)
    failed = posting.posted & (failed_on < NEVER)
    withdrawal = left.withdrawal & ("withdrawal" in definition.parts)
    followed = left.stayed & posting.tellable & _enough_days(days, definition)
    closed = span.closes_at <= utc(known.as_of)
    told = closed & left.enrolled & (withdrawal | (followed & ~left.withdrawal))
    chronic, severe = _absence(days, definition)
    came_on = _first_day(
        (chronic, days.reached), (failed, failed_on), (withdrawal, left.withdrew_on)
    )
    return _outcomes(told, chronic, severe, failed, withdrawal, posting.posted, came_on, span)


def closed_outcomes(
    read: ReadKnown, cohort: Cohort, as_of: datetime, definition: OutcomeDefinition = OFF_TRACK
) -> Outcomes:
    """The outcome of each row that can be told as of an instant, each by its own `closes_at`.

    What became known after a row's `closes_at` does not change its label.
    """
    now = read(_NOBODY, as_of)
    closes = horizon(now, cohort.school, cohort.as_of, definition, known_calendar(now)).closes_at
    closed = closes <= utc(as_of)
    order = [np.flatnonzero(~closed)] if not (closed.size and closed.all()) else []
    parts = [outcomes(now, cohort.take(rows), definition) for rows in order]
    for instant in np.unique(closes[closed]):
        order.append(np.flatnonzero(closes == instant))
        told = cohort.take(order[-1])
        then = read(np.unique(told.student), instant.item().replace(tzinfo=UTC))
        parts.append(outcomes(then, told, definition))
    return concat_outcomes(parts).take(np.argsort(np.concatenate(order)))


_NOBODY = np.zeros(0, np.int32)


def _enough_days(days: Attended, definition: OutcomeDefinition) -> Flags:
    """Days count that were observed; where absence is no part of the outcome, that were held."""
    count = days.observed if "chronic_absence" in definition.parts else days.enrolled
    return np.asarray(count >= max(definition.min_days, 1), np.bool_)


def _absence(days: Attended, definition: OutcomeDefinition) -> tuple[Flags, Flags]:
    """Whether each row was absent for the chronic and for the severe share of its days."""
    if "chronic_absence" not in definition.parts:
        none = np.zeros(days.observed.size, np.bool_)
        return none, none
    enough = _enough_days(days, definition)
    missed, observed = days.missed.astype(np.int64), days.observed.astype(np.int64)
    chronic = enough & (missed >= definition.chronic_share * observed)
    return chronic, enough & (missed >= definition.severe_share * observed)


def _outcomes(
    told: Flags,
    chronic: Flags,
    severe: Flags,
    failed: Flags,
    withdrawal: Flags,
    posted: Flags,
    came_on: Days,
    span: Horizon,
) -> Outcomes:
    chronic, severe, failed, withdrawal = (
        part & told for part in (chronic, severe, failed, withdrawal)
    )
    both = chronic & failed
    off_track = chronic | failed | withdrawal
    severity = np.select(
        [~told, withdrawal | (both & severe), both | severe, chronic | failed], [-1, 3, 2, 1], 0
    )
    return Outcomes(
        known=told,
        off_track=off_track,
        severity=severity.astype(np.int8),
        chronic_absence=chronic,
        course_failure=failed,
        withdrawal=withdrawal,
        courses_posted=posted,
        first=np.where(span.exists, span.first.astype("datetime64[D]"), _NO_DAY),
        last=np.where(span.exists, span.last.astype("datetime64[D]"), _NO_DAY),
        closes_at=span.closes_at,
        came_on=np.where(off_track, came_on.astype("datetime64[D]"), _NO_DAY),
    )


def _first_day(*parts: tuple[Flags, Days]) -> Days:
    """The first of the days int32[N] on which a part came true; NEVER where none did."""
    days = np.min([np.where(true, day, NEVER) for true, day in parts], axis=0)
    return np.asarray(days, np.int32)


_NO_DAY = np.datetime64("NaT", "D")
