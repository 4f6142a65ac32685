"""What ties a person to students: the records on which rights rest, as known at an instant."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from psycopg.sql import SQL, Composable, Identifier, Literal

from edupulse.school.kind import Kind
from edupulse.school.records import (
    CASELOADS,
    ENROLLMENTS,
    GUARDIANS,
    SCHOOLS,
    SECTION_STAFF,
    SECTION_STUDENTS,
    SECTIONS,
    STAFF,
    STUDENT_IDS,
    STUDENTS,
    TERMS,
)
from edupulse.store.asking import Asker
from edupulse.store.reading import EVERYTHING, Reading, When, among

_NONE = SQL("false")


@dataclass(frozen=True)
class Ties:
    """The records that tie a person to students, one frame a kind with the kind's columns.

    `timezone` is the district's; `families_see_scores` what the district decided of scores.
    """

    timezone: str
    families_see_scores: bool
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    def frame(self, kind: Kind) -> pl.DataFrame:
        """The records of one kind."""
        return self.frames[kind.name]


def ties(reading: Reading, asker: Asker) -> Ties:
    """All that ties the asker to students; nothing of others."""
    when = When(at=asker.at)
    found: dict[str, pl.DataFrame] = {}

    def take(kind: Kind, column: str, value: int | str | pl.Series | None) -> pl.DataFrame:
        which: Composable = _NONE
        if isinstance(value, pl.Series):
            which = among(column, value.drop_nulls().to_numpy())
        elif value is not None:
            which = SQL("{} = {}").format(Identifier(column), Literal(value))
        rows = reading.versions(kind, which, when)
        found[kind.name] = rows.drop("known_from", "known_until", "retracted")
        return found[kind.name]

    merged = reading.versions(STUDENT_IDS, EVERYTHING, when).select("old_student_id", "student")
    roles = take(STAFF, "staff", asker.staff)
    take(CASELOADS, "staff", asker.staff)
    taught = take(SECTION_STAFF, "staff", asker.staff)
    sections = take(SECTIONS, "section", taught["section"])
    seats = take(SECTION_STUDENTS, "section", taught["section"])
    take(TERMS, "school", sections["school"].unique())
    own = roles.filter(pl.col("role") == "school_admin")["school"].unique()
    at_school = take(ENROLLMENTS, "school", own)
    seated = take(ENROLLMENTS, "student", seats["student"].unique())
    found[ENROLLMENTS.name] = pl.concat([at_school, seated]).unique()
    take(SCHOOLS, "school", pl.concat([found[ENROLLMENTS.name]["school"], sections["school"]]))
    children = take(GUARDIANS, "guardian_id", asker.guardian)["student"]
    oneself = pl.Series([asker.student], dtype=pl.Int32)
    take(STUDENTS, "student", _with_merged(pl.concat([children, oneself]), merged))
    found[STUDENT_IDS.name] = merged
    return Ties(*_district(reading), found)


def _with_merged(students: pl.Series, merged: pl.DataFrame) -> pl.Series:
    """The students and every number that is one with theirs, by whatever merges."""
    reached, before = set(students.drop_nulls().to_list()), -1
    while before != len(reached):
        before = len(reached)
        for old, new in merged.iter_rows():
            if old in reached or new in reached:
                reached |= {old, new}
    return pl.Series(sorted(reached), dtype=pl.Int32)


def _district(reading: Reading) -> tuple[str, bool]:
    rows = reading.rows(SQL("SELECT timezone, guardians_see_scores FROM identity.district"))
    return (rows["timezone"][0], rows["guardians_see_scores"][0]) if rows.height else ("UTC", False)
