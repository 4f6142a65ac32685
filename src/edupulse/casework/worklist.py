"""Whom to see this week: the first of a caseload by capacity, in bands that do not flicker.

A band is a function of score and policy alone (law 11); only here, on the list that people work
through, does it wait for a second week before it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from edupulse.risk.bands import BANDS, Band
from edupulse.school.errors import NotReady
from edupulse.store.store import Store

JUMP = 0.10
"""A change of the risk from one week to the next beyond which a band changes at once."""


@dataclass(frozen=True, slots=True)
class WeeklyScore:
    """One student's risk in one week, and its band under the policy of that week."""

    risk: float
    band: Band


@dataclass(frozen=True, slots=True)
class Entry:
    """A student of the caseload: the newest risk, the band to show, and is a plan open already?"""

    student: int
    risk: float
    band: Band
    open_plan: bool = False


def this_week(
    store: Store, as_of: datetime, capacity: int, school: str | None = None
) -> list[Entry]:
    """The worklist of all enrolled (at one school) from the scores stored until `as_of`.

    Raises NotReady where nobody has a score, NotFound for a school that is not there.
    """
    weeks = store.weekly_risks(store.students_at(as_of, school), as_of)
    caseload = []
    for student, rows in groupby(weeks.iter_rows(), key=lambda row: row[0]):
        scores = [WeeklyScore(risk, band) for _, risk, band in rows]
        caseload.append(Entry(student, scores[-1].risk, worklist_band(scores)))
    if not caseload:
        raise NotReady(
            "No score of these students is stored.",
            "Run `edupulse score`; where rules serve, its list is the one to work through.",
        )
    return worklist(caseload, capacity)


def worklist(caseload: Iterable[Entry], capacity: int) -> list[Entry]:
    """The `capacity` students to see first: by risk, those with an open plan after all others."""
    order = sorted(caseload, key=lambda one: (one.open_plan, -one.risk, one.student))
    return order[:capacity]


def worklist_band(weeks: Sequence[WeeklyScore]) -> Band:
    """The band to show, from the weekly scores, the oldest first.

    It changes when the risk jumped by more than JUMP since the week before, or when two weeks
    following each other lie on the same side of the band shown: then to the nearer of their bands.
    """
    shown = weeks[0].band
    for before, now in pairwise(weeks):
        if abs(now.risk - before.risk) > JUMP:
            shown = now.band
        else:
            shown = _after_two(shown, before.band, now.band)
    return shown


def _after_two(shown: Band, before: Band, now: Band) -> Band:
    """The band after two quiet weeks: the nearer of the two where both lie on one side of it."""
    here, first, second = (BANDS.index(band) for band in (shown, before, now))
    if first > here and second > here:
        return BANDS[min(first, second)]
    if first < here and second < here:
        return BANDS[max(first, second)]
    return shown
