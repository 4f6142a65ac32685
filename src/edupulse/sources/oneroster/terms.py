"""Academic sessions as terms, and the days that a class lasts."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import TERMS
from edupulse.sources.oneroster.material import Material, exploded
from edupulse.sources.oneroster.tables import CLASSES, COURSES, LINE_ITEMS, SESSIONS

YEAR = "schoolyear"
_DEEPEST = 8


def sessions(material: Material) -> pl.DataFrame:
    """Sessions with `ends` as the last day, and `year_id`, `year_begins`, `year_ends`.

    The year is the session of type schoolYear above it (or itself); else, of the sessions of one
    `schoolYear`, the first and last day. OneRoster calls `endDate` exclusive and most exports mean
    the last day: it is taken as the last day, unless a session of the type begins on it.
    """
    rows = material.rows.whole(SESSIONS).with_columns(
        type=pl.col("type").str.to_lowercase(),
        first=pl.col("begins").str.head(10).str.to_date(strict=False),
        last=pl.col("ends").str.head(10).str.to_date(strict=False),
    )
    starts = rows.filter(~pl.col("deleted")).select("type", "first").unique()
    again = rows.join(starts, left_on=["type", "last"], right_on=["type", "first"], how="semi")
    exclusive = pl.col("id").is_in(again["id"].implode()) & (pl.col("last") > pl.col("first"))
    rows = rows.with_columns(
        last=pl.when(exclusive).then(pl.col("last").dt.offset_by("-1d")).otherwise("last")
    )
    return _with_years(_within_years(rows))


def _within_years(rows: pl.DataFrame) -> pl.DataFrame:
    """A session that names none above it is below the only school year that holds its days."""
    years = rows.filter(pl.col("type") == YEAR, ~pl.col("deleted"))
    lacking = rows.filter(pl.col("type") != YEAR, pl.col("parent_id").is_null())
    within = (
        lacking.select("id", "first", "last")
        .join(years.select(year="id", begins="first", ends="last"), how="cross")
        .filter(pl.col("first") >= pl.col("begins"), pl.col("last") <= pl.col("ends"))
        .group_by("id")
        .agg(pl.col("year").unique())
        .filter(pl.col("year").list.len() == 1)
        .select("id", above=pl.col("year").list.first())
    )
    return (
        rows.join(within, on="id", how="left", maintain_order="left")
        .with_columns(parent_id=pl.coalesce("parent_id", "above"))
        .drop("above")
    )


def _with_years(rows: pl.DataFrame) -> pl.DataFrame:
    above = rows.select("id", "parent_id", "type")
    at = rows.select("id", top="id", kind="type", parent="parent_id")
    for _ in range(_DEEPEST):
        climbing = (at["kind"] != YEAR) & at["parent"].is_not_null()
        if not climbing.any():
            break
        up = at.join(above, left_on="parent", right_on="id", how="left", maintain_order="left")
        found = climbing & up["type"].is_not_null()
        at = up.select(
            "id",
            top=pl.when(found).then("parent").otherwise("top"),
            kind=pl.when(found).then("type").otherwise("kind"),
            parent=pl.when(found).then("parent_id"),
        )
    years = rows.filter(pl.col("type") == YEAR).select(
        year_id="id", above_begins="first", above_ends="last", above_year="year"
    )
    tops = at.filter(pl.col("kind") == YEAR).select("id", year_id="top")
    return (
        rows.join(tops, on="id", how="left", maintain_order="left")
        .join(years, on="year_id", how="left", maintain_order="left")
        .with_columns(year=pl.coalesce("year", "above_year", _year_of("above_ends")))
        .with_columns(
            year_begins=pl.coalesce(
                "above_begins",
                pl.when(pl.col("year").is_not_null()).then(pl.col("first").min().over("year")),
            ),
            year_ends=pl.coalesce(
                "above_ends",
                pl.when(pl.col("year").is_not_null()).then(pl.col("last").max().over("year")),
            ),
        )
        .drop("above_begins", "above_ends", "above_year")
    )


def _year_of(ends: str) -> pl.Expr:
    return pl.col(ends).dt.year().cast(pl.String)


def class_days(material: Material) -> pl.DataFrame:
    """Of each class: its school, its one term if it has one, its days, and those of its year.

    The columns are `class_id`, `school_id`, `term_id`, `first`, `last`, `year_begins`, `year_ends`
    and `deleted`; days are null where no session is known.
    """
    classes = material.rows.whole(CLASSES)
    courses = material.rows.whole(COURSES).select(course_id="id", course_year="year_id")
    years = classes.join(courses, on="course_id", how="left", maintain_order="left")
    each = exploded(years, "term_ids", "session_id").with_columns(
        session=pl.coalesce("session_id", "course_year")
    )
    known = sessions(material).filter(~pl.col("deleted"))
    placed = each.join(
        known.select("first", "last", "year_begins", "year_ends", session="id"),
        on="session",
        how="left",
        maintain_order="left",
    )
    return (
        placed.group_by("id", maintain_order=True)
        .agg(
            pl.col("school_id", "deleted").first(),
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("year_begins").min(),
            pl.col("year_ends").max(),
            term_id=pl.when(pl.col("session_id").n_unique() == 1).then(
                pl.col("session_id").first()
            ),
        )
        .rename({"id": "class_id"})
    )


def terms(material: Material) -> Iterator[pl.DataFrame]:
    """The sessions of each school: of its classes and line items, and what is above and below.

    A session itself names no school. Course grades are taken as posted for all but whole years.
    """
    of_classes = exploded(material.rows.alive(CLASSES), "term_ids", "id_of").select(
        "school_id", id="id_of"
    )
    schools = material.rows.alive(CLASSES).select("school_id", class_id="id")
    of_items = (
        material.rows.alive(LINE_ITEMS)
        .join(schools, on="class_id")
        .select("school_id", id="term_id")
    )
    named = pl.concat([of_classes, of_items]).drop_nulls().unique()
    all_sessions = sessions(material)
    used = pl.concat([_with_below(named, all_sessions), _with_above(named, all_sessions)]).unique()
    lost = named.join(all_sessions.select("id"), on="id", how="anti")
    material.note(TERMS, "classes", "name an academic session that is not there", lost.height)
    unused = all_sessions.join(used, on="id", how="anti").filter(~pl.col("deleted"))
    material.note(
        TERMS, "academicSessions", "belong to no class of any school: left out", unused.height
    )
    yield (
        used.join(all_sessions, on="id")
        .sort("school_id", "id")
        .select(
            "school_id",
            "deleted",
            "file",
            "line",
            term_id="id",
            begins_on=pl.coalesce(pl.col("first").cast(pl.String), "begins"),
            ends_on=pl.coalesce(pl.col("last").cast(pl.String), "ends"),
            name="title",
            school_year="year",
            grading=pl.when(pl.col("type") == YEAR).then(pl.lit("false")).otherwise(pl.lit("true")),
        )
    )


def _with_above(used: pl.DataFrame, all_sessions: pl.DataFrame) -> pl.DataFrame:
    """Sessions of schools and all those above them."""
    for _ in range(_DEEPEST):
        above = used.join(all_sessions, on="id").select("school_id", id="parent_id").drop_nulls()
        used = pl.concat([used, above]).unique()
    return used


def _with_below(used: pl.DataFrame, all_sessions: pl.DataFrame) -> pl.DataFrame:
    """Sessions of schools and all those below them: the quarters of a class's year."""
    parents = all_sessions.select("parent_id", below="id").drop_nulls()
    for _ in range(_DEEPEST):
        below = used.join(parents, left_on="id", right_on="parent_id")
        used = pl.concat([used, below.select("school_id", id="below")]).unique()
    return used
