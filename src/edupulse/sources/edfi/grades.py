"""Gradebook entries as marks, and posted grades as course grades, from Ed-Fi."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import COURSE_GRADES, MARKS
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.keys import joined, section_id, term_id
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE

PERCENT = "100"
"""What a numeric grade without points is out of."""


def marks(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """A student's gradebook entries, with what the entry itself says: section, day and points.

    An entry without a day on which it is due is taken as due on the day it was assigned.
    """
    entries = _entries(spool, words, ledger)
    for (part,) in spool.buckets(resources.STUDENT_GRADEBOOK_ENTRY):
        said = part.with_columns(
            submitted=words.of("submissions", part["status"]),
            late=words.of("lateness", part["lateness"]),
        )
        found = said.join(
            entries,
            on=["entry", "namespace"],
            how="left",
            maintain_order="left",
            suffix="_of_entry",
        )
        by_points = pl.col("points").is_not_null()
        lone = pl.col("entry_known").is_null() & pl.col("deleted").not_()
        yield found.select(
            "file",
            "line",
            "deleted",
            "section_id",
            "due_on",
            "category",
            student_id="student",
            assignment_id=joined(found, "entry", "namespace"),
            points=pl.coalesce("points", "numeric"),
            points_possible=pl.when(by_points | pl.col("numeric").is_null())
            .then("possible")
            .otherwise(pl.lit(PERCENT)),
            status=_status(),
            wrong_field=pl.when(lone).then(pl.lit("assignment_id")),
            wrong=pl.when(lone).then(pl.lit("no GradebookEntry has this identifier")),
        )


def _status() -> pl.Expr:
    """Missing and excused as submitted, late where handed in late, else as the points say."""
    submitted, late = pl.col("submitted"), pl.col("late")
    return (
        pl.when(submitted.is_in(["missing", "excused"]))
        .then(submitted)
        .when(late == "missing")
        .then(late)
        .when(late == "late")
        .then(pl.lit("late"))
        .when(submitted == "scored")
        .then(submitted)
    )


def _entries(spool: Spool, words: Words, ledger: Ledger) -> pl.DataFrame:
    """The gradebook's entries by identifier and namespace."""
    entries = spool.live(resources.GRADEBOOK_ENTRY)
    undue = entries.filter(pl.col("due").is_null(), pl.col("assigned").is_not_null()).height
    ledger.note(
        MARKS, "GradebookEntry", "without a due date: taken as due on the day assigned", undue
    )
    word = words.of("assignment_types", entries["type"])
    return entries.select(
        "entry",
        "namespace",
        "possible",
        section_id=section_id(entries),
        due_on=pl.coalesce("due", "assigned"),
        category=word.replace(IGNORE, None),
        entry_known=pl.lit(True),
    ).unique(["entry", "namespace"], keep="any")


def course_grades(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Posted grades; posted on the day they say, else on the last day of their grading period."""
    periods = spool.live(resources.GRADING_PERIOD)
    ends = periods.select("school", term_id=term_id(periods), ended="ends").unique(
        ["school", "term_id"], keep="any"
    )
    for (part,) in spool.buckets(resources.GRADE):
        said = part.with_columns(
            kind=words.of("grade_types", part["type"]),
            section_id=section_id(part),
            term_id=term_id(part, "period_year"),
        )
        left_out = said.filter(pl.col("kind") == IGNORE)
        for code, count in left_out.group_by("type").len().sort("type").iter_rows():
            ledger.note(
                COURSE_GRADES, "Grade", f"of type {code}: not read (see grade_types)", count
            )
        kept = said.filter((pl.col("kind") == IGNORE).fill_null(False).not_()).join(
            ends, on=["school", "term_id"], how="left", maintain_order="left"
        )
        unmapped = pl.col("kind").is_null()
        yield kept.select(
            "file",
            "line",
            "deleted",
            "section_id",
            "term_id",
            "kind",
            student_id="student",
            posted_on=pl.coalesce("as_of", "ended"),
            percent="numeric",
            code="letter",
            wrong_field=pl.when(unmapped).then(pl.lit("kind")),
            wrong=pl.when(unmapped).then(pl.lit("a grade type that no table has")),
        )
