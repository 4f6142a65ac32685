"""Attendance from Ed-Fi: events of a school's day, and of single sections told as parts of a day.

Events are exceptions: an instructional day without one is a day present.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import ATTENDANCE
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.keys import section_id
from edupulse.sources.edfi.people import session_ends, with_ends
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE, PARTIAL

DAY = ["student", "school", "date"]
ABSENCES = ("excused", "unexcused", "absent")

_ALONE = "a category that no table has"
_HOW_MUCH = "a part of a day, and no EventDuration between 0 and 1 says how much"
_SCHEDULE = "absent from a section, and which sections the student had that day is unknown"


def attendance(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Of each student, school, day and status one row.

    An absence from sections is the part missed of the sections that the student had that day; where
    the school's own event tells of an absence that day, that counts alone.
    """
    of = (resources.SCHOOL_ATTENDANCE, resources.SECTION_ATTENDANCE, resources.SECTION_STUDENT)
    ends = session_ends(spool)
    for by_day, by_section, associations in spool.buckets(*of):
        alive = ~pl.col("deleted")
        enrolled = with_ends(associations.filter(alive), ends)
        whole = _of_days(by_day.filter(alive), words, ledger)
        parts = _of_sections(by_section.filter(alive), enrolled, words, ledger)
        absent = whole.filter(pl.col("status").is_in(ABSENCES)).select(DAY).unique()
        told = parts.join(absent, on=DAY, how="semi").filter(pl.col("status").is_in(ABSENCES))
        _count(ledger, "section", "absent the whole day by the school's own event", told)
        beside = parts.join(told.select(*DAY, "status"), on=[*DAY, "status"], how="anti")
        told_once = _one_a_status(pl.concat([whole, beside], how="diagonal_relaxed"), ledger)
        yield pl.concat([told_once, _read_again(spool, by_day, by_section)], how="diagonal")


def _read_again(spool: Spool, *events: pl.DataFrame) -> pl.DataFrame:
    """The days of students of which only what was read now is true, whatever was read before."""
    days = pl.concat(
        frame.filter(pl.col("deleted") | spool.is_of_changes).select(DAY) for frame in events
    )
    keys = days.unique().rename({"student": "student_id", "school": "school_id"})
    return keys.with_columns(deleted=pl.lit(True))


def _of_days(events: pl.DataFrame, words: Words, ledger: Ledger) -> pl.DataFrame:
    """The school's own events, each with its status and the part of the day missed."""
    said = events.with_columns(word=words.of("attendance", events["category"]))
    kept = _without(said, pl.col("word") == IGNORE, ledger, "school", "a category to be ignored")
    duration = pl.col("duration").cast(pl.Float64, strict=False)
    is_part = pl.col("word") == PARTIAL
    lost = is_part & ~((duration > 0) & (duration < 1)).fill_null(False)
    status = pl.when(is_part).then(pl.lit("absent")).otherwise("word")
    return kept.select(
        *DAY,
        "reason",
        "file",
        "line",
        status=status,
        fraction=pl.when(status.is_in(ABSENCES)).then("duration"),
        wrong_field=pl.when(pl.col("word").is_null())
        .then(pl.lit("status"))
        .when(lost)
        .then(pl.lit("fraction")),
        wrong=pl.when(pl.col("word").is_null())
        .then(pl.lit(_ALONE))
        .when(lost)
        .then(pl.lit(_HOW_MUCH)),
    )


def _of_sections(
    events: pl.DataFrame, enrolled: pl.DataFrame, words: Words, ledger: Ledger
) -> pl.DataFrame:
    """Events of sections as statuses of a day; the fraction is sections missed ÷ sections had."""
    said = events.with_columns(
        word=words.of("attendance", events["category"]), section=section_id(events)
    )
    silent = pl.col("word").is_in([IGNORE, "present"])
    kept = _without(said, silent, ledger, "section", "present in a section, or to be ignored")
    status = pl.when(pl.col("word") == PARTIAL).then(pl.lit("tardy")).otherwise("word")
    each = kept.with_columns(status=status).with_columns(
        missed=pl.col("section").n_unique().over(*DAY, "status")
    )
    had = _sections_had(each.filter(pl.col("status").is_in(ABSENCES)), enrolled)
    joined = each.join(had, on=DAY, how="left", maintain_order="left")
    unknown = pl.col("word").is_null()
    is_absence = pl.col("status").is_in(ABSENCES)
    lost = is_absence & ~(pl.col("had") >= pl.col("missed")).fill_null(False)
    part = (pl.col("missed") / pl.col("had")).round(3).cast(pl.String)
    return joined.select(
        *DAY,
        "reason",
        "file",
        "line",
        "status",
        fraction=pl.when(is_absence & ~lost).then(part),
        sections=pl.lit(True),
        wrong_field=pl.when(unknown).then(pl.lit("status")).when(lost).then(pl.lit("fraction")),
        wrong=pl.when(unknown).then(pl.lit(_ALONE)).when(lost).then(pl.lit(_SCHEDULE)),
    )


def _sections_had(days: pl.DataFrame, enrolled: pl.DataFrame) -> pl.DataFrame:
    """In how many sections of a school each student was on each of the days."""
    asked = days.select(DAY).unique()
    if not asked.height:
        return asked.with_columns(had=pl.lit(0, pl.UInt32))
    stays = enrolled.select("student", "school", "begins", "ends", section=section_id(enrolled))
    # ISO dates as text stand in the order of days.
    inside = (pl.col("begins") <= pl.col("date")) & (
        pl.col("ends").is_null() | (pl.col("date") <= pl.col("ends"))
    )
    return (
        asked.join(stays, on=["student", "school"])
        .filter(inside)
        .group_by(DAY)
        .agg(had=pl.col("section").n_unique())
    )


def _one_a_status(events: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Events of one student, day and status as one row: parts of a day add up, to 1 at most."""
    bad = events.filter(pl.col("wrong").is_not_null())
    good = events.filter(pl.col("wrong").is_null())
    by_school = pl.col("sections").is_null()
    whole = (pl.col("fraction").cast(pl.Float64, strict=False)).fill_null(1.0)
    of_day = pl.when(by_school & pl.col("status").is_in(ABSENCES)).then(whole)
    summed = pl.min_horizontal(of_day.sum(), pl.lit(1.0)).round(3).cast(pl.String)
    placed = good.sort("file", "line", maintain_order=True)
    told = placed.group_by(*DAY, "status", maintain_order=True).agg(
        pl.len().alias("events"),
        pl.col("reason").drop_nulls().unique().sort().str.join("; ").replace("", None),
        pl.col("file", "line").first(),
        fraction=pl.when(pl.len() == 1)
        .then(pl.col("fraction").first())
        .when(by_school.any() & of_day.is_not_null().any())
        .then(summed)
        .otherwise(pl.col("fraction").first()),
    )
    _note(
        ledger,
        "events of a student's day and status that are told by one record",
        good.height - told.height,
    )
    rows = pl.concat(
        [told.drop("events"), bad.drop("sections", strict=False)], how="diagonal_relaxed"
    )
    return rows.sort("file", "line").rename({"student": "student_id", "school": "school_id"})


def _without(
    events: pl.DataFrame, silent: pl.Expr, ledger: Ledger, whose: str, why: str
) -> pl.DataFrame:
    left = events.filter(silent.fill_null(False))
    _count(ledger, whose, why, left)
    return events.filter(silent.fill_null(False).not_())


def _count(ledger: Ledger, whose: str, why: str, left_out: pl.DataFrame) -> None:
    _note(ledger, f"events of a {whose} left out: {why}", left_out.height)


def _note(ledger: Ledger, what: str, count: int) -> None:
    ledger.note(ATTENDANCE, "attendance events", what, count)
