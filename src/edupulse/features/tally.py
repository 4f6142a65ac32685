"""From a Known to dense integer tallies, block by block of students: nothing else is taken.

Counts and sums are integers, so they do not depend on the order of records or on who else is
in the block: one student alone and a million give the same bits (law 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.features.reference import (
    LOOKBACK,
    Bools,
    Ints,
    Reference,
    reference_of,
)
from edupulse.features.schedule import Enrollments, Schedule, enrollments_of, schedule_of
from edupulse.school.columns import Columns
from edupulse.school.errors import Leakage
from edupulse.school.kind import Kind
from edupulse.school.knowledge import Known
from edupulse.school.records import ENROLLMENTS, STUDENT_KINDS

BLOCK = 1_000
"""Students a block: memory does not grow with the district, and arrays stay near the caches."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """The records of one kind of a block, those of each student together.

    `student` is each row's place in the block.
    """

    student: Ints
    columns: Columns

    def where(self, mask: Bools) -> Rows:
        """Those for which a mask holds."""
        return self if mask.all() else Rows(self.student[mask], self.columns.rows(mask))


@dataclass(frozen=True)
class Block:
    """Some students, their schools and schedules, and their records."""

    size: int
    weeks: int
    reference: Reference
    enrollments: Enrollments
    schedule: Schedule
    rows: Mapping[str, Rows]


@dataclass(frozen=True)
class Span:
    """One window of each student and week: where it begins, and how many observed days it has."""

    start: Ints
    days: Ints


class ObservedDays:
    """E: the own days `mask[U, J]` on which something was observed, as an axis of windows."""

    def __init__(self, mask: Bools, schedule: Schedule) -> None:
        self.mask = mask
        self.counted = prefix_sums(mask)
        self._schedule = schedule
        rows, at = np.nonzero(mask)
        width = int(self.counted[:, -1].max(initial=0)) + 1
        self._at_rank = np.full((mask.shape[0], width), mask.shape[1], np.int32)
        self._at_rank[rows, self.counted[rows, at]] = at
        self._count = take(self.counted, schedule.end_at)

    @property
    def count(self) -> Ints:
        """How many observed days lie before each week's end, `[n, C]`."""
        return self._count[self._schedule.path]

    def weeks(self) -> Span:
        """Each week."""
        return self._since(self._schedule.begin_at)

    def last(self, days: int) -> Span:
        """The last `days` observed days up to each week's end."""
        path = self._schedule.path
        start = take(self._at_rank, np.maximum(self._count - days, 0))
        return Span(start[path], np.minimum(self._count, days)[path])

    def this_year(self) -> Span:
        """The school year of each week up to its end."""
        return self._since(np.minimum(self._schedule.year_at, self._schedule.end_at))

    def _since(self, begin: Ints) -> Span:
        path = self._schedule.path
        return Span(begin[path], (self._count - take(self.counted, begin))[path])


def blocks(known: Known, weeks: int, size: int = BLOCK) -> Iterator[Block]:
    """The students of a `Known`, `size` at a time, in the order of their keys.

    Raises `Leakage` for anything that did not come through the one door, `History.at()`.
    """
    if not isinstance(known, Known):
        raise Leakage("Features are made from what History.at() gives, and from nothing else.")
    reference = reference_of(known)
    if not reference.calendar.schools.size:
        return
    keys = np.unique(known.students)
    rows = {kind.name: _placed(kind, known, reference, keys) for kind in STUDENT_KINDS}
    for first in range(0, keys.size, size):
        count = min(size, keys.size - first)
        here = {name: _slice(part, first, first + count) for name, part in rows.items()}
        yield _block(reference, here, count, weeks)


def prefix_sums(values: npt.NDArray[np.generic]) -> Ints:
    """`[m, J]` to `[m, J + 1]`: the sum of all values before each position."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), np.int32)
    np.cumsum(values, axis=1, dtype=np.int32, out=sums[:, 1:])
    return sums


def take(values: Ints, position: Ints) -> Ints:
    """`values[m, J]` at `position[m, W]`."""
    return values[np.arange(values.shape[0])[:, None], position]


def last_weeks(weekly: Floats, weeks: int) -> Floats:
    """`[n, C]` to `[n, C, weeks]`: each week and those before it; NaN before the first."""
    padding = np.full((weekly.shape[0], weeks - 1), np.nan)
    padded = np.concatenate([padding, weekly], axis=1)
    return np.lib.stride_tricks.sliding_window_view(padded, weeks, axis=1)


def _placed(kind: Kind, known: Known, reference: Reference, keys: Ints) -> Rows:
    """A kind's records that are looked at, sorted by the blocks of their students."""
    columns = known.columns[kind.name]
    if not len(columns):
        return Rows(np.zeros(0, np.int32), columns)
    if kind.name != ENROLLMENTS.name:
        offset = reference.offset(columns[str(kind.occurred_on)])
        columns = columns.rows((offset >= 0) & (offset < LOOKBACK))
    student = columns["student"]
    if np.any(student[1:] < student[:-1]):
        order = np.argsort(student, kind="stable")
        student, columns = student[order], columns.rows(order)
    begin, stop = np.searchsorted(student, keys), np.searchsorted(student, keys, "right")
    place = np.repeat(np.arange(keys.size, dtype=np.int32), stop - begin)
    if place.size < student.size:
        columns = columns.rows(np.isin(student, keys))
    return Rows(place, columns)


def _slice(rows: Rows, first: int, stop: int) -> Rows:
    if rows.student.size and first == 0 and int(rows.student.max()) < stop:
        return rows
    begin, end = np.searchsorted(rows.student, (first, stop))
    here = slice(int(begin), int(end))
    return Rows(rows.student[here] - np.int32(first), rows.columns.rows(here))


def _block(reference: Reference, rows: Mapping[str, Rows], size: int, weeks: int) -> Block:
    entered = rows[ENROLLMENTS.name]
    enrollments = enrollments_of(entered.columns, entered.student, reference)
    schedule = schedule_of(reference, enrollments, size, weeks)
    return Block(size, weeks, reference, enrollments, schedule, rows)
