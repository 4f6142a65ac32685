"""Schools, their scales and sections from Ed-Fi."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import SCALES
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words, code_expr
from edupulse.sources.edfi.keys import school_year, section_id
from edupulse.sources.edfi.spool import Spool

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


def scales(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """What letters are worth, as the district says: Ed-Fi has no scale."""
    rows = [
        {"school_id": school, "code": code, **said}
        for school in sorted(spool.live(resources.SCHOOL)["school"].drop_nulls().unique())
        for code, said in words.mapping.scale(school).items()
    ]
    ledger.count(SCALES, len(rows))
    schema = {name: pl.String for row in rows for name in row}
    yield pl.DataFrame(rows, schema=schema).with_columns(
        file=pl.lit(words.mapping.file), line=pl.lit(None, pl.Int64)
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
