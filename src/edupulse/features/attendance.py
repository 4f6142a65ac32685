"""The 14 attendance features, over each student's observed days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from edupulse.features.reference import Bools, Ints, Longs
from edupulse.features.robust import slope, volatility
from edupulse.features.tally import (
    Block,
    Floats,
    ObservedDays,
    codes,
    last_weeks,
    longs,
    prefix_sums,
)
from edupulse.school.calendar import weekday

PRESENT, EXCUSED, UNEXCUSED, ABSENT, TARDY = range(5)
WHOLE_DAY = 1_000
HALF_DAY = 500
"""An absence of half a day and more counts in streaks and in the days since."""

MIN_DAYS = 10
CHANGE_DAYS = 20
SLOPE_WEEKS, SLOPE_MIN_WEEKS, SLOPE_MIN_DAYS = 8, 4, 3
STREAK_DAYS, SINCE_CAP = 45, 60
WEEKDAY_DAYS, WEEKDAY_MIN_DAYS, WEEKDAY_MIN_ABSENCES, PRIOR_DAYS = 60, 6, 3, 20
MONDAY_FRIDAY, MIDWEEK, DAYS_A_WEEK = (0, 4), (1, 2, 3), 7


@dataclass(frozen=True)
class Noted:
    """Attendance rows on own days at that day's primary school."""

    student: Ints
    day: Ints
    status: Ints
    missed: Ints


@dataclass(frozen=True)
class Missed:
    """Thousandths of each own day missed, `[n, J]`, 0 where not observed; and sums of them."""

    days: ObservedDays
    fraction: Ints
    sums: Ints
    absent: Bools


def attendance(block: Block) -> list[Floats]:
    """The features 1 to 14 of all weeks of the schedule, each `[n, C]`; NaN: not observed."""
    noted = _noted(block)
    days = _observed(block, noted)
    fraction = _fractions(block, noted, days, (EXCUSED, UNEXCUSED, ABSENT))
    missed = Missed(days, fraction, prefix_sums(fraction), fraction >= HALF_DAY)
    weeks = days.weeks()
    rates = 1 - weeks.rate(missed.sums, WHOLE_DAY)
    recent = last_weeks(np.where(weeks.days >= SLOPE_MIN_DAYS, rates, np.nan), SLOPE_WEEKS)
    recent = recent[:, -block.weeks :]
    absence_d20 = days.last(CHANGE_DAYS).rate(missed.sums, WHOLE_DAY, MIN_DAYS)
    return [
        rates,
        1 - absence_d20,
        days.this_year().rate(missed.sums, WHOLE_DAY, MIN_DAYS),
        *_by_excuse(block, noted, days),
        _tardy_rate(block, noted, days),
        _partial_rate(block, fraction, days),
        _longest_streak(missed),
        _days_since(missed),
        100 * slope(recent, SLOPE_MIN_WEEKS),
        volatility(recent, SLOPE_MIN_WEEKS),
        _change(missed),
        *_by_weekday(block, missed),
    ]


def _noted(block: Block) -> Noted:
    rows, schedule, reference = block.rows["attendance"], block.schedule, block.reference
    offset = reference.offset(rows.frame["date"].cast(pl.Int32).to_numpy())
    path = schedule.path[rows.student]
    at = schedule.counted[path, offset]
    school = rows.frame["school"]
    stated = reference.calendar.row(longs(school, -1).astype(np.int32))
    here = (stated == schedule.school_on[path, offset]) | school.is_null().to_numpy()
    here &= schedule.counted[path, offset + 1] > at
    status = codes(rows.frame["status"])
    absence = (status != PRESENT) & (status != TARDY)
    given = rows.frame["fraction"].fill_null(-1).to_numpy()
    missed = np.where(given >= 0, given, absence * np.int32(WHOLE_DAY))
    return Noted(rows.student[here], at[here], status[here], missed[here])


def _observed(block: Block, noted: Noted) -> ObservedDays:
    """E: covered own days; where every day is written, only those with a row."""
    schedule, reference = block.schedule, block.reference
    covered = schedule.own_days_in(reference.covered["attendance"])
    written = schedule.schools_where(reference.writes_every_day)
    if not written.any():
        return ObservedDays(covered, schedule)
    any_row = np.zeros((block.size, covered.shape[1]), np.bool_)
    any_row[noted.student, noted.day] = True
    mask = covered[schedule.path] & (any_row | ~written[schedule.path])
    return ObservedDays(mask, schedule, by_student=True)


def _fractions(block: Block, noted: Noted, days: ObservedDays, statuses: tuple[int, ...]) -> Ints:
    """Σ of the fractions of these statuses on each observed day, at most the whole day."""
    counts = np.isin(noted.status, statuses) & days.mask[_row(days, noted), noted.day]
    fraction = np.zeros((block.size, days.mask.shape[1]), np.int32)
    np.add.at(fraction, (noted.student[counts], noted.day[counts]), noted.missed[counts])
    return np.minimum(fraction, WHOLE_DAY, out=fraction)


def _row(days: ObservedDays, noted: Noted) -> Ints:
    return np.asarray(days.of[noted.student], np.int32)


def _where_recorded(block: Block, days: ObservedDays, flag: str) -> ObservedDays:
    """E of what only some schools record."""
    recorded = block.schedule.schools_where(block.reference.flags[flag])
    if days.by_student:
        recorded = recorded[block.schedule.path]
    if np.array_equal(days.mask & recorded, days.mask):
        return days
    return ObservedDays(days.mask & recorded, block.schedule, by_student=days.by_student)


def _by_excuse(block: Block, noted: Noted, days: ObservedDays) -> tuple[Floats, Floats]:
    recorded = _where_recorded(block, days, "records_excuse")
    window = recorded.last(STREAK_DAYS)
    unexcused = prefix_sums(_fractions(block, noted, recorded, (UNEXCUSED,)))
    excused = prefix_sums(_fractions(block, noted, recorded, (EXCUSED,)))
    return window.rate(unexcused, WHOLE_DAY), window.rate(excused, WHOLE_DAY)


def _tardy_rate(block: Block, noted: Noted, days: ObservedDays) -> Floats:
    recorded = _where_recorded(block, days, "records_tardies")
    counts = (noted.status == TARDY) & recorded.mask[_row(recorded, noted), noted.day]
    tardy = np.zeros((block.size, days.mask.shape[1]), np.bool_)
    tardy[noted.student[counts], noted.day[counts]] = True
    return recorded.last(CHANGE_DAYS).rate(prefix_sums(tardy), 1)


def _partial_rate(block: Block, fraction: Ints, days: ObservedDays) -> Floats:
    recorded = _where_recorded(block, days, "records_partial_days")
    partial = (fraction > 0) & (fraction < WHOLE_DAY)
    if recorded is not days:
        partial &= recorded.mask[recorded.of]
    return recorded.last(CHANGE_DAYS).rate(prefix_sums(partial), 1)


def _longest_streak(missed: Missed) -> Floats:
    days = missed.days
    absent = np.append(missed.absent, np.zeros((missed.absent.shape[0], 1), np.bool_), axis=1)
    students = np.arange(absent.shape[0])[:, None]
    count = days.count
    run = np.zeros(count.shape, np.int32)
    longest = run.copy()
    for back in range(STREAK_DAYS, 0, -1):
        inside = (count >= back) & absent[students, days.back(back)]
        run = np.where(inside, run + 1, 0)
        np.maximum(longest, run, out=longest)
    return np.where(count > 0, longest, np.nan)


def _days_since(missed: Missed) -> Floats:
    """Observed days after the last absence: the day itself counts 0."""
    days, absent = missed.days, missed.absent
    ranks = days.counted[days.of][:, :-1]
    last = np.full((absent.shape[0], absent.shape[1] + 1), -SINCE_CAP - 1, np.int32)
    np.maximum.accumulate(np.where(absent, ranks, last[:, :1]), axis=1, out=last[:, 1:])
    end = days.weeks().end
    since = days.count - 1 - np.take_along_axis(last, end, axis=1)
    return np.where(days.count > 0, np.minimum(since, SINCE_CAP), np.nan)


def _change(missed: Missed) -> Floats:
    now = missed.days.last(CHANGE_DAYS).rate(missed.sums, WHOLE_DAY, CHANGE_DAYS)
    before = missed.days.before_last(CHANGE_DAYS).rate(missed.sums, WHOLE_DAY, CHANGE_DAYS)
    return 100 * (now - before)


def _by_weekday(block: Block, missed: Missed) -> tuple[Floats, Floats]:
    """Features 13 and 14, from days and absences of each weekday in the last 60 days."""
    schedule, days = block.schedule, missed.days
    window = days.last(WEEKDAY_DAYS)
    weekdays = weekday(schedule.day + np.int32(block.reference.first))
    held = np.zeros((DAYS_A_WEEK, *window.days.shape), np.int64)
    lost = np.zeros(held.shape, np.int64)
    for day in np.unique(weekdays[schedule.own]):
        on_day = (weekdays == day)[schedule.path]
        held[day] = window.sum(prefix_sums(days.mask[days.of] & on_day))
        lost[day] = window.sum(prefix_sums(missed.fraction * on_day))
    absences = window.sum(prefix_sums(missed.absent))
    return _monday_friday(held, lost), _concentration(held, lost, absences)


def _monday_friday(held: Longs, lost: Longs) -> Floats:
    days = held.sum(0)
    own_rate = lost.sum(0) / (WHOLE_DAY * np.where(days > 0, days, np.nan))
    rates = []
    for group in (MONDAY_FRIDAY, MIDWEEK):
        among, missed = held[list(group)].sum(0), lost[list(group)].sum(0)
        shrunk = (missed / WHOLE_DAY + PRIOR_DAYS * own_rate) / (among + PRIOR_DAYS)
        rates.append(np.where(among >= WEEKDAY_MIN_DAYS, shrunk, np.nan))
    return np.asarray(100 * (rates[0] - rates[1]), np.float64)


def _concentration(held: Longs, lost: Longs, absences: Ints) -> Floats:
    """1 − the entropy of smoothed absence rates by weekday, in parts of the greatest possible."""
    weekdays = (held > 0).sum(0)
    known = (weekdays > 1) & (absences >= WEEKDAY_MIN_ABSENCES)
    rates = np.where(held > 0, (lost / WHOLE_DAY + 1) / (held + 5), 0)
    share = rates / np.where(known, rates.sum(0), np.nan)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(0)
    return np.asarray(1 - entropy / np.log(np.where(known, weekdays, np.nan)), np.float64)
