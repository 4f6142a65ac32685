"""Single marks: which of them count, what each is worth, and from when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from edupulse.features.compiled import compiled, reading
from edupulse.features.reference import TICKS, Bools, Bytes, Ints, Longs, positions
from edupulse.features.tally import Block, codes

SCORED, MISSING, LATE, EXCUSED = range(4)
ASSESSMENT, PRACTICE, UNCATEGORIZED = range(3)
MOST_PERCENT = 200
"""A percent is at most 200, as a posted course grade is."""

NOTHING = -1
"""No percent, no weight."""


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
    """What the gradebook says, row by row, those of each student together."""

    student: Ints
    section: Ints
    due: Ints
    status: Bytes
    category: Bytes
    category_weight: Ints
    points: Ints
    possible: Ints
    weight: Ints


class Days(NamedTuple):
    """By school and day offset: whether marks are covered, and the day of `handed_in`."""

    covered: Bools
    handed_in: Ints


def marks_of(block: Block) -> Marks:
    """The marks of covered days at known sections."""
    rows, reference = block.rows["marks"], block.reference
    frame = rows.frame
    if not reference.sections.keys.size:
        frame = frame.clear()
    stated = Rows(
        student=rows.student[: frame.height],
        section=positions(reference.sections.keys, frame["section"].to_numpy()),
        due=reference.offset(frame["due_on"].to_physical().to_numpy()),
        status=codes(frame["status"]),
        category=codes(frame["category"]),
        category_weight=frame["category_weight"].fill_null(NOTHING).to_numpy(),
        points=frame["points"].fill_null(NOTHING).to_numpy(),
        possible=frame["points_possible"].fill_null(0).to_numpy(),
        weight=frame["weight"].fill_null(1_000).to_numpy(),
    )
    days = Days(reference.covered["marks"], reference.handed_in - np.int32(reference.first))
    return _counting(reading(stated), reference.sections.school, reading(days), block.size)


@compiled
def _counting(rows: Rows, school_of: Ints, days: Days, students: int) -> Marks:
    most = rows.student.size
    begin = np.zeros(students + 1, np.int64)
    section, school = np.empty(most, np.int32), np.empty(most, np.int32)
    due, handed_in = np.empty(most, np.int32), np.empty(most, np.int32)
    counts_from, missing = np.empty(most, np.int32), np.empty(most, np.bool_)
    category, category_weight = np.empty(most, np.int8), np.empty(most, np.int32)
    earned, possible = np.empty(most, np.int64), np.empty(most, np.int64)
    percent = np.empty(most, np.int64)
    at = 0
    for row in range(most):
        if rows.section[row] < 0 or rows.status[row] == EXCUSED:
            continue
        here = school_of[rows.section[row]]
        if not days.covered[here, rows.due[row]]:
            continue
        section[at], school[at], due[at] = rows.section[row], here, rows.due[row]
        handed_in[at] = days.handed_in[here, rows.due[row]]
        missing[at] = rows.status[row] == MISSING
        counts_from[at] = handed_in[at] if missing[at] else due[at]
        category[at] = rows.category[row] if rows.category[row] >= 0 else UNCATEGORIZED
        category_weight[at] = rows.category_weight[row]
        points = np.int64(0 if missing[at] else rows.points[row])
        if points >= 0 and rows.possible[row] > 0:
            earned[at] = rows.weight[row] * points
            possible[at] = np.int64(rows.weight[row]) * rows.possible[row]
            exact = np.rint(points * (100.0 * TICKS) / rows.possible[row])
            percent[at] = np.int64(min(exact, MOST_PERCENT * TICKS))
        else:
            earned[at], possible[at], percent[at] = 0, 0, NOTHING
        at += 1
        begin[rows.student[row] + 1] += 1
    return Marks(
        np.cumsum(begin),
        section[:at],
        school[:at],
        due[:at],
        handed_in[:at],
        counts_from[:at],
        missing[:at],
        category[:at],
        category_weight[:at],
        earned[:at],
        possible[:at],
        percent[:at],
    )
