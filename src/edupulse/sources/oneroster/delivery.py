"""Records from OneRoster's tables, whatever way these came: the kinds, and how each is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from edupulse.school.kind import Kind
from edupulse.school.records import COURSE_GRADES, ENROLLMENTS
from edupulse.sources.checking import checked
from edupulse.sources.delivery import Batch, Ledger, Progress
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.oneroster import (
    attendance,
    enrollments,
    gradebook,
    people,
    schools,
    tables,
    terms,
)
from edupulse.sources.oneroster.csv import oneroster_files
from edupulse.sources.oneroster.material import Material
from edupulse.sources.oneroster.reading import Rows
from edupulse.sources.oneroster.tables import TABLES, Table
from edupulse.sources.oneroster.vocabulary import FINAL, PROGRESS, Words

Maker = Callable[[Material], Iterator[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Made:
    """How a kind is made, and which tables it needs: all of `of`."""

    by: Maker
    of: tuple[Table, ...]


MADE: Mapping[str, Made] = {
    "schools": Made(schools.schools, (tables.ORGS,)),
    "calendar": Made(schools.calendar, (tables.ORGS,)),
    "terms": Made(terms.terms, (tables.SESSIONS, tables.CLASSES)),
    "scales": Made(schools.scales, (tables.ORGS,)),
    "students": Made(people.students, (tables.USERS,)),
    "demographics": Made(people.demographics, (tables.DEMOGRAPHIC,)),
    "staff": Made(people.staff, (tables.USERS,)),
    "enrollments": Made(
        enrollments.enrollments, (tables.ENROLLED, tables.USERS, tables.CLASSES, tables.SESSIONS)
    ),
    "sections": Made(schools.sections, (tables.CLASSES,)),
    "section_staff": Made(enrollments.section_staff, (tables.ENROLLED,)),
    "section_students": Made(enrollments.section_students, (tables.ENROLLED,)),
    "attendance": Made(attendance.attendance, (tables.ATTENDED,)),
    "marks": Made(gradebook.marks, (tables.RESULTS, tables.LINE_ITEMS)),
    "course_grades": Made(gradebook.course_grades, ()),
}

_IDS = (
    ("student_id", tables.USERS, "student ids"),
    ("school_id", tables.ORGS, "school ids"),
)
"""Columns of ours, where their ids' identifiers stand, and the setting that asks for these."""

_ONLY_CHANGES = (
    "only changes, without the whole file: give the bulk set with it, or students are not enrolled"
)


class OneRoster:
    """The delivery of OneRoster's tables; its notes say what each file held.

    `finish` is called when the records are kept: what was laid down to go on with is then removed.
    """

    def __init__(self, source: str, material: Material, *, simulated: bool = False) -> None:
        self.source = source
        self.simulated = simulated
        self.through: int | str | None = None
        self.keeps: bytes | None = None
        self.finish: Callable[[], None] = _nothing
        self.ledger = material.ledger
        self.words = material.words
        self._material = material

    @property
    def kinds(self) -> frozenset[str]:
        """The names of the kinds of which the tables are there."""
        return frozenset(name for name in MADE if self._has(name))

    def has(self, kind: Kind) -> bool:
        """Are the tables of this kind there?"""
        return kind.name in MADE and self._has(kind.name)

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """The good records of the kind; the ledger gets the others."""
        if not self.has(kind):
            return
        self.ledger.open(kind)
        self.words.begin(kind.name)
        self._material.rows.progress = progress
        for raw in MADE[kind.name].by(self._material):
            self.ledger.count(kind, raw.height)
            yield Batch(kind, self._checked(kind, raw))
        self._tell(kind)
        if progress:
            progress(kind.name, 1.0)

    def _has(self, name: str) -> bool:
        rows = self._material.rows
        if name == COURSE_GRADES.name:
            said = self.words.mapping.words_of("oneroster").get("categories", {})
            graded = {FINAL, PROGRESS} & set(said.values())
            return rows.has(tables.SECTION_MARKS) or (bool(graded) and rows.has(tables.RESULTS))
        if name == ENROLLMENTS.name and tables.ENROLLED.name in self._material.only_changes:
            return False
        if name in ("calendar", "scales"):
            mapping = self.words.mapping
            said_at_all = mapping.calendar if name == "calendar" else mapping.scales
            scaled = name == "scales" and rows.has(tables.SCORE_SCALES)
            return rows.has(tables.ORGS) and (bool(said_at_all) or scaled)
        return all(rows.has(table) for table in MADE[name].of)

    def _tell(self, kind: Kind) -> None:
        """What a person should know of the tables of a kind, and of words that no table has."""
        rows = self._material.rows
        for table in TABLES:
            if table.kind is not kind or not rows.has(table):
                continue
            bad = rows.bad(table)
            self.ledger.count(kind, bad.height)
            self.ledger.reject(kind, bad)
            self._material.note(kind, table.name, "rows read", rows.read[table.name])
            self._material.note(kind, table.name, "marked tobedeleted", rows.deleted[table.name])
            if table.name in self._material.only_changes and table is tables.ENROLLED:
                self._material.note(kind, table.name, _ONLY_CHANGES, 1)
        for (table_name, code), count in self.words.unmapped_of(kind.name).items():
            self.ledger.note(kind, f"oneroster.{table_name}", f"{code!r} is in no table", count)

    def _checked(self, kind: Kind, raw: pl.DataFrame) -> pl.DataFrame:
        """The rows that can be records, after those that a maker found wrong are told."""
        if "wrong" in raw.columns:
            wrong = raw.filter(pl.col("wrong").is_not_null())
            self.ledger.reject(
                kind, wrong.select("file", "line", field="wrong_field", reason="wrong")
            )
            raw = raw.filter(pl.col("wrong").is_null())
        if "deleted" in raw.columns:
            raw = raw.with_columns(retracted=pl.col("deleted").cast(pl.String))
        for column, table, setting in _IDS:
            if column in raw.columns and self._material.setting(setting) == "identifier":
                raw = self._by_identifier(raw, column, table)
        wanted = {field.name for field in kind.fields} | {"known_at", "retracted"}
        texts = raw.select(*(c for c in raw.columns if c in wanted), "file", "line")
        return checked(kind, texts, self.ledger, "OneRoster")

    def _by_identifier(self, raw: pl.DataFrame, column: str, table: Table) -> pl.DataFrame:
        """Ids as the district's other systems have them; who has no identifier keeps the id."""
        numbers = (
            self._material.rows.whole(table)
            .select(pl.col("id").alias(column), "identifier")
            .drop_nulls()
            .unique(column)
        )
        joined = raw.join(numbers, on=column, how="left", maintain_order="left")
        return joined.with_columns(pl.coalesce("identifier", column).alias(column)).drop(
            "identifier"
        )


def _nothing() -> None:
    """Files are not ours to remove."""


def oneroster_csv(path: Path, mapping: DistrictMapping | None = None) -> OneRoster:
    """The records of OneRoster's CSV files: a zip, a folder, or a folder of such sets.

    Raises `BadInput` for a path without any, a header that lacks a column, a hostile zip, and a
    mapping that says what OneRoster does not know.
    """
    words = Words(mapping)
    files = oneroster_files(path, words.mapping)
    only = frozenset(table.name for table in TABLES if files.only_changes(table))
    material = Material(Rows(files.parts), words, Ledger(), only)
    for file, what in files.notes:
        material.ledger.note(None, file, what)
    version = f" {', '.join(sorted(files.versions))}" if files.versions else ""
    return OneRoster(f"OneRoster{version} {path.name}", material, simulated=files.simulated)
