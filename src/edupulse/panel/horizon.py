"""The days of which an outcome speaks, and the instant at which it can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import numpy.typing as npt

from edupulse.features.reference import reference_of
from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.windows import Keys, Times
from edupulse.school.calendar import NEVER, Calendar, Days
from edupulse.school.knowledge import Known, end_of_day


@dataclass(frozen=True, eq=False)
class Horizon:
    """Of each row: its as-of day, and the first and last day of its horizon.

    All int32[N] days since 1970-01-01; `first` > `last` where the school year holds no horizon.
    `row` int32[N] is the school's row in the calendar (−1 without a school), `closes_at`
    datetime64[us][N] the UTC instant from which the outcome can be told (NaT without a horizon).
    """

    row: Keys
    day: Days
    first: Days
    last: Days
    closes_at: Times

    @property
    def exists(self) -> npt.NDArray[np.bool_]:
        """Does the school year hold a horizon after this day?"""
        return np.asarray(self.first <= self.last, np.bool_)


def known_calendar(known: Known) -> Calendar:
    """The calendar of all schools as known."""
    return reference_of(known).calendar


def local_days(known: Known, school: Keys, as_of: Times) -> Days:
    """The local date at each row's school at its as-of instant, as days since 1970-01-01."""
    zones = known.zones()

    @cache
    def day(key: int, at: datetime) -> int:
        local = at.replace(tzinfo=UTC).astimezone(zones.get(key, UTC))
        return local.toordinal() - _EPOCH

    pairs = zip(school.tolist(), as_of.astype("datetime64[us]").tolist(), strict=True)
    return np.array([day(key, at) for key, at in pairs], np.int32)


def horizon(
    known: Known, school: Keys, as_of: Times, definition: OutcomeDefinition, calendar: Calendar
) -> Horizon:
    """The horizon of each row by the calendar of its school; it ends with the school year."""
    rows = calendar.row(school)
    day = local_days(known, school, as_of)
    first, last = _span(calendar, np.maximum(rows, 0), day, definition)
    nowhere = (rows < 0) | (first > last)
    first = np.where(nowhere, NEVER, first).astype(np.int32)
    last = np.where(nowhere, -1, last).astype(np.int32)
    return Horizon(rows, day, first, last, _closes_at(known, school, last, definition))


def year_end(calendar: Calendar, rows: Keys, days: Days) -> Days:
    """The last instructional day of the school year of each day; −1 where there is none."""
    if not calendar.year_ends.shape[1]:
        return np.full(days.shape, -1, np.int32)
    year = calendar.year_of(rows, days)
    ends = calendar.year_ends[rows, np.maximum(year, 0)]
    return np.where(year < 0, -1, last_school_day(calendar, rows, ends)).astype(np.int32)


def last_school_day(calendar: Calendar, rows: Keys, days: Days) -> Days:
    """The last instructional day up to and with each day; −1 where there was none."""
    count = calendar.count_through(rows, np.minimum(days, NEVER - 2))
    before_all = np.full(rows.shape, calendar.first - 1, np.int32)
    found = calendar.nth_after(rows, before_all, np.maximum(count, 1))
    return np.where(count == 0, -1, found).astype(np.int32)


def _span(
    calendar: Calendar, rows: Keys, day: Days, definition: OutcomeDefinition
) -> tuple[Days, Days]:
    if not calendar.schools.size:
        return np.full(day.shape, NEVER, np.int32), np.full(day.shape, -1, np.int32)
    first = calendar.nth_after(rows, day, definition.gap_days + 1)
    last = year_end(calendar, rows, day)
    if definition.horizon_days is not None:
        through = definition.gap_days + definition.horizon_days
        last = np.minimum(last, calendar.nth_after(rows, day, through))
    return first, last.astype(np.int32)


def _closes_at(known: Known, school: Keys, last: Days, definition: OutcomeDefinition) -> Times:
    zones = known.zones()
    closes = np.full(last.shape, np.datetime64("NaT"), "datetime64[us]")
    for key, end in set(zip(school.tolist(), last.tolist(), strict=True)):
        if end < 0:
            continue
        closing = date.fromordinal(end + definition.closes_after + _EPOCH)
        instant = end_of_day(closing, [zones[key].key]).replace(tzinfo=None)
        closes[(school == key) & (last == end)] = np.datetime64(instant, "us")
    return closes


_EPOCH = date(1970, 1, 1).toordinal()
