"""Schools, their days and scales, and their sections from OneRoster."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import SCALES, SCHOOLS, SECTIONS
from edupulse.school.subjects import subject_of_sced
from edupulse.sources.oneroster.material import Material, exploded
from edupulse.sources.oneroster.tables import CLASSES, COURSES, ORGS, SCORE_SCALES
from edupulse.sources.oneroster.terms import class_days

_SCED = r"^\d{5}"
_PAIR = r"\{\s*([^{}:]+?)\s*:\s*([^{}:]+?)\s*\}"


def schools(material: Material) -> Iterator[pl.DataFrame]:
    """Orgs of the type school; what a school records at all only the district can say."""
    orgs = material.rows.whole(ORGS)
    found = orgs.filter(pl.col("type").str.to_lowercase() == "school")
    material.note(SCHOOLS, "orgs", "are no schools: not read", orgs.height - found.height)
    ids = found["id"].drop_nulls().unique().to_list()
    said = [{"school_id": school, **material.words.mapping.school(school)} for school in ids]
    silent = sum(len(row) == 1 for row in said)
    material.note(
        SCHOOLS, "orgs", "schools of which the mapping says nothing under [schools]", silent
    )
    schema = {"school_id": pl.String(), **{name: pl.String() for row in said for name in row}}
    yield (
        found.rename({"id": "school_id"})
        .select("school_id", "name", "deleted", "file", "line")
        .join(pl.DataFrame(said, schema=schema), on="school_id", how="left", maintain_order="left")
    )


def calendar(material: Material) -> Iterator[pl.DataFrame]:
    """The days that the mapping lists for each school: OneRoster has none."""
    mapping = material.words.mapping
    rows = [
        (school, str(day), str(held).lower(), mapping.file, 0)
        for school in _schools(material)
        for day, held in sorted(mapping.school_days(school).items())
    ]
    columns = ["school_id", "date", "instructional", "file", "line"]
    schema = dict(zip(columns, [*[pl.String()] * 4, pl.Int64()], strict=True))
    yield pl.DataFrame(rows, schema=schema, orient="row")


def scales(material: Material) -> Iterator[pl.DataFrame]:
    """What a letter is worth: by the mapping, and by score scales (1.2) that tell percents."""
    mapping = material.words.mapping
    columns = ("percent", "gpa_points", "passing")
    said = [
        (school, code, *(row.get(name) for name in columns), mapping.file, 0)
        for school in _schools(material)
        for code, row in sorted(mapping.scale(school).items())
    ]
    schema = {
        **dict.fromkeys(("school_id", "code", *columns, "file"), pl.String()),
        "line": pl.Int64(),
    }
    by_mapping = pl.DataFrame(said, schema=schema, orient="row")
    yield by_mapping
    shared = percents(material).filter(pl.col("school_id").is_in(_schools(material)))
    one = shared.group_by("school_id", "code", maintain_order=True).agg(
        pl.col("percent").first(),
        pl.col("file", "line").first(),
        differing=pl.col("percent").n_unique() > 1,
    )
    material.note(
        SCALES,
        "scoreScales",
        "codes that scales of one school differ on: left out",
        int(one["differing"].sum()),
    )
    yield (
        one.filter(~pl.col("differing"))
        .drop("differing")
        .join(by_mapping, on=["school_id", "code"], how="anti")
    )


def percents(material: Material) -> pl.DataFrame:
    """Each code of the score scales that tell percents: `scale_id`, `school_id`, `code`, `percent`.

    A code that stands for a range has no one percent and is left out.
    """
    scales = material.rows.alive(SCORE_SCALES)
    words = material.words.of("score_scales", scales["type"])
    mine = scales.filter(words == "percent")
    pairs = mine.with_columns(pair=pl.col("values").str.extract_all(_PAIR)).explode(
        "pair", empty_as_null=True
    )
    split = pairs.with_columns(
        pl.col("pair").str.extract_groups(_PAIR).struct.rename_fields(["code", "percent"])
    ).unnest("pair")
    number = pl.col("percent").cast(pl.Float64, strict=False)
    places = class_days(material).select("class_id", at="school_id")
    return (
        split.filter(number.is_between(0, 200))
        .join(places, on="class_id", how="left", maintain_order="left")
        .select(
            "code",
            "percent",
            "file",
            "line",
            scale_id="id",
            school_id=pl.coalesce("at", "org_id"),
        )
    )


def _schools(material: Material) -> list[str]:
    orgs = material.rows.alive(ORGS)
    mine = orgs.filter(pl.col("type").str.to_lowercase() == "school")
    return sorted(mine["id"].drop_nulls().unique().to_list())


def sections(material: Material) -> Iterator[pl.DataFrame]:
    """Classes, homerooms left out; the subject by SCED code, else by the names of its subjects."""
    rows = material.rows.whole(CLASSES)
    classes = rows.filter((pl.col("type").str.to_lowercase() != "homeroom").fill_null(value=True))
    material.note(SECTIONS, "classes", "are homerooms: no course", rows.height - classes.height)
    days = class_days(material).select("term_id", "class_id")
    courses = _subjects_of(material.rows.whole(COURSES)).select(
        "code", course_id="id", course="title", course_sced="sced", course_subject="subject"
    )
    both = (
        _subjects_of(classes)
        .join(courses, on="course_id", how="left", maintain_order="left")
        .join(days, left_on="id", right_on="class_id", how="left", maintain_order="left")
        .with_columns(sced=pl.coalesce("sced", "course_sced"))
    )
    # A course code is looked at, but not counted as unmapped: most are names of one district.
    found = {code: material.words.word("subjects", code) for code in both["code"].drop_nulls()}
    by_code = both["code"].replace_strict(found, default=None, return_dtype=pl.String)
    said = both.with_columns(
        by_code=by_code,
        asked=pl.when(pl.col("sced").is_null() & by_code.is_null()).then(
            pl.coalesce("subject", "course_subject")
        ),
    )
    word = material.words.of("subjects", said["asked"])
    yield said.select(
        "school_id",
        "term_id",
        "deleted",
        "file",
        "line",
        section_id="id",
        title=pl.coalesce("course", "title"),
        subject=pl.coalesce("by_code", word),
        sced_code="sced",
    )


def _subjects_of(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `sced`, where all SCED codes are of one subject, and `subject` as named."""
    codes = exploded(rows.select("id", "subject_codes"), "subject_codes", "sced").filter(
        pl.col("sced").str.contains(_SCED)
    )
    one = codes.group_by("id").agg(
        pl.when(subject_of_sced(pl.col("sced")).n_unique() == 1).then(pl.col("sced").min())
    )
    return rows.join(one, on="id", how="left", maintain_order="left").with_columns(
        subject=pl.col("subjects")
    )
