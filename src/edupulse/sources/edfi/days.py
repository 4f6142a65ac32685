"""The days and terms of schools from Ed-Fi, and from the district where Ed-Fi has none."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import CALENDAR, TERMS
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words, code_expr
from edupulse.sources.edfi.keys import school_year, term_id
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE

_DAY = {"school": pl.String(), "date": pl.String(), "held": pl.Boolean()}
_PLACED = {**_DAY, "file": pl.String(), "line": pl.Int64()}


def calendar(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """One row a school and day: instructional if a calendar of the school says so.

    The days that the district's mapping lists hold where a school's calendars say nothing. Sessions
    whose number of instructional days is another than their own count are told.
    """
    found = spool.whole(resources.CALENDAR_DATE)
    gone = found.filter("deleted").select("date", "deleted", school_id="school")
    by_calendar = _by_calendar(spool, found.filter(~pl.col("deleted")), words, ledger)
    by_mapping = _by_mapping(spool, words).join(by_calendar, on=["school", "date"], how="anti")
    ledger.count(CALENDAR, by_mapping.height)
    days = pl.concat([by_calendar, by_mapping]).sort("school", "date")
    _compare_with_sessions(spool, days, ledger)
    rows = days.select(
        "date", "file", "line", school_id="school", instructional=pl.col("held").cast(pl.String)
    )
    yield pl.concat([rows, gone], how="diagonal")


def _by_calendar(spool: Spool, days: pl.DataFrame, words: Words, ledger: Ledger) -> pl.DataFrame:
    """What the calendars of a school say; a day whose events say nothing is left out."""
    events = days.explode("events", empty_as_null=True)
    said = events.with_columns(word=words.of("calendar_events", events["events"]))
    known = said.filter(pl.col("word") != IGNORE)
    unclear = days.height - known.select("school", "year", "calendar", "date").unique().height
    ledger.note(CALENDAR, "CalendarDate", "days with no event that is mapped: left out", unclear)
    return (
        _of_the_school(spool, known)
        .sort("file", "line")
        .group_by("school", "date")
        .agg(pl.col("file", "line").first(), held=(pl.col("word") == "instructional").any())
        .select(list(_PLACED))
    )


def _of_the_school(spool: Spool, days: pl.DataFrame) -> pl.DataFrame:
    """The days of calendars of the type School, where a school has such, else of all it has.

    The others are of some students, of a grade level or of staff.
    """
    key = ["school", "year", "calendar"]
    kinds = spool.live(resources.CALENDAR).select(*key, own=code_expr(pl.col("type")) == "School")
    typed = days.join(kinds.unique(key, keep="any"), on=key, how="left").with_columns(
        pl.col("own").fill_null(False)
    )
    has_own = pl.col("own").any().over("school", "year")
    return typed.filter(pl.col("own") | ~has_own)


def _by_mapping(spool: Spool, words: Words) -> pl.DataFrame:
    """The days that the district lists for its schools."""
    rows = [
        (school, day.isoformat(), held)
        for school in spool.live(resources.SCHOOL)["school"].drop_nulls().unique().to_list()
        for day, held in words.mapping.school_days(school).items()
    ]
    days = pl.DataFrame(rows, schema=_DAY, orient="row")
    return days.with_columns(file=pl.lit(words.mapping.file), line=pl.lit(None, pl.Int64)).select(
        list(_PLACED)
    )


def _compare_with_sessions(spool: Spool, days: pl.DataFrame, ledger: Ledger) -> None:
    """Tell the sessions that count more or fewer instructional days than there are."""
    sessions = spool.live(resources.SESSION).with_columns(
        said=pl.col("days").cast(pl.Int64, strict=False)
    )
    held = days.filter("held").select("school", "date")
    # ISO dates as text stand in the order of days.
    inside = pl.col("date").is_between(pl.col("begins"), pl.col("ends"))
    counted = (
        sessions.join(held, on="school", how="left")
        .group_by("school", "year", "session", "said")
        .agg(there=inside.fill_null(value=False).sum())
    )
    other = counted.filter(pl.col("said") != pl.col("there"))
    what = "sessions with another number of instructional days than their TotalInstructionalDays"
    ledger.note(CALENDAR, "Session", what, other.height)


def terms(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Grading periods: what a course grade is posted for."""
    periods = spool.whole(resources.GRADING_PERIOD)
    said = periods.with_columns(
        word=words.of("grading_periods", periods["period"]), term_id=term_id(periods)
    )
    left_out = said.filter(pl.col("word").is_null() | (pl.col("word") == IGNORE))
    ledger.note(TERMS, "GradingPeriod", "no terms of ours: left out", left_out.height)
    yield said.filter((pl.col("word") != IGNORE) | pl.col("deleted")).select(
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
