"""From a source's batch to versions that the store can merge: keys for ids, defaults, dates."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.pipeline.dating import dated
from edupulse.pipeline.desk import Desk, defined_by
from edupulse.pipeline.gone import gone
from edupulse.pipeline.reach import Reach
from edupulse.school.fields import Field, Ref, Text
from edupulse.school.kind import Kind
from edupulse.school.records import ATTENDANCE, COURSE_GRADES, COVERAGE, INCIDENTS, SCHOOLS
from edupulse.sources.delivery import Batch, Delivery, Progress
from edupulse.store.staging import ARRIVING

COVERED_SCHEMA = COVERAGE.schema
"""What a delivery's own coverage file says, kept to know how far its other files reach."""


class Arrival:
    """The way of one kind's rows into the store; counts what it leaves out, and why."""

    def __init__(self, desk: Desk, delivery: Delivery, kind: Kind) -> None:
        self.desk, self.delivery, self.kind = desk, delivery, kind
        self.rejected = 0
        self.undated = 0
        self.reach = Reach(kind)
        self.covered = pl.DataFrame(schema=COVERED_SCHEMA)

    def versions(self, progress: Progress | None) -> Iterator[pl.DataFrame]:
        """Frames with the kind's schema, its references' texts and `ARRIVING`."""
        for batch in self.delivery.batches(self.kind, progress):
            yield self._version(batch)

    def _version(self, batch: Batch) -> pl.DataFrame:
        frame = self._without_zero_bytes(batch.frame)
        for name, noun in defined_by(self.kind):
            self.desk.intern(noun, frame[name])
        frame = self._with_keys(frame)
        frame = self.desk.with_school(self.kind, frame)
        self.reach.extend(frame)
        self._count_unknown_codes(frame)
        if self.kind is COVERAGE:
            self.covered = pl.concat([self.covered, frame.select(list(COVERED_SCHEMA))])
        ready = dated(self.desk, self.kind, frame)
        if batch.gone is not None and batch.gone.height:
            ready = pl.concat(
                [ready, gone(self.desk, self.kind, batch.gone, frame)], how="diagonal"
            )
        self.undated += int(ready["defaulted"].sum())
        # References keep their texts beside the keys: the content hash reads those.
        texts = [f.name for f in self._references() if f.name != f.column]
        return ready.select(*self.kind.schema, *texts, *ARRIVING)

    def _with_keys(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keys for all ids, and the fields that are to be filled from other records."""
        for of in self._references():
            if of.name == "school_id" and self.kind in (ATTENDANCE, INCIDENTS):
                frame = self._with_primary_school(frame)
            frame = self._resolved(frame, of)
        if self.kind is COURSE_GRADES:
            frame = self._with_terms(frame)
        if self.kind is SCHOOLS:
            frame = frame.with_columns(pl.col("timezone").fill_null(self.desk.district.timezone))
        return frame

    def _resolved(self, frame: pl.DataFrame, of: Field) -> pl.DataFrame:
        assert isinstance(of.type, Ref)  # noqa: S101  (asked of references alone)
        noun = of.type.noun
        if of.name == of.column:
            frame = frame.rename({of.name: f"{of.name}_text"})
            frame = self.desk.keyed(frame, f"{of.name}_text", noun, of.column)
            return frame.drop(f"{of.name}_text")
        keyed = self.desk.keyed(frame, of.name, noun, of.column)
        stranger = pl.col(of.name).is_not_null() & pl.col(of.column).is_null()
        return self._kept(keyed, stranger, of.name, f"no such {noun} on record")

    def _with_primary_school(self, frame: pl.DataFrame) -> pl.DataFrame:
        if frame["school_id"].null_count() == 0:
            return frame
        lacking = frame.filter(pl.col("school_id").is_null())
        found = self.desk.primary_school(lacking, "date").rename({"school_id": "primary_id"})
        joined = frame.join(
            found,
            left_on=["student", "date"],
            right_on=["student", "day"],
            how="left",
            maintain_order="left",
        )
        filled = joined.with_columns(pl.coalesce("school_id", "primary_id")).drop("primary_id")
        homeless = pl.col("school_id").is_null()
        return self._kept(
            filled, homeless, "school_id", "empty, and no primary enrollment that day"
        )

    def _with_terms(self, frame: pl.DataFrame) -> pl.DataFrame:
        if frame["term_id"].null_count() == 0:
            return frame
        sections = self.desk.sections.of(frame["section"])
        terms = sections.select("section", pl.col("term_id").alias("section_term"))
        joined = frame.join(terms, on="section", how="left", maintain_order="left")
        filled = joined.with_columns(pl.coalesce("term_id", "section_term")).drop("section_term")
        termless = pl.col("term_id").is_null()
        return self._kept(filled, termless, "term_id", "empty, and the section has no term")

    def _without_zero_bytes(self, frame: pl.DataFrame) -> pl.DataFrame:
        """PostgreSQL holds no text with a zero byte."""
        texts = [f.name for f in self.kind.fields if isinstance(f.type, Text | Ref)]
        for name in texts:
            zero = pl.col(name).str.contains("\0", literal=True).fill_null(False)
            frame = self._kept(frame, zero, name, "holds a zero byte")
        return frame

    def _kept(self, frame: pl.DataFrame, bad: pl.Expr, field: str, reason: str) -> pl.DataFrame:
        """The rows that are not bad; the ledger gets the others."""
        wrong = frame.filter(bad)
        if not wrong.height:
            return frame
        self.rejected += wrong.height
        rows = wrong.select("file", "line", field=pl.lit(field), reason=pl.lit(reason))
        self.delivery.ledger.reject(self.kind, rows)
        return frame.filter(~bad)

    def _count_unknown_codes(self, frame: pl.DataFrame) -> None:
        if self.kind is not COURSE_GRADES:
            return
        coded = frame.filter(pl.col("code").is_not_null(), pl.col("percent").is_null())
        unknown = coded.join(
            self.desk.codes, left_on=["at_school", "code"], right_on=["school", "code"], how="anti"
        )
        what = "course grades with a code that no scale of the school names: not observed"
        self.delivery.ledger.note(self.kind, self.kind.file, what, unknown.height)

    def _references(self) -> list[Field]:
        """References, the student first: defaults are looked up by it."""
        found = [f for f in self.kind.fields if isinstance(f.type, Ref)]
        return sorted(found, key=lambda f: f.column != "student")
