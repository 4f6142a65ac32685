"""Attendance as sums over windows of observed days: whole numbers, one student after the other.

Days are counted along an axis of those observed for the question at hand: all, or those at
schools that record excuses, tardies or partial days. Every window ends with a week.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edupulse.features.compiled import compiled
from edupulse.features.reference import Bools, Ints, Longs

PRESENT, EXCUSED, UNEXCUSED, ABSENT, TARDY = range(5)
WHOLE_DAY = 1_000
HALF_DAY = 500
"""An absence of half a day and more counts in streaks and in the days since."""

CHANGE_DAYS, STREAK_DAYS, SINCE_CAP, WEEKDAY_DAYS, DAYS_A_WEEK = 20, 45, 60, 60, 7

WEEK, RECENT, BEFORE, YEAR, UNEXCUSED_SHARE, EXCUSED_SHARE, TARDIES, PARTIAL_DAYS = range(8)
"""The windows: the week, the last 20 days, the 20 before, the school year, 45, 45, 20, 20 days."""
_WINDOWS = 8


class OwnDays(NamedTuple):
    """Own days `[U, J]` and weeks `[U, C]` of paths (see Schedule), and each student's path.

    `observed` are covered own days; where `written`, only those with a row. The last three say
    whether the day's school records excuses, tardies and partial days.
    """

    path: Ints
    begin_at: Ints
    end_at: Ints
    year_at: Ints
    weekday: Ints
    observed: Bools
    written: Bools
    excuses: Bools
    tardies: Bools
    partial_days: Bools


class Noted(NamedTuple):
    """Attendance rows on own days at that day's primary school; `begin` is each student's."""

    begin: Longs
    day: Ints
    status: Ints
    missed: Ints


class DaySums(NamedTuple):
    """Of each window `[8, n, C]`: thousandths of days `missed` (or days), and observed `days`.

    `[n, C]`: `streak` is the longest run of absences in 45 days, `since` the observed days after
    the last absence, at most SINCE_CAP. Of the last 60 days: `absences`, and by weekday
    `[7, n, C]` the days `held` and the thousandths `lost`.
    """

    missed: Ints
    days: Ints
    streak: Ints
    since: Ints
    absences: Ints
    held: Ints
    lost: Ints


@compiled
def day_sums(own: OwnDays, noted: Noted) -> DaySums:
    """All windows of all students, one student after the other."""
    students, weeks, days = own.path.size, own.end_at.shape[1], own.observed.shape[1]
    missed = np.zeros((_WINDOWS, students, weeks), np.int32)
    observed_days = np.zeros((_WINDOWS, students, weeks), np.int32)
    streak, since = np.zeros((students, weeks), np.int32), np.zeros((students, weeks), np.int32)
    absences = np.zeros((students, weeks), np.int32)
    held = np.zeros((DAYS_A_WEEK, students, weeks), np.int32)
    lost = np.zeros((DAYS_A_WEEK, students, weeks), np.int32)
    sums, counted = np.zeros(days + 1, np.int32), np.zeros(days + 1, np.int32)
    for student in range(students):
        path = own.path[student]
        begin_at, end_at, year_at = own.begin_at[path], own.end_at[path], own.year_at[path]
        whole, unexcused, excused, tardy, row = _days_of(noted, student, days)
        observed = own.observed[path] & (row | ~own.written[path])
        out, of = missed[:, student], observed_days[:, student]

        some = observed & own.excuses[path]
        _running(unexcused, some, sums, counted)
        _last(sums, counted, end_at, 0, STREAK_DAYS, out[UNEXCUSED_SHARE], of[UNEXCUSED_SHARE])
        _running(excused, some, sums, counted)
        _last(sums, counted, end_at, 0, STREAK_DAYS, out[EXCUSED_SHARE], of[EXCUSED_SHARE])
        _running(tardy, observed & own.tardies[path], sums, counted)
        _last(sums, counted, end_at, 0, CHANGE_DAYS, out[TARDIES], of[TARDIES])
        partial = ((whole > 0) & (whole < WHOLE_DAY)).astype(np.int32)
        _running(partial, observed & own.partial_days[path], sums, counted)
        _last(sums, counted, end_at, 0, CHANGE_DAYS, out[PARTIAL_DAYS], of[PARTIAL_DAYS])

        _running(whole, observed, sums, counted)
        _between(sums, counted, begin_at, end_at, out[WEEK], of[WEEK])
        _between(sums, counted, np.minimum(year_at, end_at), end_at, out[YEAR], of[YEAR])
        _last(sums, counted, end_at, 0, CHANGE_DAYS, out[RECENT], of[RECENT])
        _last(sums, counted, end_at, CHANGE_DAYS, CHANGE_DAYS, out[BEFORE], of[BEFORE])
        lost_by_day, weekday = whole[observed], own.weekday[path][observed]
        absent = lost_by_day >= HALF_DAY
        _runs(absent, counted, end_at, streak[student], since[student])
        _by_weekday(lost_by_day, weekday, counted, end_at, held[:, student], lost[:, student])
        _absences(absent, counted, end_at, absences[student])
    return DaySums(missed, observed_days, streak, since, absences, held, lost)


@compiled
def _days_of(noted: Noted, student: int, days: int) -> tuple[Ints, Ints, Ints, Ints, Bools]:
    """Of each own day: missed in all, without and with excuse; tardy; whether it has a row."""
    whole, unexcused = np.zeros(days, np.int32), np.zeros(days, np.int32)
    excused, tardy = np.zeros(days, np.int32), np.zeros(days, np.int32)
    row = np.zeros(days, np.bool_)
    for at in range(noted.begin[student], noted.begin[student + 1]):
        day, status, missed = noted.day[at], noted.status[at], noted.missed[at]
        row[day] = True
        if status == TARDY:
            tardy[day] = 1
        elif status in (EXCUSED, UNEXCUSED, ABSENT):
            whole[day] = min(whole[day] + missed, WHOLE_DAY)
            if status == EXCUSED:
                excused[day] = min(excused[day] + missed, WHOLE_DAY)
            elif status == UNEXCUSED:
                unexcused[day] = min(unexcused[day] + missed, WHOLE_DAY)
    return whole, unexcused, excused, tardy, row


@compiled
def _running(values: Ints, observed: Bools, sums: Ints, counted: Ints) -> None:
    """`counted`: observed days before each own day; `sums`: values of the first so many of them."""
    many = 0
    for day in range(observed.size):
        counted[day] = many
        if observed[day]:
            sums[many + 1] = sums[many] + values[day]
            many += 1
    counted[observed.size] = many


@compiled
def _last(
    sums: Ints, counted: Ints, end_at: Ints, skipped: int, days: int, missed: Ints, of: Ints
) -> None:
    """Of the last `days` observed days of each week, before the `skipped` last ones."""
    for week in range(end_at.size):
        end = max(counted[end_at[week]] - skipped, 0)
        begin = max(end - days, 0)
        missed[week], of[week] = sums[end] - sums[begin], end - begin


@compiled
def _between(
    sums: Ints, counted: Ints, begin_at: Ints, end_at: Ints, missed: Ints, of: Ints
) -> None:
    for week in range(end_at.size):
        begin, end = counted[begin_at[week]], counted[end_at[week]]
        missed[week], of[week] = sums[end] - sums[begin], end - begin


@compiled
def _runs(absent: Bools, counted: Ints, end_at: Ints, streak: Ints, since: Ints) -> None:
    """The longest run of absences in STREAK_DAYS, and the observed days after the last absence."""
    for week in range(end_at.size):
        end = counted[end_at[week]]
        run = 0
        for day in range(max(end - STREAK_DAYS, 0), end):
            run = run + 1 if absent[day] else 0
            streak[week] = max(streak[week], run)
        while since[week] < min(end, SINCE_CAP) and not absent[end - 1 - since[week]]:
            since[week] += 1
        if since[week] == end:
            since[week] = SINCE_CAP


@compiled
def _by_weekday(
    missed: Ints, weekday: Ints, counted: Ints, end_at: Ints, held: Ints, lost: Ints
) -> None:
    for week in range(end_at.size):
        end = counted[end_at[week]]
        for day in range(max(end - WEEKDAY_DAYS, 0), end):
            held[weekday[day], week] += 1
            lost[weekday[day], week] += missed[day]


@compiled
def _absences(absent: Bools, counted: Ints, end_at: Ints, absences: Ints) -> None:
    for week in range(end_at.size):
        end = counted[end_at[week]]
        absences[week] = absent[max(end - WEEKDAY_DAYS, 0) : end].sum()
