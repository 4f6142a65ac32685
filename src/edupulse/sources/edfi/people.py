"""Students, and where they are enrolled, from Ed-Fi."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import ENROLLMENTS
from edupulse.sources import federal
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words, code_expr
from edupulse.sources.edfi.keys import school_year, section_id
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE

LOW_INCOME = ("Economic Disadvantaged", "Economically Disadvantaged")
"""Student characteristics that say a low-income household."""


def students(spool: Spool, _: Words, __: Ledger) -> Iterator[pl.DataFrame]:
    """Students by their unique id."""
    for (part,) in spool.buckets(resources.STUDENT):
        yield part.rename({"student": "student_id"})


def demographics(spool: Spool, words: Words, _: Ledger) -> Iterator[pl.DataFrame]:
    """For the audit alone, one row a student, of all organizations that say something.

    Who has no disability, or a family of enough income, is not said: those stay unknown.
    """
    for (part,) in spool.buckets(resources.STUDENT_ORGANIZATION):
        alive = part.filter(~pl.col("deleted"))
        races = alive.select("student", "races").explode("races", empty_as_null=True)
        known = races.select("student", race=words.of("races", races["races"])).filter(
            pl.col("race") != IGNORE
        )
        counted = known.group_by("student").agg(
            several=pl.col("race").n_unique() > 1, one=pl.col("race").min()
        )
        poor = pl.col("characteristics").list.eval(code_expr(pl.element())).list
        said = alive.with_columns(
            learner=words.of("english_proficiency", alive["english"]) == "learner",
            hispanic=pl.col("hispanic").str.to_lowercase().is_in(["true", "1"]),
            poor=pl.any_horizontal(poor.contains(code) for code in LOW_INCOME),
        )
        each = (
            said.sort("organization", "file", "line")
            .group_by("student", maintain_order=True)
            .agg(
                pl.col("file", "line").first(),
                pl.col("hispanic", "learner").any(),
                pl.col("learner").is_null().all().alias("silent"),
                sex=code_expr(pl.col("sex")).drop_nulls().first(),
                disability=pl.when((pl.col("disabilities").list.len() > 0).any()).then(True),
                low_income=pl.when(pl.col("poor").any()).then(True),
            )
            .join(counted, on="student", how="left", maintain_order="left")
        )
        gone = part.filter("deleted").select("deleted", student_id="student")
        rows = each.select(
            "file",
            "line",
            "sex",
            pl.col("disability", "low_income").cast(pl.String),
            student_id="student",
            english_learner=pl.when(~pl.col("silent")).then("learner").cast(pl.String),
            race_ethnicity=federal.race_ethnicity(
                pl.col("hispanic"), pl.col("several"), pl.col("one")
            ),
        )
        yield pl.concat([rows, gone], how="diagonal")


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
    """Associations of students and sections; one without an end ends with the section's session."""
    ends = session_ends(spool)
    for (part,) in spool.buckets(resources.SECTION_STUDENT):
        yield with_ends(part, ends).select(
            "file",
            "line",
            "deleted",
            section_id=section_id(part),
            student_id="student",
            entered_on="begins",
            left_on="ends",
        )


def session_ends(spool: Spool) -> pl.DataFrame:
    """The last day of each session, by `school`, `year` and `session`."""
    sessions = spool.live(resources.SESSION)
    return (
        sessions.select("school", school_year(pl.col("year")), "session", session_ends="ends")
        .drop_nulls()
        .unique(["school", "year", "session"], keep="any")
    )


def with_ends(associations: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """Associations with a section, open ones closed on the last day of the section's session.

    One that began after that day stays open: its dates or the session's are wrong.
    """
    found = associations.with_columns(of_year=school_year(pl.col("year"))).join(
        ends,
        left_on=["school", "of_year", "session"],
        right_on=["school", "year", "session"],
        how="left",
        maintain_order="left",
    )
    # ISO dates as text stand in the order of days.
    closes = pl.when(pl.col("begins") <= pl.col("session_ends")).then("session_ends")
    return found.with_columns(pl.coalesce("ends", closes).alias("ends"))
