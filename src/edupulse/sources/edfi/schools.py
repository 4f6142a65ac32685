"""Schools, their days, terms and sections from Ed-Fi."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import CALENDAR, TERMS
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words, code_expr
from edupulse.sources.edfi.keys import school_year, section_id, term_id
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE

SCED_SYSTEMS = ("sced", "nces")
"""How the name of a system of course codes begins that has SCED codes."""


def schools(spool: Spool, words: Words, _: Ledger) -> Iterator[pl.DataFrame]:
    """Schools by their id; what a school records at all only the district can say."""
    found = spool.live(resources.SCHOOL).rename({"school": "school_id"})
    said = [
        {"school_id": school, **words.mapping.school(school)}
        for school in found["school_id"].drop_nulls().unique().to_list()
    ]
    schema = {name: pl.String for row in said for name in row}
    yield found.join(
        pl.DataFrame(said, schema={"school_id": pl.String, **schema}),
        on="school_id",
        how="left",
        maintain_order="left",
        suffix="_of_the_district",
    )


def calendar(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """One row a school and day: instructional if a calendar of the school says so.

    Where a school has calendars of the type School, the others (of some students or of staff) do
    not count.
    """
    days = spool.whole(resources.CALENDAR_DATE)
    gone = days.filter("deleted")
    days = days.filter(~pl.col("deleted"))
    events = days.explode("events", empty_as_null=True)
    said = events.with_columns(word=words.of("calendar_events", events["events"]))
    known = said.filter(pl.col("word").is_not_null())
    mine = _of_the_school(spool, known)
    held = (pl.col("word") == "instructional").any()
    each = (
        mine.sort("file", "line")
        .group_by("school", "date")
        .agg(pl.col("file", "line").first(), held=held)
    )
    unclear = days.height - known.select("school", "year", "calendar", "date").unique().height
    ledger.note(CALENDAR, "CalendarDate", "days with no event that is mapped: left out", unclear)
    rows = each.sort("school", "date").select(
        "date",
        "file",
        "line",
        school_id="school",
        instructional=pl.col("held").cast(pl.String),
    )
    lost = gone.select("date", "deleted", school_id="school")
    yield pl.concat([rows, lost], how="diagonal")


def _of_the_school(spool: Spool, days: pl.DataFrame) -> pl.DataFrame:
    """The days of a school's own calendars, where it has such, else of all it has."""
    key = ["school", "year", "calendar"]
    kinds = spool.live(resources.CALENDAR).select(*key, own=code_expr(pl.col("type")) == "School")
    typed = days.join(kinds.unique(key), on=key, how="left").with_columns(
        pl.col("own").fill_null(False)
    )
    has_own = pl.col("own").any().over("school", "year")
    return typed.filter(pl.col("own") | ~has_own)


def terms(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Grading periods: what a course grade is posted for."""
    periods = spool.whole(resources.GRADING_PERIOD)
    said = periods.with_columns(
        word=words.of("grading_periods", periods["period"]), term_id=term_id(periods)
    )
    left_out = said.filter(pl.col("word").is_null() | (pl.col("word") == IGNORE))
    ledger.note(TERMS, "GradingPeriod", "no terms of ours: left out", left_out.height)
    yield said.filter(pl.col("word") != IGNORE).select(
        "term_id",
        "deleted",
        "file",
        "line",
        school_id="school",
        begins_on="begins",
        ends_on="ends",
        name=pl.coalesce("period_name", code_expr(pl.col("period"))),
        school_year=school_year(pl.col("year")),
    )


def sections(spool: Spool, words: Words, _: Ledger) -> Iterator[pl.DataFrame]:
    """Sections with title and subject of their course; of no term, for they may have several."""
    courses = _courses(spool, words)
    offerings = spool.live(resources.COURSE_OFFERING).with_columns(school_year(pl.col("year")))
    key = ["school", "year", "session", "course"]
    titled = (
        offerings.join(courses, on=["organization", "code"], how="left", suffix="_of_course")
        .select(*key, "subject", "sced_code", offered=pl.coalesce("title", "title_of_course"))
        .unique(key, keep="any")
    )
    found = spool.whole(resources.SECTION)
    yield (
        found.with_columns(school_year(pl.col("year")), section_id=section_id(found))
        .join(titled, on=key, how="left", maintain_order="left")
        .select(
            "section_id",
            "deleted",
            "file",
            "line",
            "subject",
            "sced_code",
            "credits",
            school_id="school",
            title=pl.coalesce("title", "offered"),
        )
    )


def _courses(spool: Spool, words: Words) -> pl.DataFrame:
    """Each course with its SCED code, and its subject where its subjects are one word of ours."""
    courses = spool.live(resources.COURSE).with_row_index("at")
    subjects = courses.select("at", "subjects").explode("subjects", empty_as_null=True)
    said = subjects.select("at", word=words.of("subjects", subjects["subjects"]))
    one = said.group_by("at").agg(
        subject=pl.when(pl.col("word").n_unique() == 1).then(pl.col("word").first())
    )
    codes = courses.filter(pl.col("codes").list.len() == pl.col("systems").list.len()).select(
        "at", "codes", "systems"
    )
    system = code_expr(pl.col("systems")).str.to_lowercase()
    is_sced = pl.any_horizontal(system.str.starts_with(name) for name in SCED_SYSTEMS)
    sced = (
        codes.explode("codes", "systems", empty_as_null=True)
        .filter(is_sced)
        .group_by("at")
        .agg(sced_code=pl.col("codes").min())
    )
    return (
        courses.join(one, on="at", how="left")
        .join(sced, on="at", how="left")
        .select("organization", "code", "title", "subject", "sced_code")
    )
