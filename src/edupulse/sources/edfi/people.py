"""Students, and where they are enrolled, from Ed-Fi."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import ENROLLMENTS
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.keys import section_id
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE


def students(spool: Spool, _: Words, __: Ledger) -> Iterator[pl.DataFrame]:
    """Students by their unique id."""
    for (part,) in spool.buckets(resources.STUDENT):
        yield part.rename({"student": "student_id"})


def enrollments(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Associations of students and schools, but for those who never came."""
    for (part,) in spool.buckets(resources.ENROLLMENT):
        said = part.with_columns(
            grade_level=words.of("grade_levels", part["grade_level"]),
            exit_type=words.of("exit_types", part["exit_type"]),
            type=words.of("enrollment_types", part["type"]),
            wrong_level=part["grade_level"].is_not_null(),
        )
        never = (pl.col("type") == IGNORE) | (pl.col("exit_type") == IGNORE)
        never = never.fill_null(False) & ~pl.col("deleted")
        ledger.note(
            ENROLLMENTS,
            resources.ENROLLMENT.element,
            "preregistered, or never came: not enrolled",
            said.filter(never).height,
        )
        unmapped = pl.col("grade_level").is_null() & pl.col("wrong_level")
        yield said.select(
            "file",
            "line",
            "grade_level",
            "exit_type",
            "primary",
            pl.col("deleted") | never,
            student_id="student",
            school_id="school",
            entered_on="entered",
            left_on="left",
            wrong_field=pl.when(unmapped).then(pl.lit("grade_level")),
            wrong=pl.when(unmapped).then(pl.lit("a grade level that no table has")),
        )


def section_students(spool: Spool, _: Words, __: Ledger) -> Iterator[pl.DataFrame]:
    """Associations of students and sections."""
    for (part,) in spool.buckets(resources.SECTION_STUDENT):
        yield part.select(
            "file",
            "line",
            "deleted",
            section_id=section_id(part),
            student_id="student",
            entered_on="begins",
            left_on="ends",
        )
