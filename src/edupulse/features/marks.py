"""Single marks: what each is worth, from when it counts, and the features made of single marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.features.reference import (
    LOOKBACK,
    TICKS,
    Bools,
    Ints,
    Longs,
    positions,
)
from edupulse.features.robust import MAD_TO_SIGMA
from edupulse.features.schedule import WEEKS_BACK
from edupulse.features.tally import Block, Floats, ObservedDays, codes, longs

SCORED, MISSING, LATE, EXCUSED = range(4)
ASSESSMENT, PRACTICE, UNCATEGORIZED = range(3)
MOST_PERCENT = 200
"""A percent is at most 200, as a posted course grade is."""

MISSING_DAYS, MISSING_MIN_DUE = 20, 3
GAP_DAYS, GAP_MIN_MARKS = 45, 2
VOLATILITY_MIN_MARKS = 5
_LONGEST_DAY = 1_024
"""A power of two above LOOKBACK: room for one day in a sort key."""


@dataclass(frozen=True)
class Marks:
    """The marks of a block that are not excused, in order of (student, school, day due).

    `section` and `school` are rows of the reference. `due` and `counts_from` are day offsets:
    a missing mark counts from the third instructional day after it was due, any other from the
    day due; `handed_in` is that third day for every mark. `percent` (ticks) is −1, and `earned`
    and `possible` (weighted) are 0, where a mark has no percent.
    """

    student: Ints
    section: Ints
    school: Ints
    due: Ints
    handed_in: Ints
    counts_from: Ints
    missing: Bools
    category: Ints
    category_weight: Longs
    earned: Longs
    possible: Longs
    percent: Longs


def marks_of(block: Block) -> Marks:
    """The marks of covered days at known sections."""
    rows, reference = block.rows["marks"], block.reference
    section = positions(reference.sections.keys, rows.frame["section"].to_numpy())
    status = np.maximum(codes(rows.frame["status"]), SCORED)
    school = reference.sections.school[section] if reference.sections.keys.size else section
    due = reference.offset(rows.frame["due_on"].cast(pl.Int32).to_numpy())
    counts = (section >= 0) & reference.covered["marks"][school, due] & (status != EXCUSED)
    order = np.flatnonzero(counts)
    stream = rows.student.astype(np.int64) * reference.last_days.size + school
    order = order[np.argsort((stream * _LONGEST_DAY + due)[order], kind="stable")]
    frame = rows.frame[order]
    missing = status[order] == MISSING
    handed_in = np.minimum(
        reference.offset(reference.handed_in[school[order], due[order]]), _LONGEST_DAY - 1
    )
    earned, possible, percent = _worth(frame, missing)
    category = codes(frame["category"])
    return Marks(
        student=rows.student[order],
        section=section[order],
        school=school[order],
        due=due[order],
        handed_in=handed_in,
        counts_from=np.where(missing, handed_in, due[order]),
        missing=missing,
        category=np.where(category >= 0, category, UNCATEGORIZED),
        category_weight=longs(frame["category_weight"], -1),
        earned=earned,
        possible=possible,
        percent=percent,
    )


def ticks(earned: Ints | Longs, possible: Longs | Floats) -> Floats:
    """A percent in whole ticks, at most MOST_PERCENT; `possible` must be positive or NaN."""
    percent = np.rint(earned * np.float64(100 * TICKS) / possible)
    return np.asarray(np.minimum(percent, MOST_PERCENT * TICKS), np.float64)


def _worth(frame: pl.DataFrame, missing: Bools) -> tuple[Longs, Longs, Longs]:
    """Weighted points earned and possible, and the percent; a missing mark earned nothing."""
    points = np.where(missing, 0, longs(frame["points"], -1))
    possible = longs(frame["points_possible"], 0)
    weight = longs(frame["weight"], 1_000)
    has_percent = (points >= 0) & (possible > 0)
    percent = ticks(points, np.where(has_percent, possible, 1))
    return (
        np.where(has_percent, weight * points, 0),
        np.where(has_percent, weight * possible, 0),
        np.where(has_percent, percent, -1).astype(np.int64),
    )


class Streams:
    """Marks of one student at one school: due and handed-in days both rise along a stream.

    Windows are index ranges into the marks, found by bisection, `[streams, weeks]`.
    """

    def __init__(self, block: Block, marks: Marks) -> None:
        self.block, self.marks = block, marks
        stream = marks.student.astype(np.int64) * block.reference.last_days.size + marks.school
        first = np.flatnonzero(np.append(True, stream[1:] != stream[:-1])[: stream.size])
        self.student, self.school = marks.student[first], marks.school[first]
        place = np.repeat(np.arange(first.size), np.diff(np.append(first, stream.size)))
        self._base = np.arange(first.size)[:, None] * _LONGEST_DAY
        self._due = place * _LONGEST_DAY + marks.due
        self._handed_in = place * _LONGEST_DAY + marks.handed_in
        ends = block.schedule.end[block.schedule.path[self.student], -block.weeks :]
        self.end = np.clip(block.reference.offset(ends), -1, LOOKBACK - 1)

    def due_since(self, day: Ints) -> Longs:
        """The first mark due on that day or after; `day` is an offset by student `[n, W]`."""
        at = self._base + np.clip(day[self.student], 0, LOOKBACK)
        return np.searchsorted(self._due, at, "left")

    def due_by_end(self) -> Longs:
        """Past the last mark due by the week's end."""
        return np.searchsorted(self._due, self._base + self.end, "right")

    def handed_in_by_end(self) -> Longs:
        """Past the last mark whose days for handing in had passed by the week's end."""
        return np.searchsorted(self._handed_in, self._base + self.end, "right")

    def total(self, begin: Longs, stop: Longs, values: npt.NDArray[np.generic]) -> Longs:
        """Σ of integer values over the ranges, by student `[n, W]`."""
        sums = np.append(0, np.cumsum(values, dtype=np.int64))
        by_stream = sums[np.maximum(stop, begin)] - sums[begin]
        total = np.zeros((self.block.size, self.block.weeks), np.int64)
        np.add.at(total, self.student, by_stream)
        return total


def missing_work_rate(streams: Streams) -> Floats:
    """Feature 28."""
    block, marks = streams.block, streams.marks
    recorded = block.reference.flags["records_gradebook"]
    mask = block.schedule.own_days_in(block.reference.covered["marks"])
    days = ObservedDays(mask & block.schedule.schools_where(recorded), block.schedule)
    since, observed = _since(block, days, MISSING_DAYS)
    begin, stop = streams.due_since(since), streams.handed_in_by_end()
    counts = recorded[marks.school]
    due = streams.total(begin, stop, counts)
    missing = streams.total(begin, stop, counts & marks.missing)
    return missing / np.where(observed & (due >= MISSING_MIN_DUE), due, np.nan)


def assessment_practice_gap(streams: Streams) -> Floats:
    """Feature 29."""
    block = streams.block
    mask = block.schedule.own_days_in(block.reference.covered["marks"])
    since, observed = _since(block, ObservedDays(mask, block.schedule), GAP_DAYS)
    begin = streams.due_since(since)
    means = [_mean_percent(streams, begin, category) for category in (ASSESSMENT, PRACTICE)]
    return np.where(observed, (means[0] - means[1]) / TICKS, np.nan)


def percent_volatility(streams: Streams) -> Floats:
    """Feature 19."""
    block, schedule = streams.block, streams.block.schedule
    columns = schedule.held.shape[1]
    first_week = columns - schedule.held.sum(1, keepdims=True)
    week = np.maximum(np.arange(columns - block.weeks, columns) - WEEKS_BACK, first_week)
    monday = np.take_along_axis(schedule.monday, np.minimum(week, columns - 1), axis=1)
    begin = streams.due_since(block.reference.offset(monday)[schedule.path])
    stop = np.maximum(streams.due_by_end(), begin)
    row = streams.student[:, None] * block.weeks + np.arange(block.weeks)
    row, percent = _counted(streams, begin, stop, row)
    return _mad(row, percent, block.size * block.weeks).reshape(block.size, block.weeks)


def _since(block: Block, days: ObservedDays, many: int) -> tuple[Ints, Bools]:
    """The day of the first of the last `many` observed days, and whether there is one."""
    shown, path = slice(-block.weeks, None), block.schedule.path
    start = np.minimum(days.last(many).start[:, shown], block.schedule.day.shape[1] - 1)
    return block.schedule.day[path[:, None], start], days.count[:, shown] > 0


def _mean_percent(streams: Streams, begin: Longs, category: int) -> Floats:
    marks = streams.marks
    counts = (marks.category == category) & (marks.percent >= 0)
    handed = counts & ~marks.missing
    by_end = streams.due_by_end()
    number = streams.total(begin, by_end, handed)
    number += streams.total(begin, streams.handed_in_by_end(), counts & marks.missing)
    percent = streams.total(begin, by_end, np.where(handed, marks.percent, 0))
    return percent / np.where(number >= GAP_MIN_MARKS, number, np.nan)


def _counted(streams: Streams, begin: Longs, stop: Longs, row: Ints) -> tuple[Longs, Ints]:
    """The percents that count in each range, with the row each belongs to, in order of rows."""
    lengths = (stop - begin).ravel()
    before = np.cumsum(lengths) - lengths
    at = np.repeat(begin.ravel() - before, lengths) + np.arange(lengths.sum())
    end = np.repeat(streams.end.ravel(), lengths)
    marks = streams.marks
    counts = (marks.counts_from[at] <= end) & (marks.percent[at] >= 0)
    whose = np.repeat(row.ravel(), lengths)[counts].astype(np.int64)
    percent = marks.percent[at[counts]].astype(np.int32)
    if np.any(whose[1:] < whose[:-1]):
        order = np.argsort(whose, kind="stable")
        return whose[order], percent[order]
    return whose, percent


def _mad(row: Longs, percent: Ints, rows: int) -> Floats:
    """1.4826 × MAD in percent of each row with enough marks, in widths of powers of two."""
    number = np.bincount(row, minlength=rows)
    first = np.cumsum(number) - number
    result = np.full(rows, np.nan)
    width = 8
    low = VOLATILITY_MIN_MARKS
    while low <= number.max(initial=0):
        here = np.flatnonzero((number >= low) & (number <= width))
        slots = np.arange(width)
        inside = slots < number[here, None]
        at = np.where(inside, first[here, None] + slots, 0)
        spread = _twice_median(_deviations(percent[at], inside, number[here]), number[here])
        result[here] = MAD_TO_SIGMA * spread / (4 * TICKS)
        low, width = width + 1, 2 * width
    return result


def _deviations(percent: Ints, inside: Bools, number: Longs) -> Ints:
    """Twice the distance of each value from its row's median; padding is the greatest int32."""
    padded = np.where(inside, percent, np.iinfo(np.int32).max)
    middle = _twice_median(np.sort(padded, axis=1), number, is_sorted=True)
    distance = np.abs(2 * percent - middle[:, None].astype(np.int32))
    return np.where(inside, distance, np.iinfo(np.int32).max)


def _twice_median(values: Ints, number: Longs, *, is_sorted: bool = False) -> Longs:
    ordered = values if is_sorted else np.sort(values, axis=1)
    rows = np.arange(values.shape[0])
    low, high = ordered[rows, (number - 1) // 2], ordered[rows, number // 2]
    return low.astype(np.int64) + high
