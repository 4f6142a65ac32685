"""Which incidents count, on which observed day: sparse, since most students have none.

Only incidents where the student was a perpetrator, which were not overturned, and whose behavior
has a severity. One on a day without school counts on the observed day before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edupulse.features.reference import Bools, Ints
from edupulse.features.tally import Block, ObservedDays
from edupulse.school.calendar import NEVER
from edupulse.school.columns import MISSING

NONE = np.int32(-(2**30))
"""The rank of an incident that is not there."""

PERPETRATOR = 0
"""The first of the roles; an incident without a role is the perpetrator's."""


@dataclass(frozen=True)
class Incidents:
    """The incidents `[m, K]` of the m students who have any, in order of time.

    `who` int32[m] are their places in the block. `rank` counts observed days before the incident's
    (NONE: padding), `date` is the day itself, `new_day` is true for the first incident of an
    observed day. `day_before` is the rank of the incident day before, `day_after` and `after_date`
    rank and date of the next (NEVER: none); `same_before` the rank of the last incident of the
    same behavior before it.
    """

    who: Ints
    rank: Ints
    date: Ints
    severity: Ints
    new_day: Bools
    day_before: Ints
    day_after: Ints
    after_date: Ints
    same_before: Ints


def incidents_of(block: Block, days: ObservedDays) -> Incidents:
    """The incidents of a block that count; `days` is the axis of E for incidents."""
    if not block.rows["incidents"].student.size:
        return _NONE
    student, rank, date, severity, behavior = _placed(block, days)
    if not student.size:
        return _NONE
    new_student = _starts(student)
    new_day = new_student | _starts(rank)
    day_before, day_after, after_date = _neighbours(student, rank, date, new_day)
    who, row = np.unique(student, return_inverse=True)
    slot = np.arange(student.size) - np.flatnonzero(new_student)[row]
    shape = (who.size, int(slot.max(initial=-1)) + 1)

    def padded(values: Ints, fill: int) -> Ints:
        table = np.full(shape, fill, np.int32)
        table[row, slot] = values
        return table

    return Incidents(
        who=who.astype(np.int32),
        rank=padded(rank, int(NONE)),
        date=padded(date, int(NEVER)),
        severity=padded(severity, 0),
        new_day=padded(new_day.astype(np.int32), 0) > 0,
        day_before=padded(day_before, int(NONE)),
        day_after=padded(day_after, int(NEVER)),
        after_date=padded(after_date, int(NEVER)),
        same_before=padded(_same_before(student, rank, behavior), int(NONE)),
    )


class Placed(NamedTuple):
    """Incidents that count, in order of student, day and id."""

    student: Ints
    rank: Ints
    date: Ints
    severity: Ints
    behavior: list[str | None]


def _placed(block: Block, days: ObservedDays) -> Placed:
    rows, schedule, reference = block.rows["incidents"], block.schedule, block.reference
    columns = rows.columns
    date, severity, role = columns["date"], columns["severity"], columns["role"]
    offset, path = reference.offset(date), schedule.path[rows.student]
    school = schedule.school_on[path, offset]
    rank = days.counted[path, schedule.counted[path, offset + 1]] - np.int32(1)
    counts = (role == PERPETRATOR) | (role == MISSING)
    counts &= (columns["overturned"] <= 0) & (severity != MISSING)
    counts &= reference.covered["incidents"][school, offset] & (school >= 0) & (rank >= 0)
    counts &= reference.flags["records_incidents"][school]
    ids, behavior = columns.words("incident_id"), columns.words("behavior")
    order = sorted(
        np.flatnonzero(counts).tolist(), key=lambda at: (rows.student[at], date[at], ids[at])
    )
    return Placed(
        student=rows.student[order],
        rank=rank[order],
        date=date[order],
        severity=severity[order],
        behavior=[behavior[at] for at in order],
    )


_INTS, _BOOLS = np.zeros((0, 0), np.int32), np.zeros((0, 0), np.bool_)
_NONE = Incidents(_INTS[0:0].ravel(), *(_INTS,) * 3, _BOOLS, *(_INTS,) * 4)


def _starts(values: Ints) -> Bools:
    """True where a run of equal values begins."""
    starts = np.ones(values.size, np.bool_)
    starts[1:] = values[1:] != values[:-1]
    return starts


def _neighbours(student: Ints, rank: Ints, date: Ints, new_day: Bools) -> tuple[Ints, Ints, Ints]:
    """The student's incident days beside each incident's: rank before, rank and date after."""
    day = np.cumsum(new_day) - 1
    whose = np.append(np.append(-1, student[new_day]), -1)
    ranks = np.append(np.append(NONE, rank[new_day]), NEVER).astype(np.int32)
    dates = np.append(np.append(NONE, date[new_day]), NEVER).astype(np.int32)
    before = np.where(whose[day] == student, ranks[day], NONE)
    followed = whose[day + 2] == student
    after = np.where(followed, ranks[day + 2], NEVER)
    return before, after, np.where(followed, dates[day + 2], NEVER)


def _same_before(student: Ints, rank: Ints, behavior: list[str | None]) -> Ints:
    """The rank of the student's last incident of the same behavior before each."""
    last: dict[tuple[int, str | None], int] = {}
    before = np.full(student.size, NONE, np.int32)
    for at, of in enumerate(zip(student.tolist(), behavior, strict=True)):
        before[at] = last.get(of, NONE)
        last[of] = int(rank[at])
    return before
