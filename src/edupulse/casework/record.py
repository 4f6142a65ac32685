"""One student's record, opened: who it is, where enrolled, how much is known, and the 42 features.

Whatever is shown of one student as of an instant is read here, under both locks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import polars as pl

from edupulse.casework.access import Part, Parts
from edupulse.casework.caseload import Names, names_of
from edupulse.casework.disclosures import Asking, open_parts
from edupulse.features.weekly import WeeklyFeatures, weekly_features
from edupulse.panel.panel import panel_of
from edupulse.panel.seasons import State
from edupulse.risk.assessment import coverage
from edupulse.school.errors import BadInput
from edupulse.school.knowledge import Known
from edupulse.school.records import COVERAGE, ENROLLMENTS
from edupulse.store.histories import known
from edupulse.store.people import school_names
from edupulse.store.store import Store


@dataclass(frozen=True, slots=True)
class Shown:
    """What was known of one student at an instant, opened for a viewer who sees these parts."""

    student: int
    parts: Parts
    known: Known


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrollment as known: open where `left_on` is None."""

    school_id: str
    school: str
    grade_level: int
    entered_on: date
    left_on: date | None
    exit_type: str | None
    primary: bool


@dataclass(frozen=True, slots=True)
class StudentPage:
    """Who a student is and how much is known: what stands before any figure.

    `coverage` is, by modality, the part of the last 20 weeks in which anything was observed;
    `observed_through` the last observed day of the school's records, by kind.
    """

    student_id: UUID
    names: Names
    parts: Parts
    enrollments: tuple[Enrolled, ...]
    state: State | Literal["not_enrolled"]
    enrolled_days: int
    days_left: int
    coverage: Mapping[str, float]
    observed_through: Mapping[str, date]


def show(
    store: Store,
    asking: Asking,
    name: str,
    as_of: datetime | None = None,
    wished: Sequence[Part] = (),
) -> Shown:
    """Open a student's facts as known at `as_of` (now, where None); a disclosure.

    Raises NotFound as `open_record` does, BadInput for an instant that is still to come.
    """
    when = as_of or asking.at
    if when > asking.at:
        raise BadInput("Nobody knows what is still to come.", "Name an instant that has passed.")
    opened = open_parts(store, asking, name, [Part.FACTS], wished)
    with store.snapshot_as(asking.viewer.asking(asking.at)) as reading:
        return Shown(opened.student, opened.parts, known(reading, [opened.student], when))


def student_page(store: Store, asking: Asking, name: str, as_of: datetime | None) -> StudentPage:
    """The page of one student. Raises as `show` does."""
    shown = show(store, asking, name, as_of, [Part.NAMES])
    panel = panel_of(shown.known)
    school = int(panel.windows.school[0])
    return StudentPage(
        student_id=store.student_ids([shown.student])[shown.student],
        names=names_of(store, asking, {shown.student: shown.parts})[shown.student],
        parts=shown.parts,
        enrollments=_enrollments(store, shown.known),
        state=panel.states()[0] if school >= 0 else "not_enrolled",
        enrolled_days=int(panel.enrolled_days[0]),
        days_left=int(panel.days_left[0]),
        coverage=coverage(panel.windows)[0],
        observed_through=_observed_through(shown.known, school),
    )


def weeks_of(
    store: Store, asking: Asking, name: str, as_of: datetime | None
) -> tuple[datetime, WeeklyFeatures]:
    """The instant, and one student's 42 features of the last 20 weeks. Raises as `show` does."""
    shown = show(store, asking, name, as_of)
    return shown.known.as_of, weekly_features(shown.known)


def _enrollments(store: Store, record: Known) -> tuple[Enrolled, ...]:
    """The newest first."""
    with store.writing() as connection:
        schools = school_names(connection).select("school", "school_id", pl.col("name"))
    rows = record.frame(ENROLLMENTS).join(schools, on="school").sort("entered_on", descending=True)
    columns = ("school_id", "name", "grade_level", "entered_on", "left_on", "exit_type", "primary")
    return tuple(Enrolled(*row) for row in rows.select(columns).iter_rows())


def _observed_through(record: Known, school: int) -> dict[str, date]:
    """By kind; a span that goes on beyond the instant is observed up to its day alone."""
    today = record.last_days().get(school)
    if today is None:
        return {}
    here = record.frame(COVERAGE).filter(
        pl.col("school") == school, pl.col("observed_from") <= today
    )
    rows = here.group_by("kind").agg(pl.col("observed_through").max().clip(upper_bound=today))
    return dict(rows.sort("kind").iter_rows())
