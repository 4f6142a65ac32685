"""The 14 attendance features, over each student's observed days."""

from __future__ import annotations

import numpy as np

from edupulse.features.compiled import reading
from edupulse.features.day_windows import (
    BEFORE,
    CHANGE_DAYS,
    PRESENT,
    RECENT,
    TARDIES,
    TARDY,
    UNEXCUSED_SHARE,
    WEEK,
    WHOLE_DAY,
    YEAR,
    Noted,
    OwnDays,
    day_sums,
)
from edupulse.features.reference import Ints
from edupulse.features.robust import slope, volatility
from edupulse.features.tally import Block, Floats, last_weeks
from edupulse.school.calendar import weekday
from edupulse.school.columns import MISSING

MIN_DAYS = 10
SLOPE_WEEKS, SLOPE_MIN_WEEKS, SLOPE_MIN_DAYS = 8, 4, 3
WEEKDAY_MIN_DAYS, WEEKDAY_MIN_ABSENCES, PRIOR_DAYS = 6, 3, 20
_UNIT = np.array([WHOLE_DAY] * TARDIES + [1, 1])[:, None, None]
"""What is counted in each window: days, but tardies and partial days one by one."""

MONDAY_FRIDAY, MIDWEEK = (0, 4), (1, 2, 3)


def attendance(block: Block) -> list[Floats]:
    """The features 1 to 14 of all weeks of the schedule, each `[n, C]`; NaN: not observed."""
    sums = day_sums(reading(_own_days(block)), reading(_noted(block)))
    rates = sums.missed / (_UNIT * np.where(sums.days > 0, sums.days, np.nan))
    present = 1 - rates[WEEK]
    known = sums.days[WEEK] >= SLOPE_MIN_DAYS
    recent = last_weeks(np.where(known, present, np.nan), SLOPE_WEEKS)[:, -block.weeks :]
    any_day = sums.days[RECENT] > 0
    before_last = np.where(sums.days[BEFORE] >= CHANGE_DAYS, rates[BEFORE], np.nan)
    return [
        present,
        1 - np.where(sums.days[RECENT] >= MIN_DAYS, rates[RECENT], np.nan),
        np.where(sums.days[YEAR] >= MIN_DAYS, rates[YEAR], np.nan),
        *rates[UNEXCUSED_SHARE:],
        np.where(any_day, sums.streak, np.nan),
        np.where(any_day, sums.since, np.nan),
        100 * slope(recent, SLOPE_MIN_WEEKS),
        volatility(recent, SLOPE_MIN_WEEKS),
        100 * (np.where(sums.days[RECENT] >= CHANGE_DAYS, rates[RECENT], np.nan) - before_last),
        _monday_friday(sums.held, sums.lost),
        _concentration(sums.held, sums.lost, sums.absences),
    ]


def _own_days(block: Block) -> OwnDays:
    """E: covered own days; where every day is written, only those with a row."""
    schedule, reference = block.schedule, block.reference
    return OwnDays(
        path=schedule.path,
        begin_at=schedule.begin_at,
        end_at=schedule.end_at,
        year_at=schedule.year_at,
        weekday=weekday(schedule.day + np.int32(reference.first)),
        observed=schedule.own_days_in(reference.covered["attendance"]),
        written=schedule.schools_where(reference.writes_every_day),
        excuses=schedule.schools_where(reference.flags["records_excuse"]),
        tardies=schedule.schools_where(reference.flags["records_tardies"]),
        partial_days=schedule.schools_where(reference.flags["records_partial_days"]),
    )


def _noted(block: Block) -> Noted:
    rows, schedule, reference = block.rows["attendance"], block.schedule, block.reference
    columns = rows.columns
    offset = reference.offset(columns["date"])
    path = schedule.path[rows.student]
    at = schedule.counted[path, offset]
    school = columns["school"]
    stated = reference.calendar.row(school)
    here = (stated == schedule.school_on[path, offset]) | (school == MISSING)
    here &= schedule.counted[path, offset + 1] > at
    status = columns["status"]
    absence = (status != PRESENT) & (status != TARDY)
    given = columns["fraction"]
    missed = np.where(given >= 0, given, absence * np.int32(WHOLE_DAY))
    begin = np.searchsorted(rows.student[here], np.arange(block.size + 1))
    return Noted(begin, at[here], status[here], missed[here])


def _monday_friday(held: Ints, lost: Ints) -> Floats:
    days = held.sum(0)
    own_rate = lost.sum(0) / (WHOLE_DAY * np.where(days > 0, days, np.nan))
    rates = []
    for group in (MONDAY_FRIDAY, MIDWEEK):
        among, missed = held[list(group)].sum(0), lost[list(group)].sum(0)
        shrunk = (missed / WHOLE_DAY + PRIOR_DAYS * own_rate) / (among + PRIOR_DAYS)
        rates.append(np.where(among >= WEEKDAY_MIN_DAYS, shrunk, np.nan))
    return np.asarray(100 * (rates[0] - rates[1]), np.float64)


def _concentration(held: Ints, lost: Ints, absences: Ints) -> Floats:
    """1 − the entropy of smoothed absence rates by weekday, in parts of the greatest possible."""
    weekdays = (held > 0).sum(0)
    known = (weekdays > 1) & (absences >= WEEKDAY_MIN_ABSENCES)
    rates = np.where(held > 0, (lost / WHOLE_DAY + 1) / (held + 5), 0)
    share = rates / np.where(known, rates.sum(0), np.nan)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(0)
    return np.asarray(1 - entropy / np.log(np.where(known, weekdays, np.nan)), np.float64)
