"""The true probability of an outcome: the same days lived many times with other fates.

The outcome is counted as docs of the outcomes say, on what the district's system will in the
end record: instructional days 6 to 65 after the as-of day, ending with the school year.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.courses import CORE
from edupulse.simulator.days import Facts, World, live
from edupulse.simulator.moves import DROPPED_OUT, TRANSFERRED
from edupulse.simulator.state import State

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]

FIRST, LAST = 6, 65
LEAST_OBSERVED = 20
LEAST_LEFT = 40
CHRONIC = 0.10
LANES = 40_000


@dataclass
class Tally:
    """What is counted of each row while its horizon passes."""

    school: Ints
    elapsed: Ints
    observed: Ints
    missed: npt.NDArray[np.float64]
    graded: Flags
    failed: Flags
    dropped: Flags
    lost: Flags
    gone: Flags = field(repr=False)

    @classmethod
    def empty(cls, school: Ints) -> Tally:
        """Nothing counted yet, for rows at these schools."""
        n = school.size
        flags = [np.zeros(n, np.bool_) for _ in range(5)]
        counts = [np.zeros(n, np.int32) for _ in range(2)]
        return cls(school, counts[0], counts[1], np.zeros(n), *flags)

    def count(self, facts: Facts, world: World) -> None:
        """Add one day; who has left the school of the as-of day is not counted further."""
        places = world.places
        self.elapsed += places.open[self.school, facts.day]
        within = (self.elapsed >= FIRST) & (self.elapsed <= LAST)
        inside: Flags = np.asarray(within & ~self.gone)
        self._attendance(facts, world, inside)
        for grades in (g for g in facts.grades if g.final):
            rows = grades.row[inside[grades.row]]
            failed = ~grades.passing & ~np.isnan(grades.percent)
            core: Flags = np.asarray(failed[:, :CORE].any(axis=1))
            self.failed[rows] |= core[inside[grades.row]]
        self.graded |= inside & places.term_close[self.school, facts.day]
        self._exits(facts, inside)

    def _attendance(self, facts: Facts, world: World, inside: Flags) -> None:
        places, seen = world.places, facts.attendance
        school = self.school[facts.here]
        excluded = seen.out & places.records["incidents"][school]
        counts = inside[facts.here] & places.observed[school, facts.day] & ~excluded
        self.observed[facts.here[counts]] += 1
        self.missed[facts.here[counts]] += seen.missed[counts]

    def _exits(self, facts: Facts, inside: Flags) -> None:
        row, way = facts.exits.row, facts.exits.way
        early = self.elapsed[row] < FIRST
        within = inside[row]
        self.dropped[row] |= within & (way == DROPPED_OUT)
        self.lost[row] |= (within & (way == TRANSFERRED)) | (early & ~self.gone[row])
        self.gone[row] = True

    def outcomes(self) -> Outcomes:
        """The parts and the whole, and whether they can be known."""
        enough = self.observed >= LEAST_OBSERVED
        chronic = enough & (self.missed >= CHRONIC * self.observed)
        known = ~self.lost & (self.dropped | enough)
        return Outcomes(known, chronic, self.failed, self.dropped, self.graded)


@dataclass(frozen=True)
class Outcomes:
    """One row each: known at all, the three parts, and did a grading term end in the window."""

    known: Flags
    chronic: Flags
    failed: Flags
    dropped: Flags
    graded: Flags

    @property
    def off_track(self) -> Flags:
        """Any of the three parts."""
        return self.chronic | self.failed | self.dropped


def in_season(state: State, world: World, day: int) -> Flags:
    """True for the enrolled who have at least 40 instructional days left after this day."""
    places = world.places
    end = places.day(places.first.replace(year=places.first.year + places.year_of(day) + 1))
    left = places.open[:, day + 1 : end].sum(axis=1)
    return np.asarray((state.school >= 0) & (left[state.school] >= LEAST_LEFT))


def roll(state: State, world: World, day: int, rollouts: int) -> tuple[Outcomes, Outcomes]:
    """What really follows `day` for each row, and what follows in each of `rollouts` other fates.

    The rollouts' rows are `[row, rollout]` flattened, in pieces so that memory stays small.
    """
    real = _follow(state.take(np.arange(state.count)), world, day)
    lanes = np.repeat(np.arange(state.count), rollouts)
    numbers = np.tile(np.arange(rollouts), state.count)
    pieces = []
    for low in range(0, lanes.size, LANES):
        piece = state.take(lanes[low : low + LANES])
        piece.fate = draws.fork_by(
            draws.fork(piece.fate, "rollout", day), numbers[low : low + LANES]
        )
        pieces.append(_follow(piece, world, day))
    return real, _joined(pieces)


def _follow(state: State, world: World, day: int) -> Outcomes:
    tally = Tally.empty(state.school.copy())
    year = world.places.year_of(day)
    while day + 1 < world.places.days and world.places.year_of(day + 1) == year:
        day += 1
        facts = live(state, world, day, CORE)
        if facts is not None:
            tally.count(facts, world)
        if (tally.gone | (tally.elapsed >= LAST)).all():
            break
    return tally.outcomes()


def _joined(pieces: list[Outcomes]) -> Outcomes:
    names = ("known", "chronic", "failed", "dropped", "graded")
    return Outcomes(*(np.concatenate([getattr(p, name) for p in pieces]) for name in names))
