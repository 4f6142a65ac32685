"""Which days and weeks of school were a student's own: the axes of every window.

A student's own days are the instructional days of the school of the primary enrollment of each
day. Students with the same enrollments share a path, and the work is done once a path.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edupulse.features.reference import LOOKBACK, Bools, Ints, Longs, Reference
from edupulse.school.calendar import NEVER, monday
from edupulse.school.columns import Columns, clipped

BEFORE_ALL = np.int32(-(2**30))
"""The days of weeks that are only padding."""

WEEKS_BACK = 7
"""Weeks before the first one shown that windows of 8 weeks read."""

DROP_DAYS = 20
"""Own days within which `max_drop_d20` compares week ends."""

SUNDAY = 6
_SPAN = 3
"""School row, first and last day of an enrollment."""

NO_SCHOOL, NO_GRADE = -1, -128


@dataclass(frozen=True)
class Enrollments:
    """The enrollments of a block of students, those that win last.

    Of several on one day the primary ones win, then the latest `entered_on`, then the smallest
    school key.
    """

    student: Ints
    school: Ints
    entered: Ints
    left: Ints
    grade_level: Ints


@dataclass(frozen=True)
class Schedule:
    """Own days `[U, J]`, calendar days `[U, LOOKBACK]` and weeks `[U, C]` of U paths.

    `path` int32[n] is each student's. Own days are left-aligned: `day` and `school` are their
    offset and school row, `own` says which are not padding. `counted[U, LOOKBACK + 1]` are the
    own days before each calendar day, `school_on` the primary school row on it (−1: none).

    Weeks are right-aligned; `held` says which are not padding. `monday` and `end` are days (the
    last week ends with the as-of instant), `begin_at` and `end_at` own-day positions (the end is
    exclusive). `year_begins` is the first day of the school year, `year_at` its own-day position.
    `column_on` is the first week that ends on a calendar day or after it (C: none).
    """

    path: Ints
    day: Ints
    school: Ints
    own: Bools
    counted: Ints
    school_on: Ints
    held: Bools
    monday: Ints
    end: Ints
    begin_at: Ints
    end_at: Ints
    year_begins: Ints
    year_at: Ints
    column_on: Ints

    def own_days_in(self, table: Bools) -> Bools:
        """The own days on which a table `[S, LOOKBACK]` holds, `[U, J]`."""
        return np.asarray(self.own & table[self.school, self.day], np.bool_)

    def schools_where(self, flag: Bools) -> Bools:
        """The own days at schools for which a flag `[S]` holds, `[U, J]`."""
        return np.asarray(self.own & flag[self.school], np.bool_)


def enrollments_of(columns: Columns, student: Ints, reference: Reference) -> Enrollments:
    """Enrollments at known schools; `student` is each row's place in the block."""
    school = reference.calendar.row(columns["school"])
    entered, left = columns["entered_on"], columns.filled("left_on", NEVER)
    order = np.lexsort((-school, entered, columns.filled("primary", 1), student))
    order = order[school[order] >= 0]
    grade_level = columns["grade_level"][order]
    return Enrollments(student[order], school[order], entered[order], left[order], grade_level)


def schedule_of(reference: Reference, rows: Enrollments, students: int, weeks: int) -> Schedule:
    """The schedule of `students` students, of their last `weeks` weeks and what those read."""
    path, spans = _paths(reference, rows, students)
    if len(spans) > 1:
        return _schedule(reference, spans, path, weeks)
    # One student's path is that of many who are asked about next.
    of_path = tuple(map(tuple, spans.reshape(-1, _SPAN).tolist()))
    return replace(reference.once(_schedule_of_path, of_path, weeks), path=path)


def _schedule_of_path(
    reference: Reference, path: tuple[tuple[int, ...], ...], weeks: int
) -> Schedule:
    spans = np.array(path, np.int64).reshape(1, len(path), _SPAN)
    return _schedule(reference, spans, np.zeros(1, np.int32), weeks)


def _schedule(reference: Reference, spans: Longs, path: Ints, weeks: int) -> Schedule:
    school_on = _school_on(spans)
    own_on = (school_on >= 0) & reference.held[school_on, np.arange(LOOKBACK)]
    counted = np.zeros((spans.shape[0], LOOKBACK + 1), np.int32)
    np.cumsum(own_on, axis=1, out=counted[:, 1:])
    day, school, own = _own_days(own_on, school_on, counted[:, -1])
    held, first_day, begin_at, end_at = _weeks(reference, day, own, weeks)
    at = np.arange(len(spans))[:, None]
    last_school = school[at, np.maximum(end_at - 1, 0)]
    last_day = day[at, np.maximum(end_at - 1, 0)] + reference.first
    end = np.where(held, first_day + SUNDAY, BEFORE_ALL)
    end[:, -1] = np.where(held[:, -1], reference.last_days[last_school[:, -1]], BEFORE_ALL)
    year_begins = _year_begins(reference, last_school, last_day)
    year_on = clipped(reference.offset(year_begins), 0, LOOKBACK)
    return Schedule(
        path=path,
        day=day,
        school=school,
        own=own,
        counted=counted,
        school_on=school_on,
        held=held,
        monday=first_day,
        end=end,
        begin_at=begin_at,
        end_at=end_at,
        year_begins=year_begins,
        year_at=counted[at, year_on],
        column_on=_column_on(reference, end),
    )


def _paths(reference: Reference, rows: Enrollments, students: int) -> tuple[Ints, Longs]:
    """Each student's path, and the paths' enrollments `[U, K, (school, from, through)]`."""
    begin = clipped(reference.offset(rows.entered), 0, LOOKBACK)
    through = clipped(reference.offset(rows.left), -1, LOOKBACK - 1)
    inside = begin <= through
    student = rows.student[inside]
    code = (rows.school[inside].astype(np.int64) << 20) | (begin[inside] << 10) | through[inside]
    counts = np.bincount(student, minlength=students)
    starts = np.cumsum(counts) - counts
    slots = np.full((students, max(int(counts.max(initial=0)), 1)), -1, np.int64)
    slots[student, np.arange(student.size) - starts[student]] = code
    path = np.zeros(students, np.int64)
    for column in slots.T if students > 1 else ():
        kinds, kind = np.unique(column, return_inverse=True)
        path = np.unique(path * kinds.size + kind, return_inverse=True)[1]
    representative = np.zeros(path.max(initial=-1) + 1, np.int64)
    representative[path] = np.arange(students)
    chosen = slots[representative]
    none = chosen < 0
    spans = np.stack([chosen >> 20, (chosen >> 10) & 1023, chosen & 1023], axis=-1)
    spans[none] = (NO_SCHOOL, LOOKBACK, 0)
    return path.astype(np.int32), spans


def _school_on(spans: Longs) -> Ints:
    days = np.arange(LOOKBACK)
    school_on = np.full((spans.shape[0], LOOKBACK), NO_SCHOOL, np.int32)
    for slot in range(spans.shape[1]):
        school, begin, through = (part[:, None] for part in spans[:, slot].T)
        np.copyto(school_on, school, where=(days >= begin) & (days <= through), casting="unsafe")
    return school_on


def _own_days(own_on: Bools, school_on: Ints, counts: Ints) -> tuple[Ints, Ints, Bools]:
    width = max(int(counts.max(initial=0)), 1)
    own = np.arange(width) < counts[:, None]
    path, offset = np.nonzero(own_on)
    day = np.zeros(own.shape, np.int32)
    school = np.zeros(own.shape, np.int32)
    day[own] = offset
    school[own] = school_on[path, offset]
    return day, school, own


def _weeks(
    reference: Reference, day: Ints, own: Bools, weeks: int
) -> tuple[Bools, Ints, Ints, Ints]:
    """Which columns are weeks, their Mondays, and their first and last + 1 own-day positions."""
    mondays = monday(day + np.int32(reference.first))
    new = own.copy()
    new[:, 1:] &= mondays[:, 1:] != mondays[:, :-1]
    ordinal = np.cumsum(new, axis=1, dtype=np.int32) - 1
    reach = np.maximum(np.arange(own.shape[1]) - (DROP_DAYS - 1), 0)
    columns = weeks + max(WEEKS_BACK, int((ordinal - ordinal[:, reach]).max(initial=0)))
    path, at = np.nonzero(new)
    column = ordinal[path, at] - ordinal[path, -1] - 1 + columns
    path, at, column = (part[column >= 0] for part in (path, at, column))
    held = np.zeros((own.shape[0], columns), np.bool_)
    first_day = np.full(held.shape, BEFORE_ALL, np.int32)
    begin_at = np.zeros(held.shape, np.int32)
    held[path, column] = True
    first_day[path, column] = mondays[path, at]
    begin_at[path, column] = at
    end_at = np.where(held, np.append(begin_at[:, 1:], own.sum(1)[:, None], axis=1), 0)
    return held, first_day, begin_at, end_at.astype(np.int32)


def _year_begins(reference: Reference, school: Ints, day: Ints) -> Ints:
    """The first day of the school year of each week; NEVER where the school has none yet."""
    calendar = reference.calendar
    year = calendar.year_of(school, day)
    if not calendar.year_begins.size:
        return np.full(school.shape, NEVER, np.int32)
    return np.where(year >= 0, calendar.year_begins[school, np.maximum(year, 0)], NEVER)


def _column_on(reference: Reference, end: Ints) -> Ints:
    passed = np.zeros((end.shape[0], LOOKBACK + 1), np.int32)
    after = clipped(reference.offset(end) + 1, 0, LOOKBACK)
    np.add.at(passed, (np.arange(end.shape[0])[:, None], after), 1)
    return np.cumsum(passed, axis=1, dtype=np.int32)[:, :-1]
