"""Final course grades of the terms that end within the horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.horizon import Horizon, last_school_day
from edupulse.panel.windows import Flags, Keys
from edupulse.school.calendar import NEVER, Calendar, Days, epoch_days
from edupulse.school.knowledge import Known
from edupulse.school.records import CORE_SUBJECTS


@dataclass(frozen=True, eq=False)
class Posting:
    """Of each row, bool[N]: does its school post course grades for a term of the horizon?

    `tellable` is false where the school delivers course grades, but not of that time.
    """

    posted: Flags
    tellable: Flags


def posts_course_grades(
    known: Known, horizon: Horizon, calendar: Calendar, definition: OutcomeDefinition
) -> Posting:
    """Whether `course_failure` can come true, for each school and as-of day as a whole."""
    size = horizon.row.size
    if "course_failure" not in definition.parts:
        return Posting(np.zeros(size, np.bool_), np.ones(size, np.bool_))
    spans, place = np.unique(
        np.stack([horizon.row, horizon.first, horizon.last]), axis=1, return_inverse=True
    )
    ends = _graded_terms(known, calendar)
    spells = known.frames["coverage"].filter(kind="course_grades")
    answers = [
        _posting(ends.filter(row=row), spells, first, last, last + definition.closes_after)
        for row, first, last in spans.T.tolist()
    ]
    posted, tellable = np.array(answers, np.bool_).reshape(-1, 2)[place.reshape(-1)].T
    return Posting(posted, tellable)


def failed_course(
    known: Known,
    student: Keys,
    horizon: Horizon,
    calendar: Calendar,
    definition: OutcomeDefinition,
) -> Days:
    """The end of the first term in the horizon of which a final course grade did not pass.

    Days int32[N]; NEVER where every grade passed.
    """
    failures = _failures(known, definition)
    ended = _graded_terms(known, calendar).select("school", "term_id", "ended")
    rows = pl.DataFrame(
        {
            "row": np.arange(student.size),
            "student": student,
            "first": horizon.first,
            "last": horizon.last,
        }
    )
    failing = (
        failures.join(ended, on=["school", "term_id"])
        .join(rows, on="student")
        .filter(pl.col("ended").is_between(pl.col("first"), pl.col("last")))
    )
    failed_on = np.full(student.size, NEVER, np.int32)
    np.minimum.at(failed_on, failing["row"].to_numpy(), failing["ended"].to_numpy())
    return failed_on


def _posting(
    ends: pl.DataFrame, spells: pl.DataFrame, first: int, last: int, closes: int
) -> tuple[bool, bool]:
    """A term's grades were observed if any day from its end to the label's closing was."""
    terms = ends.filter(pl.col("ended").is_between(first, last))
    here = spells.join(terms, on="school")
    if here.is_empty():
        return False, True
    seen = (pl.col("observed_from").cast(pl.Int32) <= closes) & (
        pl.col("observed_through").cast(pl.Int32) >= pl.col("ended")
    )
    return True, bool(here.group_by("term_id").agg(seen.any())["observed_from"].all())


def _graded_terms(known: Known, calendar: Calendar) -> pl.DataFrame:
    """Grading terms: `school`, its `row`, `term_id`, and the last instructional day (`ended`)."""
    terms = known.frames["terms"].filter(pl.col("grading").fill_null(True))
    rows = calendar.row(terms["school"].to_numpy())
    ended = last_school_day(calendar, rows, epoch_days(terms["ends_on"]))
    return terms.select(
        "school", "term_id", row=pl.Series(rows), ended=pl.Series(ended, dtype=pl.Int32)
    ).filter(pl.col("row") >= 0)


def _failures(known: Known, definition: OutcomeDefinition) -> pl.DataFrame:
    """`student`, `school` and `term_id` of each final course grade that does not pass."""
    sections = known.frames["sections"].select(
        "section", "school", "subject", section_term=pl.col("term_id")
    )
    subject = pl.col("subject").cast(pl.String)
    wanted = subject.is_in(CORE_SUBJECTS).fill_null(False) if definition.core_only else pl.lit(True)
    scales = known.frames["scales"].select(
        "school", "code", "passing", code_percent=pl.col("percent")
    )
    passing_percent = known.frames["schools"].select("school", "passing_percent")
    percent = pl.coalesce("percent", "code_percent")
    passes = pl.coalesce(pl.col("passing"), percent >= pl.col("passing_percent").fill_null(60_000))
    return (
        known.frames["course_grades"]
        .filter(kind="final")
        .join(sections, on="section")
        .filter(wanted)
        .join(scales, on=["school", "code"], how="left")
        .join(passing_percent, on="school", how="left")
        .filter(passes.not_())
        .select("student", "school", term_id=pl.coalesce("term_id", "section_term"))
    )
