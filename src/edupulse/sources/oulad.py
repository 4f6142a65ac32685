"""The Open University Learning Analytics Dataset (OULAD) as records: real, and without attendance.

A presentation of a module is a school with one section; a registration is a student. Attendance
and incidents are not observed. See `docs/decisions/0006-oulad.md` for what is taken as what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.kind import Kind
from edupulse.sources.delivery import Batch, Ledger, Progress
from edupulse.sources.derived import with_defaults
from edupulse.sources.oulad_tables import Tables, read_tables

PASSING = 40_000
"""A score below 40 is a fail (Kuzilek, Hlosta, Zdrahal, Sci Data 4:170171, 2017)."""

GRADE_LEVEL = 12
"""Adults have no grade level; one for all, so that it tells nothing."""

PASSES = {"Pass": True, "Distinction": True, "Fail": False}
"""Final result to whether it passes; `Withdrawn` has no course grade."""

CATEGORIES = {"TMA": "assessment", "Exam": "assessment", "CMA": "practice"}
"""Marked by a tutor, an exam; marked by computer: quizzes that count little or nothing."""

_FIRST_MONTH = {"B": 2, "J": 10}
_END_OF_DAY = pl.duration(days=1) - pl.duration(microseconds=1)


class Oulad:
    """The delivery of OULAD: a few kinds, made at once, since all of it is small."""

    source = "OULAD"
    simulated = False
    through = None
    keeps = None

    def __init__(self, tables: Tables) -> None:
        self.ledger = Ledger()
        places = _places(tables)
        registered = _registered(tables, places)
        self._persons = registered.select("student_id", person_id="id_student")
        enrolled = _enrolled(registered, self.ledger)
        self._frames = {
            **_schools(places),
            "students": registered.select("student_id", file="registered_in", line="line"),
            "demographics": registered.select(
                "student_id", "disability", sex="gender", file="registered_in", line="line"
            ),
            "enrollments": _stays(enrolled).with_columns(grade_level=GRADE_LEVEL),
            "section_students": _stays(enrolled),
            "marks": _marks(tables, places, enrolled, self.ledger),
            "course_grades": _course_grades(enrolled),
        }

    @property
    def kinds(self) -> frozenset[str]:
        """The names of the kinds that OULAD has."""
        return frozenset(self._frames)

    def has(self, kind: Kind) -> bool:
        """Is this kind among what OULAD has?"""
        return kind.name in self._frames

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """The records of the kind, in one batch."""
        if not self.has(kind):
            return
        frame = with_defaults(kind, self._frames[kind.name])
        self.ledger.open(kind)
        self.ledger.count(kind, frame.height)
        if progress:
            progress(kind.name, 1.0)
        yield Batch(kind, frame)

    def persons(self) -> pl.DataFrame:
        """`student_id` to `person_id`: a person may have registered more than once.

        For keeping a person's registrations in one part of a split; never an input.
        """
        return self._persons


def oulad(folder: Path, presentations: Collection[str] | None = None) -> Oulad:
    """The records of OULAD in a folder, of some presentations (as `2013J`) or all.

    Raises `BadInput` where a file or column is missing, or a presentation is not there.
    """
    return Oulad(read_tables(folder, presentations))


def _places(tables: Tables) -> pl.DataFrame:
    """Each presentation of a module with its id and its first and last weekday."""
    letter, year = pl.col("code_presentation").str.slice(4), pl.col("code_presentation").str.head(4)
    month = letter.replace_strict(_FIRST_MONTH, default=None, return_dtype=pl.Int8)
    begins = pl.date(year.cast(pl.Int32, strict=False), month, 1)
    last = pl.col("begins_on") + pl.duration(days=pl.col("module_presentation_length") - 1)
    places = tables.course.with_columns(
        begins_on=begins, school_id=pl.format("{}-{}", "code_module", "code_presentation")
    ).with_columns(last=last)
    if places["begins_on"].null_count():
        raise BadInput("A presentation is not named as 2013B or 2013J.", "Use OULAD as published.")
    back = (pl.col("last").dt.weekday() - 5).clip(0)
    return places.with_columns(ends_on=pl.col("last") - pl.duration(days=back)).drop("last")


def _schools(places: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The kinds that describe schools; weekdays are instructional days."""
    section = pl.col("school_id").alias("section_id")
    where = places.with_columns(term_id=pl.col("code_presentation"))
    days = where.select(
        "school_id", "file", "line", date=pl.date_ranges("begins_on", "ends_on")
    ).explode("date")
    observed = pl.DataFrame({"kind": ["marks", "course_grades"]})
    codes = pl.DataFrame({"code": list(PASSES), "passing": list(PASSES.values())})
    return {
        "schools": where.with_columns(
            name=pl.col("school_id"),
            timezone=pl.lit("Europe/London"),
            passing_percent=PASSING,
            records_gradebook=True,
        ),
        "coverage": where.join(observed, how="cross").with_columns(
            observed_from="begins_on", observed_through="ends_on"
        ),
        "calendar": days.filter(pl.col("date").dt.weekday() <= 5).with_columns(instructional=True),
        "terms": where.with_columns(school_year=pl.col("ends_on").dt.year(), grading=True),
        "scales": where.join(codes, how="cross"),
        "sections": where.with_columns(
            section, title=pl.col("code_module"), subject=pl.lit("other")
        ),
    }


def _registered(tables: Tables, places: pl.DataFrame) -> pl.DataFrame:
    """One row a registration: who, where, from when to when, with what result."""
    key = ["code_module", "code_presentation", "id_student"]
    begins = pl.col("begins_on")
    first_day = pl.max_horizontal(pl.col("date_registration").fill_null(0), 0)
    return (
        tables.registration.rename({"file": "registered_in"})
        .join(tables.student.drop("file", "line"), on=key, how="left", maintain_order="left")
        .join(places.drop("file", "line"), on=key[:2], how="inner", maintain_order="left")
        .with_columns(
            student_id=pl.format("{}-{}", "school_id", "id_student"),
            section_id="school_id",
            registered_on=begins + pl.duration(days="date_registration"),
            entered_on=begins + pl.duration(days=first_day),
            withdrawn_on=begins + pl.duration(days="date_unregistration"),
        )
    )


def _enrolled(registered: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """The registrations that came to an enrollment, with its last day and how it ended."""
    withdrew = pl.col("withdrawn_on").is_not_null()
    never_came = withdrew & (pl.col("withdrawn_on") < pl.col("entered_on"))
    enrolled = registered.filter(~never_came).with_columns(
        left_on=pl.coalesce("withdrawn_on", "ends_on"),
        exit_type=pl.when(withdrew).then(pl.lit("dropped_out")).otherwise(pl.lit("other")),
    )
    left_without_day = enrolled.filter(~withdrew, pl.col("final_result") == "Withdrawn")
    graded_though_left = enrolled.filter(withdrew, pl.col("final_result").is_in(list(PASSES)))
    for what, count in (
        (
            "registrations withdrawn before the start: not enrolled",
            registered.height - enrolled.height,
        ),
        ("withdrawn without a day: enrolled to the end, no course grade", left_without_day.height),
        ("withdrawn by their day, yet with a final result: both kept", graded_though_left.height),
        (
            "registration day unknown: known from the first day",
            enrolled["date_registration"].null_count(),
        ),
    ):
        ledger.note(None, "student_registration", what, count)
    return enrolled


def _stays(enrolled: pl.DataFrame) -> pl.DataFrame:
    """Two versions of each enrollment: open from the registration, and with its end, once known.

    Who came and left on one day has the second alone.
    """
    came = enrolled.with_columns(
        known_local=_end_of(pl.coalesce("registered_on", "begins_on")),
        left_on=pl.lit(None, pl.Date),
        exit_type=pl.lit(None, pl.String),
    )
    left = enrolled.with_columns(known_local=_end_of(pl.col("left_on")))
    came = came.filter(came["known_local"] < left["known_local"])
    return pl.concat([came, left]).with_columns(file="registered_in")


def _marks(
    tables: Tables, places: pl.DataFrame, enrolled: pl.DataFrame, ledger: Ledger
) -> pl.DataFrame:
    """Scores, known on the day of submission; and what was due and not (yet) handed in."""
    assignments = _assignments(tables, places)
    students = enrolled.select("id_student", "school_id", "student_id", "entered_on", "left_on")
    all_scores = tables.score.join(assignments.drop("file", "line"), on="id_assessment")
    scores = (
        all_scores.filter(~pl.col("is_banked"))
        .join(students, on=["id_student", "school_id"])
        .with_columns(submitted_on=pl.col("begins_on") + pl.duration(days="date_submitted"))
    )
    late = (pl.col("submitted_on") > pl.col("due_on")) & (pl.col("assessment_type") != "Exam")
    scored = scores.with_columns(
        points="score",
        status=pl.when(late).then(pl.lit("late")).otherwise(pl.lit("scored")),
        known_local=_end_of(pl.col("submitted_on")),
    )
    due = (
        assignments.join(tables.score, on="id_assessment", how="semi")
        .join(students, on="school_id")
        .filter(pl.col("due_on").is_between("entered_on", "left_on"))
    )
    handed_in = pl.concat([all_scores.filter("is_banked"), scores.filter(~late)], how="diagonal")
    missing = due.join(handed_in, on=["id_assessment", "id_student"], how="anti").with_columns(
        status=pl.lit("missing"), known_local=_end_of(pl.col("missing_from"))
    )
    for what, count in (
        (
            "banked scores of an earlier presentation left out",
            all_scores.filter("is_banked").height,
        ),
        (
            "scores of registrations that were not enrolled left out",
            all_scores.filter(~pl.col("is_banked")).height - scores.height,
        ),
        ("handed in, score unknown", scores["score"].null_count()),
    ):
        ledger.note(None, "student_assessment", what, count)
    return pl.concat([missing, scored], how="diagonal").with_columns(
        assignment_id="id_assessment", section_id="school_id", points_possible=100_000
    )


def _assignments(tables: Tables, places: pl.DataFrame) -> pl.DataFrame:
    """The assessments with their last day and weight, and the day from which one is missing.

    An exam's results come later than its day, so it is missing from the presentation's end.
    """
    where = places.select("code_module", "code_presentation", "school_id", "begins_on", "ends_on")
    is_exam = pl.col("assessment_type") == "Exam"
    counts = pl.col("weight").filter(~is_exam).sum().over("school_id") > 0
    due = pl.col("begins_on") + pl.duration(days="date")
    return (
        tables.assessment.join(where, on=["code_module", "code_presentation"])
        .with_columns(due_on=due.fill_null(pl.col("ends_on")))
        .with_columns(
            missing_from=pl.when(is_exam).then("ends_on").otherwise("due_on"),
            weight=pl.when(counts).then("weight"),
            category=pl.col("assessment_type").replace_strict(CATEGORIES, default=None),
        )
    )


def _course_grades(enrolled: pl.DataFrame) -> pl.DataFrame:
    """The final result as a course grade, posted on the last day."""
    return enrolled.filter(pl.col("final_result").is_in(list(PASSES))).select(
        "student_id",
        "section_id",
        posted_on="ends_on",
        code="final_result",
        term_id="code_presentation",
        known_local=_end_of(pl.col("ends_on")),
        file="registered_in",
        line="line",
    )


def _end_of(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Datetime("us")) + _END_OF_DAY
