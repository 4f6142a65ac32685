"""Attendance as some vendors add it to OneRoster: rows of whole days, or of classes and periods."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import ATTENDANCE
from edupulse.sources.oneroster.enrollments import known_at, placed
from edupulse.sources.oneroster.material import Material
from edupulse.sources.oneroster.reading import in_time
from edupulse.sources.oneroster.tables import ATTENDED, ENROLLED
from edupulse.sources.words import IGNORE, PARTIAL

DAY = ["student_id", "school_id", "date"]
ABSENCES = ("excused", "unexcused", "absent")

_NO_WORD = "a status that no table has"
_HOW_MUCH = "a part of a day, and no fraction above 0 and below 1 says how much"
_SCHEDULE = "absent from a class or period, and how many the student had that day is unknown"


def attendance(material: Material) -> Iterator[pl.DataFrame]:
    """Of each student, school, day and status one row.

    Absences from classes or periods are the part missed of those that the student had that day: in
    a school that records all, of the rows of that day; else of the classes enrolled in.
    """
    parts = material.rows.parts(ATTENDED)
    if material.rows.files(ATTENDED) > 1:
        parts = iter([pl.concat(parts)])
    of_classes = []
    for part in parts:
        kept = _said(material, part)
        by_class = pl.col("class_id").is_not_null() | pl.col("period").is_not_null()
        yield _of_days(material, kept.filter(~by_class))
        of_classes.append(kept.filter(by_class))
    if any(rows.height for rows in of_classes):
        yield _of_classes(material, pl.concat(of_classes))


def _said(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    said = rows.with_columns(
        word=material.words.of("attendance", rows["said"]),
        date=pl.when(pl.col("date").str.contains(r"^\d{4}-\d{2}-\d{2}[T ]"))
        .then(pl.col("date").str.head(10))
        .otherwise("date"),
    )
    ignored = (said["word"] == IGNORE).fill_null(value=False)
    material.note(ATTENDANCE, "attendance", "a status to be ignored", int(ignored.sum()))
    return said.filter(~ignored)


def _of_days(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of whole days; one that a later version of it calls otherwise is retracted then."""
    part = pl.col("word") == PARTIAL
    fraction = pl.col("fraction").cast(pl.Float64, strict=False)
    lost = part & ~((fraction > 0) & (fraction < 1)).fill_null(value=False)
    status = pl.when(part).then(pl.lit("absent")).otherwise("word")
    typed = rows.with_columns(status=status, lost=lost)
    all_rows = pl.concat([typed, _superseded(typed)])
    unmapped = pl.col("word").is_null()
    return all_rows.select(
        *DAY,
        "status",
        "reason",
        "deleted",
        "file",
        "line",
        fraction=pl.when(pl.col("status").is_in(ABSENCES)).then("fraction"),
        known_at=known_at(material),
        wrong_field=pl.when(unmapped).then(pl.lit("status")).when("lost").then(pl.lit("fraction")),
        wrong=pl.when(unmapped).then(pl.lit(_NO_WORD)).when("lost").then(pl.lit(_HOW_MUCH)),
    )


def _superseded(rows: pl.DataFrame) -> pl.DataFrame:
    """Retractions of rows of which a later one with their id tells another day or status."""
    named = rows.filter(pl.col("id").is_not_null())
    if not named["id"].is_duplicated().any():
        return rows.clear()
    order = in_time(named, [*DAY, "status", "fraction", "reason"])
    what = pl.struct(*DAY, "status")
    after = pl.col("id").shift(-1) == pl.col("id")
    differs = (after & (what.shift(-1) != what)).fill_null(value=False)
    told = order.with_columns(modified=pl.col("modified").shift(-1)).filter(differs)
    return told.with_columns(deleted=pl.lit(True)).select(rows.columns)


def _of_classes(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of classes and periods, as one row a student, day and status."""
    named = rows.filter(pl.col("id").is_not_null())
    order = in_time(named, [*DAY, "class_id", "period", "said", "fraction", "reason"])
    last = order.unique("id", keep="last", maintain_order=True).select(rows.columns)
    standing = pl.concat([last, rows.filter(pl.col("id").is_null())]).filter(~pl.col("deleted"))
    unmapped = standing.filter(pl.col("word").is_null())
    status = pl.when(pl.col("word") == PARTIAL).then(pl.lit("tardy")).otherwise("word")
    good = standing.filter(pl.col("word").is_not_null()).with_columns(status=status)
    slot = pl.struct("class_id", "period")
    had = _had(material, good)
    told = (
        good.sort("file", "line")
        .group_by(*DAY, "status", maintain_order=True)
        .agg(
            slot.n_unique().alias("slots"),
            pl.col("file", "line").first(),
            pl.col("reason").drop_nulls().unique().sort().str.join("; ").replace("", None),
        )
        .join(had, on=DAY, how="left", maintain_order="left")
    )
    absent = pl.col("status").is_in(ABSENCES)
    told = told.filter((pl.col("status") != "present") | ~absent.any().over(DAY))
    material.note(
        ATTENDANCE,
        "attendance",
        "rows of classes or periods told by one record a day and status",
        good.height - told.height,
    )
    lost = absent & ~(pl.col("had") >= pl.col("slots")).fill_null(value=False)
    part = (pl.col("slots") / pl.col("had")).round(3).cast(pl.String)
    days = told.select(
        *DAY,
        "status",
        "reason",
        "file",
        "line",
        fraction=pl.when(absent & ~lost).then(part),
        wrong_field=pl.when(lost).then(pl.lit("fraction")),
        wrong=pl.when(lost).then(pl.lit(_SCHEDULE)),
    )
    bad = unmapped.select("file", "line", wrong_field=pl.lit("status"), wrong=pl.lit(_NO_WORD))
    return pl.concat([days, bad], how="diagonal")


def _had(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    """How many classes or periods each student had on each day: DAY and `had`."""
    mapping = material.words.mapping
    schools = rows["school_id"].drop_nulls().unique().to_list()
    records_all = [s for s in schools if mapping.school(s).get("attendance_recording") == "all"]
    whole = pl.col("school_id").is_in(records_all)
    counted = rows.filter(whole).group_by(DAY).agg(had=pl.struct("class_id", "period").n_unique())
    asked = rows.filter(~whole, pl.col("class_id").is_not_null()).select(DAY).unique()
    if not asked.height or not material.rows.has(ENROLLED):
        return counted
    classes = placed(material).filter(pl.col("role") == "student", ~pl.col("deleted"))
    day = pl.col("date").str.to_date(strict=False)
    until = pl.coalesce("ended", "last")
    enrolled = (
        asked.join(
            classes.select("class_id", "begun", "ended", "last", "school_id", student_id="user_id"),
            on=["student_id", "school_id"],
        )
        .filter(pl.col("begun") <= day, until.is_null() | (day <= until))
        .group_by(DAY)
        .agg(had=pl.col("class_id").n_unique())
    )
    return pl.concat([counted, enrolled])
