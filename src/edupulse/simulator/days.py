"""One day of a district: the one step that both the story and its rollouts are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.simulator.attendance import Attendance, attend
from edupulse.simulator.conduct import Conduct, behave
from edupulse.simulator.courses import CORE, SLOTS, Courses, build_courses
from edupulse.simulator.moves import (
    Entries,
    Exits,
    Seats,
    arrive,
    count_failures,
    leave,
    take_seats,
)
from edupulse.simulator.nature import Nature
from edupulse.simulator.places import Places, build_places
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.state import State, pass_week
from edupulse.simulator.work import Work, hand_in, percents

Rows = npt.NDArray[np.intp]
MONDAY = 0


@dataclass(frozen=True)
class World:
    """All that is fixed before the first student comes."""

    plan: DistrictPlan
    nature: Nature
    places: Places
    courses: Courses


@dataclass(frozen=True)
class Grades:
    """The percents of all seven courses of some students, at a term's middle or end.

    `passing` is after the school's own passing mark; a percent is NaN where nothing counted.
    """

    row: Rows
    school: npt.NDArray[np.int32]
    term: npt.NDArray[np.int32]
    section: npt.NDArray[np.int32]
    percent: npt.NDArray[np.float64]
    passing: npt.NDArray[np.bool_]
    final: bool


@dataclass(frozen=True)
class Facts:
    """What happened on one day; `here` are the enrolled rows whose school was open."""

    day: int
    here: Rows
    school: npt.NDArray[np.int32]
    entries: Entries
    seats: Seats
    attendance: Attendance
    conduct: Conduct
    work: Work
    grades: tuple[Grades, ...]
    exits: Exits


def build_world(plan: DistrictPlan) -> World:
    """Schools, calendars and sections of a plan."""
    places = build_places(plan)
    return World(plan, Nature(), places, build_courses(plan, places))


def live(state: State, world: World, day: int, slots: int = len(SLOTS)) -> Facts | None:
    """Move the state through one calendar day; None where no school was open for anyone.

    Only the first `slots` courses are worked for: rollouts need the core alone, and no course
    touches another.
    """
    places, nature, plan = world.places, world.nature, world.plan
    when = places.date(day)
    if when.weekday() == MONDAY:
        pass_week(state, nature, day // 7)
    if not places.open[:, day].any():
        return None
    entries = arrive(state, places, day)
    here = np.flatnonzero(state.school >= 0)
    here = here[places.open[state.school[here], day]]
    seats = take_seats(state, here, places, world.courses, day)
    seen = attend(state, here, places, day, nature, plan)
    conduct = behave(state, here, seen, places, day, nature, plan)
    work = hand_in(state, here, seen, places, world.courses, day, nature, plan, slots)
    grades = tuple(_post(state, here, places, day))
    school = state.school[here]
    exits = leave(state, here, places, day, nature, plan)
    return Facts(day, here, school, entries, seats, seen, conduct, work, grades, exits)


def _post(state: State, here: Rows, places: Places, day: int) -> Iterator[Grades]:
    """Progress grades in the middle of a term, final ones at its end."""
    school = state.school[here]
    for table, final in ((places.term_middle, False), (places.term_close, True)):
        rows = here[table[school, day]]
        if rows.size == 0:
            continue
        percent = percents(state, rows, places)
        passing = percent >= places.passing[state.school[rows]][:, None]
        if final:
            count_failures(state, rows, percent[:, :CORE], passing[:, :CORE])
        yield Grades(
            rows,
            state.school[rows],
            state.term[rows],
            state.sections[rows],
            percent,
            passing,
            final,
        )
