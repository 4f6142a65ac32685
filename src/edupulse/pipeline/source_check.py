"""Reads all of a source and writes nothing: what would come in, and what is missing for what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from edupulse.pipeline.import_report import RejectedFor, reasons
from edupulse.pipeline.needs import CATEGORIES, SUBJECTS, lacking
from edupulse.school.fields import Ref
from edupulse.school.kind import Kind
from edupulse.school.records import COVERED, KINDS
from edupulse.sources.delivery import Delivery, Note, Progress
from edupulse.sources.words import Translated

_DEFINED_BY = {"student": "students", "school": "schools", "section": "sections", "staff": "staff"}
_FLAGS = ("excuse", "tardies", "partial_days", "gradebook", "incidents")


@dataclass(frozen=True)
class KindCheck:
    """What would come in of one kind: rows read, good, rejected, and taken back."""

    kind: str
    read: int
    good: int
    rejected: int
    retracted: int


@dataclass
class SchoolCheck:
    """What there is of one school.

    `students` are enrolled there; `days` are its instructional days; by kind, `rows`, the first and
    last day, and how many of the students have any row.
    """

    school_id: str
    name: str = ""
    students: int = 0
    days: int = 0
    says: list[str] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    span: dict[str, tuple[date, date]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class SourceCheck:
    """What was found: nothing in it names a student."""

    source: str
    simulated: bool
    kinds: tuple[KindCheck, ...]
    absent: tuple[str, ...]
    strangers: dict[tuple[str, str], int]
    lacking: dict[str, tuple[str, ...]]
    unmapped: dict[tuple[str, str], int]
    suggestions: str
    rejected_for: tuple[RejectedFor, ...]
    schools: tuple[SchoolCheck, ...]
    notes: tuple[Note, ...]

    @property
    def is_clean(self) -> bool:
        """Would every row come in, every word known?"""
        return not (self.rejected_for or self.unmapped or self.strangers)


def check_source(delivery: Delivery, progress: Progress | None = None) -> SourceCheck:
    """Read a delivery whole."""
    reading = _Reading(delivery)
    for kind in KINDS:
        if delivery.has(kind):
            reading.read(kind, progress)
    translated = delivery.words if isinstance(delivery, Translated) else None
    return SourceCheck(
        source=delivery.source,
        simulated=delivery.simulated,
        kinds=tuple(reading.kinds),
        absent=tuple(kind.name for kind in KINDS if not delivery.has(kind)),
        strangers=dict(reading.strangers),
        lacking=lacking(reading.present),
        unmapped=translated.unmapped if translated else {},
        suggestions=translated.suggestions() if translated else "",
        rejected_for=reasons(delivery.ledger.rejections),
        schools=reading.by_school(),
        notes=tuple(delivery.ledger.notes),
    )


_PLACE = {"school_id": pl.String(), "student_id": pl.String()}
_DAYS = {**_PLACE, "rows": pl.UInt32(), "first": pl.Date(), "last": pl.Date()}
"""How many rows of a school and student, from which day to which."""


class _Reading:
    """What is gathered on the way through the kinds, in the order in which they refer."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.kinds: list[KindCheck] = []
        self.present: set[str] = set()
        self.strangers: Counter[tuple[str, str]] = Counter()
        self._ids: dict[str, pl.Series] = {}
        self._schools: dict[str, SchoolCheck] = {}
        self._enrolled = pl.DataFrame(schema=_PLACE)
        self._section = pl.DataFrame(schema={"section_id": pl.String(), "at": pl.String()})

    def read(self, kind: Kind, progress: Progress | None) -> None:
        """All rows of a kind."""
        good = retracted = 0
        ids, days, marked = [], [], set()
        for batch in self.delivery.batches(kind, progress):
            frame = batch.frame.filter(~pl.col("retracted"))
            good += frame.height
            retracted += batch.frame.height - frame.height
            retracted += 0 if batch.gone is None else batch.gone.height
            self._count_strangers(kind, frame)
            if kind.name in _DEFINED_BY.values():
                ids.append(frame[_id_of(kind)])
            if kind.name == "marks":
                marked |= set(frame["category"].drop_nulls().cast(pl.String).unique())
            days.append(self._taken(kind, frame))
        ledger = self.delivery.ledger
        rejected = ledger.rejected(kind)
        self.kinds.append(KindCheck(kind.name, ledger.read(kind), good, rejected, retracted))
        if good:
            self.present.add(kind.name)
        if len(marked) == 2:
            self.present.add(CATEGORIES)
        if ids:
            self._ids[_noun(kind)] = pl.concat(ids).unique()
        self._place(kind, pl.concat(days) if days else None)

    def by_school(self) -> tuple[SchoolCheck, ...]:
        """The schools, in the order of their ids."""
        return tuple(self._schools[school] for school in sorted(self._schools))

    def _at(self, school: str) -> SchoolCheck:
        return self._schools.setdefault(school, SchoolCheck(school))

    def _count_strangers(self, kind: Kind, frame: pl.DataFrame) -> None:
        """Rows that name what this source does not define: it must be on record already."""
        for of in kind.fields:
            if not isinstance(of.type, Ref) or _DEFINED_BY[of.type.noun] == kind.name:
                continue
            known = self._ids.get(of.type.noun, pl.Series(dtype=pl.String))
            strange = frame.filter(
                pl.col(of.name).is_not_null(), ~pl.col(of.name).is_in(known.implode())
            )
            if strange.height:
                self.strangers[kind.name, of.type.noun] += strange.height

    def _taken(self, kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
        """What the table of schools keeps of a batch, in the schema `_DAYS`: never a row each."""
        match kind.name:
            case "schools":
                self._take_schools(frame)
            case "sections":
                self._section = pl.concat(
                    [self._section, frame.select("section_id", at="school_id")]
                )
                if frame["subject"].null_count() < frame.height:
                    self.present.add(SUBJECTS)
            case "coverage":
                self.present |= set(frame["kind"].cast(pl.String).unique())
        if kind.name not in (*COVERED, "enrollments", "calendar"):
            return pl.DataFrame(schema=_DAYS)
        if kind.name == "calendar":
            frame = frame.filter("instructional").with_columns(student_id=pl.lit(None, pl.String))
        if "section_id" in frame.columns:
            frame = frame.join(self._section, on="section_id", how="left").rename(
                {"at": "school_id"}
            )
        day = pl.col(kind.occurred_on or "date")
        placed = frame.with_columns(pl.col("school_id").cast(pl.String))
        return placed.group_by(*_PLACE).agg(rows=pl.len(), first=day.min(), last=day.max())

    def _take_schools(self, frame: pl.DataFrame) -> None:
        for row in frame.rows(named=True):
            here = self._at(row["school_id"])
            here.name = row["name"]
            here.says = [flag for flag in _FLAGS if row[f"records_{flag}"]]
            self.present |= {f"records_{flag}" for flag in here.says}

    def _place(self, kind: Kind, days: pl.DataFrame | None) -> None:
        """Count a kind's rows at their schools; without a school of their own, the student's."""
        if days is None or not days.height:
            return
        if kind.name == "enrollments":
            self._enrolled = days.select(list(_PLACE)).unique()
            for school, count in self._enrolled.group_by("school_id").len().iter_rows():
                self._at(school).students = count
            return
        if days["school_id"].null_count() and kind.name != "calendar":
            only = self._enrolled.group_by("student_id").agg(home=pl.col("school_id").first())
            days = days.join(only, on="student_id", how="left").with_columns(
                pl.coalesce("school_id", "home")
            )
        enrolled = self._enrolled.with_columns(is_there=pl.lit(value=True))
        found = (
            days.join(enrolled, on=["school_id", "student_id"], how="left")
            .group_by("school_id")
            .agg(
                rows=pl.col("rows").sum(),
                first=pl.col("first").min(),
                last=pl.col("last").max(),
                seen=pl.col("student_id").filter(pl.col("is_there")).n_unique(),
            )
        )
        for school, rows, first, last, seen in found.drop_nulls("school_id").iter_rows():
            here = self._at(school)
            if kind.name == "calendar":
                here.days = rows
                continue
            here.rows[kind.name], here.span[kind.name] = rows, (first, last)
            here.seen[kind.name] = seen


def _id_of(kind: Kind) -> str:
    return next(f.name for f in kind.fields if isinstance(f.type, Ref) and f.required)


def _noun(kind: Kind) -> str:
    return next(noun for noun, name in _DEFINED_BY.items() if name == kind.name)
