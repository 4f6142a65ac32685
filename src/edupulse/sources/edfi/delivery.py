"""Records from Ed-Fi resources, whatever way these came: the kinds, and how each is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from edupulse.school.kind import Kind
from edupulse.sources import cells
from edupulse.sources.checking import checked
from edupulse.sources.delivery import Batch, Ledger, Progress
from edupulse.sources.edfi import (
    attendance,
    days,
    discipline,
    grades,
    people,
    resources,
    schools,
    staff,
)
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.resource import Resource
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.mapping import DistrictMapping

Maker = Callable[[Spool, Words, Ledger], Iterator[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Made:
    """How a kind is made: from the rows of which resources (each a record, or a part of one).

    `said`: does the district's mapping have something of the kind, too?
    """

    by: Maker
    of: tuple[Resource, ...]
    said: Callable[[DistrictMapping], bool] = lambda _: False


MADE: Mapping[str, Made] = {
    "schools": Made(schools.schools, (resources.SCHOOL,)),
    "calendar": Made(
        days.calendar, (resources.CALENDAR_DATE,), lambda mapping: bool(mapping.calendar)
    ),
    "terms": Made(days.terms, (resources.GRADING_PERIOD,)),
    "scales": Made(schools.scales, (), lambda mapping: bool(mapping.scales)),
    "students": Made(people.students, (resources.STUDENT,)),
    "staff": Made(staff.staff, (resources.STAFF,)),
    "section_staff": Made(staff.section_staff, (resources.STAFF_SECTION,)),
    "demographics": Made(people.demographics, (resources.STUDENT_ORGANIZATION,)),
    "enrollments": Made(people.enrollments, (resources.ENROLLMENT,)),
    "sections": Made(schools.sections, (resources.SECTION,)),
    "section_students": Made(people.section_students, (resources.SECTION_STUDENT,)),
    "attendance": Made(
        attendance.attendance, (resources.SCHOOL_ATTENDANCE, resources.SECTION_ATTENDANCE)
    ),
    "marks": Made(grades.marks, (resources.STUDENT_GRADEBOOK_ENTRY,)),
    "course_grades": Made(grades.course_grades, (resources.GRADE,)),
    "incidents": Made(discipline.incidents, (resources.BEHAVIOR, resources.NON_OFFENDER)),
    "exclusions": Made(discipline.exclusions, (resources.ACTION,)),
}


class EdFi:
    """The delivery of what a spool holds. The spool is its own, and goes with `close`."""

    def __init__(self, source: str, spool: Spool, words: Words, *, simulated: bool = False) -> None:
        self.source = source
        self.simulated = simulated
        self.through: int | None = None
        self.keeps: bytes | None = None
        self.ledger = Ledger()
        self.words = words
        self.spool = spool
        of_records = {of.element for made in MADE.values() for of in made.of}
        for element, count in sorted(spool.rows.items()):
            if element not in of_records:
                self.ledger.note(None, element, "read for what it says of other records", count)
        for element, count in sorted(spool.others.items()):
            self.ledger.note(None, element, "out of scope: not read", count)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of which a resource was there, or of which the district says something."""
        return frozenset(
            name
            for name, made in MADE.items()
            if any(self.spool.saw(of) for of in made.of) or self._says(made)
        )

    def _says(self, made: Made) -> bool:
        return self.spool.saw(resources.SCHOOL) and made.said(self.words.mapping)

    def has(self, kind: Kind) -> bool:
        """Was a resource of this kind there?"""
        return kind.name in self.kinds

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """The good records of the kind; the ledger gets the others."""
        if not self.has(kind):
            return
        made = MADE[kind.name]
        self.ledger.open(kind)
        self.words.begin(kind.name)
        self.ledger.count(kind, sum(self.spool.rows[of.element] for of in made.of))
        for raw in made.by(self.spool, self.words, self.ledger):
            yield self._batch(kind, raw)
        for (table, code), count in self.words.unmapped_of(kind.name).items():
            self.ledger.note(kind, f"edfi.{table}", f"{code!r} is in no table", count)
        if progress:
            progress(kind.name, 1.0)

    def close(self) -> None:
        """Remove the spool."""
        self.spool.close()

    def _batch(self, kind: Kind, raw: pl.DataFrame) -> Batch:
        """A maker's rows, those of what was deleted apart."""
        if "deleted" not in raw.columns:
            return Batch(kind, self._checked(kind, raw))
        is_gone = pl.col("deleted").fill_null(False)
        gone = raw.filter(is_gone)
        live = self._checked(kind, raw.filter(~is_gone))
        return Batch(kind, live, _keys(kind, gone) if gone.height else None)

    def _checked(self, kind: Kind, raw: pl.DataFrame) -> pl.DataFrame:
        """The rows that can be records, after those that a maker found wrong are told."""
        if "wrong" in raw.columns:
            bad = raw.filter(pl.col("wrong").is_not_null())
            self.ledger.reject(
                kind, bad.select("file", "line", field="wrong_field", reason="wrong")
            )
            raw = raw.filter(pl.col("wrong").is_null())
        wanted = {field.name for field in kind.fields}
        texts = cells.trimmed(raw.select(c for c in raw.columns if c in wanted))
        return checked(kind, texts.with_columns(raw["file"], raw["line"]), self.ledger, "Ed-Fi")


def _keys(kind: Kind, gone: pl.DataFrame) -> pl.DataFrame:
    """The key of each row as its fields' types; null, which is any, where it has none."""
    fields = [kind.field(name) for name in kind.key]
    empty = pl.Series("", [None] * gone.height, pl.String)
    columns = [
        cells.parsed(gone.get_column(field.name, default=empty), field.type).alias(field.name)
        for field in fields
    ]
    return pl.DataFrame(columns).unique(maintain_order=True)
