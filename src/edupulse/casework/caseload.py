"""Whom a viewer may see, in pages: all of them with the parts, or who is enrolled today.

Pages go by the student's UUID, the one order that tells nothing of a student. Each student shown is
a disclosure of what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import polars as pl

from edupulse.casework.access import NOTHING, Part, Parts
from edupulse.casework.disclosures import Asking, disclose_each, sight_in
from edupulse.store.histories import enrolled_on
from edupulse.store.people import (
    permitted_names,
    school_key,
    school_names,
    student_ids,
    students_from,
)
from edupulse.store.store import Store


@dataclass(frozen=True, slots=True)
class Names:
    """What a student is called; all None for whom the viewer may see no names of."""

    local_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """A student who is enrolled: where, in which grade level, since when."""

    student_id: UUID
    names: Names
    school_id: str
    grade_level: int
    entered_on: date


@dataclass(frozen=True, slots=True)
class Permitted:
    """A student whom the viewer may see, and what of the student."""

    student_id: UUID
    parts: Parts


def caseload(
    store: Store, asking: Asking, after: UUID | None, limit: int
) -> tuple[list[Permitted], bool]:
    """One page of all whom the viewer may see, enrolled or not; and are there more?"""
    seen = sight_in(store, asking)
    among = None if Part.FACTS in seen.everyone else seen.permitted(seen.some)
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        found = students_from(connection, after, limit + 1, among)
    shown = dict.fromkeys(seen.permitted(list(found)[:limit]), NOTHING)
    disclose_each(store, asking, shown)
    items = [Permitted(found[student], seen.of(student)) for student in shown]
    return items, len(found) > limit


def roster(
    store: Store,
    asking: Asking,
    after: UUID | None,
    limit: int,
    *,
    school: str | None = None,
    grade_level: int | None = None,
) -> tuple[list[Seat], bool]:
    """One page of the students who are enrolled today and whom the viewer may see; and more?

    `school` is the district's id. Raises NotFound for a school that is not there.
    """
    seen = sight_in(store, asking)
    seats = enrolled_today(store, asking, school)
    if grade_level is not None:
        seats = seats.filter(pl.col("grade_level") == grade_level)
    ids = _ids(store, asking, seats["student"].to_list())
    order = sorted((id_, key) for key, id_ in ids.items() if after is None or id_ > after)
    shown = {key: seen.of(key) & {Part.NAMES, Part.FACTS} for _, key in order[:limit]}
    names = names_of(store, asking, shown)
    disclose_each(store, asking, shown)
    rows = {row["student"]: row for row in seats.iter_rows(named=True) if row["student"] in shown}
    items = [
        Seat(
            ids[key],
            names[key],
            rows[key]["school_id"],
            rows[key]["grade_level"],
            rows[key]["entered_on"],
        )
        for key in shown
    ]
    return items, len(order) > limit


def names_of(store: Store, asking: Asking, shown: Mapping[int, Parts]) -> dict[int, Names]:
    """The names of those of whom they are shown; for all others, none."""
    named = [student for student, parts in shown.items() if Part.NAMES in parts]
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        rows = permitted_names(connection, named).select("student", *Names.__slots__).iter_rows()
    found = {student: Names(*called) for student, *called in rows}
    return {student: found.get(student, Names()) for student in shown}


def enrolled_today(
    store: Store, asking: Asking, school: str | None, part: Part = Part.FACTS
) -> pl.DataFrame:
    """One open enrollment of each student of whom the viewer sees the part, with `school_id`.

    The primary one, of several the newest; with `school` (the district's id) one there. Raises
    NotFound for a school that is not there.
    """
    seen = sight_in(store, asking)
    with store.writing() as connection:
        key = None if school is None else school_key(connection, school)
        schools = school_names(connection).select("school", "school_id")
    among = None if part in seen.everyone else list(seen.some)
    with store.snapshot_as(asking.viewer.asking(asking.at)) as reading:
        found = enrolled_on(reading, asking.at, key, among)
    permitted = seen.permitted(found["student"].unique().to_list(), part)
    order = found.filter(pl.col("student").is_in(permitted)).sort(
        "primary", "entered_on", "school", descending=[True, True, False]
    )
    return order.unique("student", keep="first", maintain_order=True).join(schools, on="school")


def _ids(store: Store, asking: Asking, students: list[int]) -> dict[int, UUID]:
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        return student_ids(connection, students)
