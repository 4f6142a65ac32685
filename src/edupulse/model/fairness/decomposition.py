"""How much of a gap lies between schools, and how much within them; the two add up exactly.

Between: the gap that would be left if every student had the rate of all students of their own
school. Within: what remains, the group's distance from its own schools' rates. A school attended by
one group alone adds to the part between. Both parts describe; neither says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import Draws, Estimate, estimated, resampled
from edupulse.model.curves import Array
from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.rates import BASE_RATE, HIGH, MISSED, RAISED, Judged
from edupulse.model.fairness.verdicts import LEAST_STUDENTS
from edupulse.model.rows import Bools

RATES = (BASE_RATE, MISSED, RAISED)


@dataclass(frozen=True)
class Decomposition:
    """A group's rate minus that of everyone else, and the two parts of which it is the sum."""

    grouping: str
    group: str
    rate: str
    gap: Estimate
    between: Estimate
    within: Estimate


def decompositions(
    judged: Judged,
    school: NDArray[np.integer],
    groupings: Sequence[Grouping],
    *,
    threshold: float = HIGH,
    replicates: int = 300,
    seed: int = 0,
) -> tuple[Decomposition, ...]:
    """The parts of each group's gaps in base rate, false negatives and false positives.

    `school [N]` is any number for the school of each row. A group is left out where fewer than 30
    students count for the rate, on either side.
    """
    students, place = np.unique(judged.student, return_inverse=True)
    draws = resampled(len(students), replicates, seed)
    flagged = judged.risk >= threshold
    events = {
        BASE_RATE: (judged.off_track, np.ones(len(judged), np.bool_)),
        MISSED: (~flagged, judged.off_track),
        RAISED: (flagged, ~judged.off_track),
    }
    schools = np.unique(school, return_inverse=True)[1]
    rows = _Rows(place, schools, draws)
    return tuple(
        found
        for rate in RATES
        for grouping in groupings
        for found in _of_grouping(rows, grouping, rate, *events[rate])
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """Whose rows they are, at which schools, and how often each student is drawn."""

    place: NDArray[np.intp]
    school: NDArray[np.intp]
    draws: Draws

    def by_school(self, rows: Bools) -> Array:
        """The weight of some rows at each school `[B, schools]`."""
        schools = int(self.school.max()) + 1
        code, many = np.unique(self.place[rows] * schools + self.school[rows], return_counts=True)
        student, school = np.divmod(code, schools)
        order = np.argsort(school, kind="stable")
        total = np.zeros((len(self.draws), schools))
        if code.size:
            at, starts = np.unique(school[order], return_index=True)
            weighed = self.draws[:, student[order]] * many[order].astype(np.float64)
            total[:, at] = np.add.reduceat(weighed, starts, axis=1)
        return total

    def students(self, rows: Bools) -> int:
        return int(np.unique(self.place[rows]).size)


def _of_grouping(
    rows: _Rows, grouping: Grouping, rate: str, event: Bools, counts: Bools
) -> Iterator[Decomposition]:
    for code in np.unique(grouping.code[grouping.known]):
        ours = counts & (grouping.code == code)
        theirs = counts & grouping.known & (grouping.code != code)
        if min(rows.students(ours), rows.students(theirs)) < LEAST_STUDENTS:
            continue
        parts = _parts(
            *(rows.by_school(part) for part in (ours & event, ours, theirs & event, theirs))
        )
        gap, between, within = (estimated(values) for values in parts)
        if gap and between and within:
            label = grouping.labels[int(code)]
            yield Decomposition(grouping.name, label, rate, gap, between, within)


def _parts(our_events: Array, ours: Array, their_events: Array, theirs: Array) -> tuple[Array, ...]:
    """The gap, and its parts between and within schools, over every weighting `[B]`."""
    expected = _ratio(our_events + their_events, ours + theirs)
    our_share, their_share = (
        _ratio(part, part.sum(axis=1, keepdims=True)) for part in (ours, theirs)
    )
    between = ((our_share - their_share) * expected).sum(axis=1)
    within = _beyond(our_events, ours, expected) - _beyond(their_events, theirs, expected)
    gap = _ratio(our_events.sum(axis=1), ours.sum(axis=1)) - _ratio(
        their_events.sum(axis=1), theirs.sum(axis=1)
    )
    return gap, between, within


def _share(counts: Array) -> Array:
    return _ratio(counts, counts.sum(axis=1, keepdims=True))


def _beyond(events: Array, counts: Array, expected: Array) -> Array:
    """How far a group's rate lies above what its own schools' rates give."""
    return _ratio((events - counts * expected).sum(axis=1), counts.sum(axis=1))


def _ratio(part: Array, whole: Array) -> Array:
    whole = np.broadcast_to(whole, part.shape)
    return np.asarray(np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0))
