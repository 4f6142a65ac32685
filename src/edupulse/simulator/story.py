"""The story of a block of students: every day lived once, with all facts kept in columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.days import Facts, World, live
from edupulse.simulator.people import People
from edupulse.simulator.rollouts import Outcomes, in_season, roll
from edupulse.simulator.state import State, begin

Column = npt.NDArray[Any]
Columns = dict[str, Column]


@dataclass
class Story:
    """Facts by kind, as columns of equal length (`row` is the place in the block), and the truth.

    `paths` holds the latent state of each Monday; `pairs` what the rollouts gave.
    """

    people: People
    treated: npt.NDArray[np.bool_]
    facts: dict[str, Columns] = field(default_factory=dict)
    paths: Columns = field(default_factory=dict)
    pairs: Columns = field(default_factory=dict)


@dataclass
class _Pages:
    """Columns in the making: one list of pieces for each kind and column."""

    pieces: dict[str, dict[str, list[Column]]] = field(default_factory=dict)

    def add(self, kind: str, **columns: Column) -> None:
        if not len(next(iter(columns.values()))):
            return
        page = self.pieces.setdefault(kind, {name: [] for name in columns})
        for name, column in columns.items():
            page[name].append(column)

    def closed(self) -> dict[str, Columns]:
        """Each kind's columns, joined."""
        return {
            kind: {name: np.concatenate(parts) for name, parts in page.items()}
            for kind, page in self.pieces.items()
        }


def tell(
    world: World,
    people: People,
    share: float,
    as_of: list[int],
    progress: Callable[[float], None],
) -> Story:
    """Live all days; roll out the future of a `share` of the students on each day of `as_of`."""
    state = begin(people, world.plan, world.nature)
    treated = draws.uniform(people.keys, "treated") < world.plan.intervention_share
    pages, starts = _Pages(), intervention_day(world)
    for day in range(world.places.days):
        if day == starts:
            state.boost = state.boost + treated * world.plan.intervention_effect
        facts = live(state, world, day)
        if world.places.date(day).weekday() == 0:
            progress(day / world.places.days)
            _note_path(pages, state, day)
        if facts is not None:
            _note(pages, facts, world)
            _note_mistakes(pages, facts, state)
        if day in as_of:
            _note_truth(pages, state, world, day, share)
    kinds = pages.closed()
    paths, pairs = kinds.pop("paths", {}), kinds.pop("pairs", {})
    return Story(people, treated, kinds, paths, pairs)


def intervention_day(world: World) -> int:
    """The Monday on which the intervention of the last year begins."""
    year = world.plan.years - 1
    begins = min(t.begins for t in world.places.terms if t.year == year)
    monday = begins - world.places.date(begins).weekday()
    return monday + 7 * (world.plan.intervention_week - 1)


def _note(pages: _Pages, facts: Facts, world: World) -> None:
    day, entries, exits, seats = facts.day, facts.entries, facts.exits, facts.seats
    _add(pages, "entries", day, row=entries.row, school=entries.school, grade=entries.grade)
    _add(
        pages,
        "exits",
        day,
        row=exits.row,
        school=exits.school,
        entered=exits.entered_on,
        sections=exits.sections,
        way=exits.way,
    )
    _add(pages, "seats", day, row=seats.row, before=seats.before, after=seats.after)
    seen = facts.attendance
    written = (seen.missed > 0) | seen.tardy | seen.out
    _add(
        pages,
        "attendance",
        day,
        row=facts.here[written],
        school=facts.school[written],
        missed=seen.missed[written],
        excused=seen.excused[written],
        tardy=seen.tardy[written],
        out=seen.out[written],
    )
    there = world.places.every_day[facts.school] & ~written
    _add(pages, "present", day, row=facts.here[there], school=facts.school[there])
    _note_more(pages, facts)


def _note_more(pages: _Pages, facts: Facts) -> None:
    conduct, work = facts.conduct, facts.work
    school = np.full(int(facts.here.max(initial=0)) + 1, -1, np.int32)
    school[facts.here] = facts.school
    _add(
        pages,
        "incidents",
        facts.day,
        row=conduct.row,
        school=school[conduct.row],
        behavior=conduct.behavior,
        role=conduct.role,
        consequence=conduct.consequence,
        days=conduct.days,
    )
    _add(
        pages,
        "marks",
        facts.day,
        row=work.row.astype(np.int32),
        section=work.section,
        points=work.points.astype(np.float32),
        possible=work.possible,
        assessment=work.assessment,
        status=work.status,
        lag=work.lag.astype(np.int8),
    )
    for grades in facts.grades:
        count = grades.percent.shape[1]
        _add(
            pages,
            "grades",
            facts.day,
            row=np.repeat(grades.row, count),
            school=np.repeat(grades.school, count),
            term=np.repeat(grades.term, count),
            section=grades.section.ravel(),
            percent=grades.percent.ravel(),
            final=np.full(grades.percent.size, grades.final),
        )


def _add(pages: _Pages, kind: str, day: int, **columns: Column) -> None:
    count = len(next(iter(columns.values())))
    pages.add(kind, day=np.full(count, day, np.int32), **columns)


MISTAKES = 0.0015


def _note_mistakes(pages: _Pages, facts: Facts, state: State) -> None:
    """Some who were there are first written down as absent; the entry is taken back later."""
    seen = facts.attendance
    wrong = draws.uniform(state.who[facts.here], "mistake", facts.day) < MISTAKES
    wrong &= (seen.missed == 0) & ~seen.tardy & ~seen.out
    _add(pages, "mistakes", facts.day, row=facts.here[wrong], school=facts.school[wrong])


def _note_path(pages: _Pages, state: State, day: int) -> None:
    row = np.flatnonzero(state.school >= 0)
    _add(
        pages,
        "paths",
        day,
        row=row,
        engagement=state.coming(row).astype(np.float32),
        effort=state.effort(row).astype(np.float32),
    )


def _note_truth(pages: _Pages, state: State, world: World, day: int, share: float) -> None:
    lot = draws.uniform(state.who, "pair", day) < share
    row = np.flatnonzero(in_season(state, world, day) & lot)
    if row.size == 0:
        return
    count = world.plan.rollouts
    real, rolled = roll(state.take(row), world, day, count)
    known = rolled.known.reshape(-1, count)
    columns: Columns = {
        "row": row,
        "school": state.school[row],
        "known_share": known.mean(axis=1),
        "realised_known": real.known,
        "graded": real.graded,
    }
    for name in ("off_track", "chronic", "failed", "dropped"):
        columns[name] = _chance(rolled, name, known)
        columns[f"realised_{name}"] = getattr(real, name)
    _add(pages, "pairs", day, **columns)


def _chance(rolled: Outcomes, name: str, known: npt.NDArray[np.bool_]) -> Column:
    """The share among the rollouts whose outcome is known; NaN where none is."""
    hits = (getattr(rolled, name).reshape(known.shape) & known).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hits / known.sum(axis=1))
