"""Coming and going: first days, transfers, dropping out, promotion and graduation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.school.calendar import NEVER
from edupulse.simulator import draws
from edupulse.simulator.attendance import Flags
from edupulse.simulator.courses import Courses
from edupulse.simulator.nature import Nature
from edupulse.simulator.people import home_school
from edupulse.simulator.places import Places
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.state import State

Rows = npt.NDArray[np.intp]
Ints = npt.NDArray[np.int32]

PROMOTED, GRADUATED, TRANSFERRED, DROPPED_OUT, OTHER = range(5)
YEAR_DAYS = 178.0
RARE = 0.02  # no one's hazards of a day add up to this: the others need not be computed
DROP_BY_GRADE = np.array([0.0] * 9 + [0.6, 0.9, 1.3, 1.3])
REPEATS_FROM = 8  # failed core courses, of sixteen quarters or eight semesters


@dataclass(frozen=True)
class Exits:
    """Who left at the end of today, from which school and sections, and how."""

    row: Rows
    school: Ints
    entered_on: Ints
    sections: Ints
    way: Ints


@dataclass(frozen=True)
class Entries:
    """Who entered a school today."""

    row: Rows
    school: Ints
    grade: Ints


@dataclass(frozen=True)
class Seats:
    """Who sits in other sections from today on: rows, the old sections (−1: none), the new."""

    row: Rows
    before: Ints
    after: Ints


def arrive(state: State, places: Places, day: int) -> Entries:
    """Enter all who were to come by now and whose school is open today."""
    waiting = np.flatnonzero((state.school < 0) & (state.enters_on <= day))
    school = state.next_school[waiting]
    comes = places.open[school, day] & ~places.year_close[school, day]
    row, school = waiting[comes], school[comes]
    state.school[row] = school
    state.entered_on[row] = day
    state.enters_on[row] = NEVER
    state.term[row] = -1
    state.out[row] = 0
    return Entries(row, school, state.grade[row])


def take_seats(state: State, here: Rows, places: Places, courses: Courses, day: int) -> Seats:
    """Give sections to who is new or begins a term; a new term begins with empty books."""
    term = places.term[state.school[here], day]
    row = here[state.term[here] != term]
    if row.size == 0:
        empty = np.zeros((0, state.sections.shape[1]), np.int32)
        return Seats(row, empty, empty)
    fresh = state.entered_on[row] == day
    before = np.where(fresh[:, None], -1, state.sections[row])
    term = places.term[state.school[row], day]
    number = np.array([t.number for t in places.terms], np.int32)[term]
    after = courses.sections_of(
        state.who[row], state.school[row], state.grade[row], places.year_of(day), number
    )
    state.term[row] = term
    state.sections[row] = after
    state.earned[row] = 0
    state.possible[row] = 0
    return Seats(row, before, after)


def leave(
    state: State, here: Rows, places: Places, day: int, nature: Nature, plan: DistrictPlan
) -> Exits:
    """The exits at the end of today: of single students, and of all when the year closes."""
    closes = places.year_close[state.school[here], day]
    row, kind = _single(state, here[~closes], places, day, nature, plan)
    end, end_kind = here[closes], _end_of_year(state, here[closes], places, day)
    row = np.concatenate([row, end])
    exits = Exits(
        row,
        state.school[row],
        state.entered_on[row],
        state.sections[row],
        np.concatenate([kind, end_kind]).astype(np.int32),
    )
    state.school[row] = -1
    return exits


def _single(
    state: State, here: Rows, places: Places, day: int, nature: Nature, plan: DistrictPlan
) -> tuple[Rows, Ints]:
    lot = draws.uniform(state.fate[here], "leaves", day)
    here, lot = here[lot < RARE], lot[lot < RARE]
    coming = np.clip(plan.signal * state.coming(here), -4.0, 3.0)
    drops = nature.drop_out * DROP_BY_GRADE[state.grade[here]]
    drops = drops * np.exp(-nature.drop_by_engagement * coming) / YEAR_DAYS
    away = nature.move_away * np.exp(0.3 * state.hardship[here]) / YEAR_DAYS
    within = np.full(here.size, nature.move_within / YEAR_DAYS)
    edges = np.cumsum(np.stack([drops, away, within]), axis=0)
    goes = np.flatnonzero(lot < edges[2])
    row, way = here[goes], (lot[goes] >= edges[:2, goes]).sum(axis=0)
    target = _another_school(state, row, places, day)
    stays = (way == 2) & (target < 0)
    row, way, target = row[~stays], way[~stays], target[~stays]
    _plan_return(state, row, way, target, day, nature)
    return row, np.where(way == 0, DROPPED_OUT, TRANSFERRED).astype(np.int32)


def _another_school(state: State, row: Rows, places: Places, day: int) -> Ints:
    """Another school of the district that has the grade level; −1 where there is none."""
    target = np.full(row.size, -1, np.int32)
    lot = draws.uniform(state.fate[row], "target", day)
    for index, (student, point) in enumerate(zip(row, lot, strict=True)):
        serving = places.serving(int(state.grade[student]))
        others = serving[serving != state.school[student]]
        if others.size:
            target[index] = others[int(point * others.size)]
    return target


def _plan_return(
    state: State, row: Rows, way: Ints, target: Ints, day: int, nature: Nature
) -> None:
    lot = draws.uniform(state.fate[row], "comes back", day)
    wait = 20 + (draws.uniform(state.fate[row], "away for", day) * 40).astype(np.int32)
    returns = (way == 1) & (lot < nature.comes_back)
    state.enters_on[row] = np.where(way == 2, day + 1, np.where(returns, day + wait, NEVER))
    state.next_school[row] = np.where(way == 2, target, state.school[row])


def _end_of_year(state: State, row: Rows, places: Places, day: int) -> Ints:
    """Promote, graduate or keep back; the counts of failed courses start anew."""
    if row.size == 0:
        return np.zeros(0, np.int32)
    grade, failed = state.grade[row], state.failed[row]
    limit = np.where(places.semesters[state.school[row]], REPEATS_FROM // 2, REPEATS_FROM)
    last, repeats = grade == 12, (grade >= 9) & (failed >= limit)
    kind = np.where(repeats, OTHER, np.where(last, GRADUATED, PROMOTED))
    upper = np.where(repeats | last, grade, grade + 1).astype(np.int32)
    school = state.school[row]
    stays = (places.low[school] <= upper) & (upper <= places.high[school])
    state.next_school[row] = np.where(stays, school, home_school(places, state.who[row], upper))
    next_year = places.day(places.first.replace(year=places.first.year + places.year_of(day) + 1))
    state.enters_on[row] = np.where(last, NEVER, next_year)
    state.grade[row] = upper
    state.failed[row] = 0
    return kind.astype(np.int32)


def count_failures(
    state: State, rows: Rows, percent: npt.NDArray[np.float64], passing: Flags
) -> None:
    """Add a term's failed core courses to the year's count."""
    state.failed[rows] += (~passing & ~np.isnan(percent)).sum(axis=1).astype(np.int32)
