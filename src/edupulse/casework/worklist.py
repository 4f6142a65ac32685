"""Whom to see this week: the first of a caseload by capacity, in bands that do not flicker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol, TypeVar
from uuid import UUID

import polars as pl

from edupulse.casework.access import Part
from edupulse.casework.caseload import Names, enrolled_today, names_of
from edupulse.casework.disclosures import Asking, disclose_each, sight_in
from edupulse.risk.bands import Band
from edupulse.risk.steady import WeeklyScore, worklist_band
from edupulse.school.errors import NotReady
from edupulse.store.interventions import with_open_plan
from edupulse.store.risks import flagged, latest_risks, weekly_risks
from edupulse.store.store import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """A student of the caseload: the newest risk, the band to show, and is a plan open already?"""

    student: int
    risk: float
    band: Band
    open_plan: bool = False

    @property
    def need(self) -> float:
        """By what it is ranked."""
        return self.risk


@dataclass(frozen=True, slots=True)
class Flagged:
    """A student of whom rules said that an indicator fired: their rank among each other."""

    student: int
    need: float
    open_plan: bool = False


class _Needing(Protocol):
    @property
    def student(self) -> int: ...
    @property
    def need(self) -> float: ...
    @property
    def open_plan(self) -> bool: ...


Needing = TypeVar("Needing", bound=_Needing)


@dataclass(frozen=True, slots=True)
class Listed:
    """A student on a viewer's list; where rules spoke there is neither band nor risk.

    `said` is the answer as stored: its id, instant, method, checkpoint and body.
    """

    student_id: UUID
    names: Names
    band: Band | None
    risk: float | None
    open_plan: bool
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Week:
    """A viewer's worklist: by the checkpoint `serving`, or by the rules where it is None.

    `students` of the caseload are enrolled today; `ranked` of them were, the others have no score,
    or no indicator fired.
    """

    serving: str | None
    students: int
    ranked: int
    listed: tuple[Listed, ...]


def own_week(store: Store, asking: Asking, capacity: int, school: str | None = None) -> Week:
    """The worklist of the students whose scores the viewer may see, from what is stored.

    Each student listed is a disclosure. Raises NotFound for a school that is not there.
    """
    students = enrolled_today(store, asking, school, Part.SCORES)["student"].to_list()
    champion = store.champion()
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        ranked: Sequence[Entry | Flagged]
        if champion is None:
            ranked = [Flagged(*row) for row in flagged(connection, students, asking.at).iter_rows()]
        else:
            ranked = _entries(weekly_risks(connection, students, asking.at))
        planned = with_open_plan(connection, students, asking.at.date())
        first = worklist(
            [replace(one, open_plan=one.student in planned) for one in ranked], capacity
        )
        said = latest_risks(connection, [one.student for one in first], asking.at)
    listed = _listed(store, asking, first, said)
    return Week(champion.hash if champion else None, len(students), len(ranked), listed)


def _listed(
    store: Store, asking: Asking, first: Sequence[Entry | Flagged], said: pl.DataFrame
) -> tuple[Listed, ...]:
    seen = sight_in(store, asking)
    shown = {one.student: seen.of(one.student) & {Part.NAMES, Part.SCORES} for one in first}
    names = names_of(store, asking, shown)
    ids = disclose_each(store, asking, shown)
    answers = {row["student"]: row for row in said.iter_rows(named=True)}
    return tuple(
        Listed(
            ids[one.student],
            names[one.student],
            one.band if isinstance(one, Entry) else None,
            one.risk if isinstance(one, Entry) else None,
            one.open_plan,
            {**answers[one.student], "body": json.loads(answers[one.student]["body"])},
        )
        for one in first
    )


def this_week(
    store: Store, as_of: datetime, capacity: int, school: str | None = None
) -> list[Entry]:
    """The worklist of all enrolled (at one school) from the scores stored until `as_of`.

    Raises NotReady where nobody has a score, NotFound for a school that is not there.
    """
    caseload = _entries(store.weekly_risks(store.students_at(as_of, school), as_of))
    if not caseload:
        raise NotReady(
            "No score of these students is stored.",
            "Run `edupulse score`; where rules serve, its list is the one to work through.",
        )
    return worklist(caseload, capacity)


def _entries(weeks: pl.DataFrame) -> list[Entry]:
    """Each student's newest risk, and the band that the weeks before let stand."""
    found = []
    for student, rows in groupby(weeks.iter_rows(), key=lambda row: row[0]):
        scores = [WeeklyScore(risk, band) for _, risk, band in rows]
        found.append(Entry(student, scores[-1].risk, worklist_band(scores)))
    return found


def worklist(caseload: Iterable[Needing], capacity: int) -> list[Needing]:
    """The `capacity` students to see first: by need, those with an open plan after all others."""
    order = sorted(caseload, key=lambda one: (one.open_plan, -one.need, one.student))
    return order[:capacity]
