"""Single marks: which of them count, what each is worth, and from when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edupulse.features.compiled import compiled, reading
from edupulse.features.reference import TICKS, Bools, Bytes, Ints, Longs, positions
from edupulse.features.tally import Block

SCORED, MISSING, LATE, EXCUSED = range(4)
ASSESSMENT, PRACTICE, UNCATEGORIZED = range(3)
MOST_PERCENT = 200
"""A percent is at most 200, as a posted course grade is."""

NOTHING = -1
"""No percent, no weight."""

_WEIGHT = 1_000
"""Of a mark that has none of its own."""


class Marks(NamedTuple):
    """The marks of a block that are not excused, those of each student together.

    `begin` int64[n + 1] is where each student's begin. `section` and `school` are rows of the
    reference. `due` and `counts_from` are day offsets: a missing mark counts from the third
    instructional day after it was due, any other from the day due; `handed_in` is that third day
    for every mark. `percent` (ticks) is NOTHING, and `earned` and `possible` (weighted) are 0,
    where a mark has no percent.
    """

    begin: Longs
    section: Ints
    school: Ints
    due: Ints
    handed_in: Ints
    counts_from: Ints
    missing: Bools
    category: Bytes
    category_weight: Ints
    earned: Longs
    possible: Longs
    percent: Longs


class Rows(NamedTuple):
    """What the gradebook says, row by row, those of each student together; MISSING is below 0."""

    student: Ints
    section: Ints
    due: Ints
    status: Ints
    category: Ints
    category_weight: Ints
    points: Ints
    possible: Ints
    weight: Ints


class Days(NamedTuple):
    """By school and day offset: whether marks are covered, and the day of `handed_in`."""

    covered: Bools
    handed_in: Ints


def marks_of(block: Block) -> Marks:
    """The marks of covered days at known sections; none of the arrays can be written to."""
    rows, reference = block.rows["marks"], block.reference
    columns = rows.columns
    stated = Rows(
        student=rows.student,
        section=positions(reference.sections.keys, columns["section"]),
        due=reference.offset(columns["due_on"]),
        status=columns["status"],
        category=columns["category"],
        category_weight=columns["category_weight"],
        points=columns["points"],
        possible=columns["points_possible"],
        weight=columns["weight"],
    )
    days = Days(reference.covered["marks"], reference.handed_in - np.int32(reference.first))
    counting = _counting(reading(stated), reference.sections.school, reading(days), block.size)
    return reading(counting)


@compiled
def _counting(rows: Rows, school_of: Ints, days: Days, students: int) -> Marks:
    marks = _room(students, rows.student.size)
    at = 0
    for row in range(rows.student.size):
        section, due = rows.section[row], rows.due[row]
        if section < 0 or rows.status[row] == EXCUSED:
            continue
        school = school_of[section]
        if not days.covered[school, due]:
            continue
        missing, handed_in = rows.status[row] == MISSING, days.handed_in[school, due]
        marks.section[at], marks.school[at], marks.due[at] = section, school, due
        marks.missing[at], marks.handed_in[at] = missing, handed_in
        marks.counts_from[at] = handed_in if missing else due
        marks.category[at] = rows.category[row] if rows.category[row] >= 0 else UNCATEGORIZED
        marks.category_weight[at] = max(rows.category_weight[row], NOTHING)
        points = np.int64(0 if missing else rows.points[row])
        has_percent = points >= 0 and rows.possible[row] > 0
        weight = np.int64(rows.weight[row] if rows.weight[row] >= 0 else _WEIGHT)
        if not has_percent:
            weight = np.int64(0)
        marks.earned[at], marks.possible[at] = weight * points, weight * rows.possible[row]
        marks.percent[at] = NOTHING
        if has_percent:
            percent = np.rint(points * (100.0 * TICKS) / rows.possible[row])
            marks.percent[at] = np.int64(min(percent, MOST_PERCENT * TICKS))
        marks.begin[rows.student[row] + 1] += 1
        at += 1
    return _settled(marks, at)


@compiled
def _room(students: int, most: int) -> Marks:
    """Room for so many marks."""
    return Marks(
        np.zeros(students + 1, np.int64),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.bool_),
        np.empty(most, np.int8),
        np.empty(most, np.int32),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
    )


@compiled
def _settled(marks: Marks, many: int) -> Marks:
    """The first so many; and from the numbers of marks, where each student's begin."""
    return Marks(
        np.cumsum(marks.begin),
        marks.section[:many],
        marks.school[:many],
        marks.due[:many],
        marks.handed_in[:many],
        marks.counts_from[:many],
        marks.missing[:many],
        marks.category[:many],
        marks.category_weight[:many],
        marks.earned[:many],
        marks.possible[:many],
        marks.percent[:many],
    )
