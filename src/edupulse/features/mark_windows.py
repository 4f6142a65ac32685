"""The features made of single marks: each mark lies in the windows of a run of weeks.

The first of them is the week by whose end the mark counts; in the last the window still reaches
back to the day on which it was due.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edupulse.features.compiled import compiled, reading
from edupulse.features.marks import ASSESSMENT, UNCATEGORIZED, Marks
from edupulse.features.reference import LOOKBACK, TICKS, Bools, Ints, Longs
from edupulse.features.robust import MAD_TO_SIGMA
from edupulse.features.schedule import WEEKS_BACK
from edupulse.features.tally import Block, Floats, ObservedDays

MISSING_DAYS, MISSING_MIN_DUE = 20, 3
GAP_DAYS, GAP_MIN_MARKS = 45, 2
VOLATILITY_MIN_MARKS = 5


class Windows(NamedTuple):
    """Day offsets on which windows begin, `since` `[n, W]`, and the weeks in which days count.

    `first_week` `[U, LOOKBACK]` is the first week shown that ends on a day or after it (W: none),
    by `path` [n].
    """

    since: Ints
    path: Ints
    first_week: Ints


def windows_since(block: Block, since: Ints) -> Windows:
    """The windows of the weeks shown that begin on `since`."""
    schedule = block.schedule
    first_week = schedule.column_on - np.int32(schedule.held.shape[1] - block.weeks)
    return Windows(since, schedule.path, np.maximum(first_week, 0))


def missing_work_rate(block: Block, marks: Marks) -> Floats:
    """Feature 28."""
    recorded = block.reference.flags["records_gradebook"]
    mask = block.schedule.own_days_in(block.reference.covered["marks"])
    days = ObservedDays(mask & block.schedule.schools_where(recorded), block.schedule)
    since, observed = _since(block, days, MISSING_DAYS)
    due, missing = _due(marks, recorded, reading(windows_since(block, since)))
    return missing / np.where(observed & (due >= MISSING_MIN_DUE), due, np.nan)


def assessment_practice_gap(block: Block, marks: Marks) -> Floats:
    """Feature 29."""
    mask = block.schedule.own_days_in(block.reference.covered["marks"])
    since, observed = _since(block, ObservedDays(mask, block.schedule), GAP_DAYS)
    number, percent = _by_category(marks, reading(windows_since(block, since)))
    means = percent / np.where(number >= GAP_MIN_MARKS, number, np.nan)
    return np.where(observed, (means[0] - means[1]) / TICKS, np.nan)


def percent_volatility(block: Block, marks: Marks) -> Floats:
    """Feature 19."""
    schedule = block.schedule
    columns = schedule.held.shape[1]
    first_week = columns - schedule.held.sum(1, keepdims=True)
    week = np.maximum(np.arange(columns - block.weeks, columns) - WEEKS_BACK, first_week)
    monday = np.take_along_axis(schedule.monday, np.minimum(week, columns - 1), axis=1)
    since = block.reference.offset(monday)[schedule.path]
    spread = _spread(marks, reading(windows_since(block, since)))
    return np.where(spread >= 0, MAD_TO_SIGMA * spread / (4 * TICKS), np.nan)


def _since(block: Block, days: ObservedDays, many: int) -> tuple[Ints, Bools]:
    """The day of the first of the last `many` observed days, and whether there is one."""
    shown, path = slice(-block.weeks, None), block.schedule.path
    start = np.minimum(days.last(many).start[:, shown], block.schedule.day.shape[1] - 1)
    return block.schedule.day[path[:, None], start], days.count[:, shown] > 0


@compiled
def _due(marks: Marks, recorded: Bools, windows: Windows) -> tuple[Longs, Longs]:
    """How many marks could have been handed in, and how many of them were not."""
    students, weeks = windows.since.shape
    due, missing = np.zeros((students, weeks), np.int64), np.zeros((students, weeks), np.int64)
    for student in range(students):
        first_week, since = windows.first_week[windows.path[student]], windows.since[student]
        for at in range(marks.begin[student], marks.begin[student + 1]):
            if marks.handed_in[at] >= LOOKBACK or not recorded[marks.school[at]]:
                continue
            week = first_week[marks.handed_in[at]]
            while week < weeks and since[week] <= marks.due[at]:
                due[student, week] += 1
                missing[student, week] += marks.missing[at]
                week += 1
    return due, missing


@compiled
def _by_category(marks: Marks, windows: Windows) -> tuple[Longs, Longs]:
    """Number and Σ of percents (ticks) of the assessments and of the practice, `[2, n, W]`."""
    students, weeks = windows.since.shape
    number = np.zeros((2, students, weeks), np.int64)
    percent = np.zeros((2, students, weeks), np.int64)
    for student in range(students):
        first_week, since = windows.first_week[windows.path[student]], windows.since[student]
        for at in range(marks.begin[student], marks.begin[student + 1]):
            category = marks.category[at] - ASSESSMENT
            if category >= UNCATEGORIZED or marks.percent[at] < 0:
                continue
            if marks.counts_from[at] >= LOOKBACK:
                continue
            week = first_week[marks.counts_from[at]]
            while week < weeks and since[week] <= marks.due[at]:
                number[category, student, week] += 1
                percent[category, student, week] += marks.percent[at]
                week += 1
    return number, percent


@compiled
def _spread(marks: Marks, windows: Windows) -> Longs:
    """Four times the median distance (ticks) from the median; −1 with too few marks.

    A student's marks are sorted once, so each window gets its own in order.
    """
    students, weeks = windows.since.shape
    spread = np.full((students, weeks), -1, np.int64)
    most = np.max(np.diff(marks.begin)) if students else 0
    inside = np.empty((weeks, most), np.int64)
    for student in range(students):
        begin, stop = marks.begin[student], marks.begin[student + 1]
        first_week, since = windows.first_week[windows.path[student]], windows.since[student]
        number = np.zeros(weeks, np.int64)
        recent = _recent(marks, begin, stop, since[0])
        for at in recent[np.argsort(marks.percent[recent])]:
            week = first_week[marks.counts_from[at]]
            while week < weeks and since[week] <= marks.due[at]:
                inside[week, number[week]] = marks.percent[at]
                number[week] += 1
                week += 1
        for week in range(weeks):
            if number[week] >= VOLATILITY_MIN_MARKS:
                spread[student, week] = _distance(inside[week, : number[week]])
    return spread


@compiled
def _recent(marks: Marks, begin: int, stop: int, since: int) -> Longs:
    """The marks that count in any window."""
    recent = np.empty(stop - begin, np.int64)
    many = 0
    for at in range(begin, stop):
        counts = marks.percent[at] >= 0 and marks.counts_from[at] < LOOKBACK
        if counts and marks.due[at] >= since:
            recent[many] = at
            many += 1
    return recent[:many]


@compiled
def _distance(ordered: Longs) -> np.int64:
    """The sum of the two middle ones of the doubled distances from the median.

    The nearest values lie around the median: two fingers walk outwards from it.
    """
    many = ordered.size
    middle = ordered[(many - 1) // 2] + ordered[many // 2]
    right = np.searchsorted(2 * ordered, middle)
    left = right - 1
    nearest = before = np.int64(0)
    for _ in range(many // 2 + 1):
        before = nearest
        below = middle - 2 * ordered[left] if left >= 0 else np.int64(2**62)
        above = 2 * ordered[right] - middle if right < many else np.int64(2**62)
        if below <= above:
            nearest, left = below, left - 1
        else:
            nearest, right = above, right + 1
    return 2 * nearest if many % 2 else nearest + before
