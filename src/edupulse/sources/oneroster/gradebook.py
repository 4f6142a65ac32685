"""Marks and course grades from line items and results."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import MARKS
from edupulse.sources.oneroster.enrollments import known_at
from edupulse.sources.oneroster.material import Material
from edupulse.sources.oneroster.schools import percents
from edupulse.sources.oneroster.tables import CATEGORIES, LINE_ITEMS, RESULTS, SECTION_MARKS
from edupulse.sources.oneroster.terms import sessions
from edupulse.sources.oneroster.vocabulary import FINAL, PROGRESS
from edupulse.sources.words import IGNORE

_NO_ITEM = "no such line item in these files"
_NO_STATUS = "a score status that no table has"
_TOLD_BY_ID = "deleted, and no row of these files says whose it was"
_NO_DATE = "neither a date nor an academic session says when it was posted"


def marks(material: Material) -> Iterator[pl.DataFrame]:
    """Results of line items, but for those that are course grades, or that a district ignores."""
    items = _items(material)
    codes = percents(material).select("scale_id", text="code", of_scale="percent").unique()
    for part in _results(material):
        joined = part.join(items, on="item_id", how="left", maintain_order="left")
        mine = joined.filter(~_is(joined["word"], FINAL, PROGRESS, IGNORE))
        ignored = joined.filter(_is(joined["word"], IGNORE))
        material.note(MARKS, "results", "of a category to be ignored", ignored.height)
        yield _as_marks(material, mine, codes)


def _is(words: pl.Series, *wanted: str) -> pl.Series:
    return words.is_in(wanted).fill_null(value=False)


def _as_marks(material: Material, rows: pl.DataFrame, codes: pl.DataFrame) -> pl.DataFrame:
    """Records of marks; a code of a scale that tells percents is a mark out of 100."""
    said = rows.with_columns(word_said=material.words.of("results", rows["said"])).join(
        codes, on=["scale_id", "text"], how="left", maintain_order="left"
    )
    _tell(material, said)
    by_code = pl.col("score").is_null() & pl.col("of_scale").is_not_null()
    points = pl.when(by_code).then("of_scale").otherwise("score")
    unmapped = pl.col("said").is_not_null() & pl.col("word_said").is_null()
    wrong = (
        pl.when(pl.col("item_id").is_null() | pl.col("student_id").is_null())
        .then(pl.lit(_TOLD_BY_ID))
        .when(pl.col("class_id").is_null())
        .then(pl.lit(_NO_ITEM))
        .when(unmapped)
        .then(pl.lit(_NO_STATUS))
    )
    return said.select(
        "student_id",
        "category_weight",
        "file",
        "line",
        deleted=_DELETED,
        section_id="class_id",
        assignment_id="item_id",
        due_on="due",
        category="word",
        points=pl.when(~_UNFINISHED).then(points),
        points_possible=pl.when(by_code).then(pl.lit("100")).otherwise("most"),
        status=_status(points),
        known_at=_known_at(material),
        wrong=wrong,
        wrong_field=pl.when(wrong == _NO_STATUS)
        .then(pl.lit("status"))
        .when(wrong.is_not_null())
        .then(pl.lit("assignment_id")),
    )


_UNFINISHED = (pl.col("word_said") == IGNORE).fill_null(value=False)
"""Handed in, and not or only partly graded."""

_DELETED = pl.col("deleted") | pl.col("item_deleted").fill_null(value=False)
"""A result is gone with its line item."""


def _known_at(material: Material) -> pl.Expr:
    """A mark rests on the result and on its line item: it is known since the later of both."""
    if material.setting("dateLastModified") == IGNORE:
        return pl.lit(None, pl.String)
    return pl.max_horizontal("modified", "item_modified")


def _status(points: pl.Expr) -> pl.Expr:
    """Our word; null, where work was handed in and is not fully graded."""
    missing = _flag("missing")
    word = pl.when(missing).then(pl.lit("missing")).otherwise("word_said")
    scored = points.is_not_null() & (word.is_null() | (word == "scored"))
    return (
        pl.when(_UNFINISHED & ~missing)
        .then(None)
        .when(scored & _flag("late"))
        .then(pl.lit("late"))
        .when(scored)
        .then(pl.lit("scored"))
        .when(word != "scored")
        .then(word)
    )


def _tell(material: Material, said: pl.DataFrame) -> None:
    """Count what says less than a mark."""
    by_text = pl.col("score").is_null() & pl.col("text").is_not_null()
    for what, rows in (
        ("handed in and not (fully) graded: no points yet", _UNFINISHED),
        (
            "a textScore that no scale tells in percent: not observed",
            by_text & pl.col("of_scale").is_null(),
        ),
    ):
        material.note(MARKS, "results", what, said.filter(rows).height)


def _flag(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().is_in(["true", "1", "yes"]).fill_null(value=False)


def _items(material: Material) -> pl.DataFrame:
    """Line items with the word and weight of their category; deleted ones too, for late results."""
    categories = material.rows.whole(CATEGORIES)
    categories = categories.select(
        category_id="id",
        category_weight="weight",
        category_modified="modified",
        word=material.words.of("categories", categories["title"]),
    )
    items = material.rows.whole(LINE_ITEMS)
    due = pl.col("due").str.head(10)
    return items.join(categories, on="category_id", how="left", maintain_order="left").select(
        "class_id",
        "most",
        "term_id",
        "word",
        "category_weight",
        item_id="id",
        item_modified=pl.max_horizontal("modified", "category_modified"),
        item_deleted="deleted",
        due=due,
    )


def _results(material: Material) -> Iterator[pl.DataFrame]:
    """Results, part by part; a deleted one that says no more than its id with the rest of it."""
    bare = pl.DataFrame(schema={"id": pl.String(), "modified": pl.String()})
    if material.rows.files(RESULTS) > 1:
        nameless = (
            part.filter("deleted", pl.col("item_id").is_null()).select("id", "modified")
            for part in material.rows.parts(RESULTS)
        )
        bare = pl.concat([bare, *nameless])
    for part in material.rows.parts(RESULTS):
        if not bare.height:
            yield part
            continue
        told = part.filter(pl.col("item_id").is_not_null())
        gone = told.drop("modified").join(bare, on="id").with_columns(deleted=pl.lit(True))
        yield pl.concat([told, gone.select(told.columns)])


def course_grades(material: Material) -> Iterator[pl.DataFrame]:
    """Results of the categories that the district calls final or progress, and section marks."""
    items = _items(material)
    if items.filter(_is(items["word"], FINAL, PROGRESS)).height:
        for part in _results(material):
            joined = part.join(items, on="item_id", how="inner", maintain_order="left")
            yield _of_results(material, joined.filter(_is(joined["word"], FINAL, PROGRESS)))
    for part in material.rows.parts(SECTION_MARKS):
        yield _of_sections(material, part)


def _of_results(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("score").cast(pl.Float64, strict=False) / pl.col("most").cast(
        pl.Float64, strict=False
    )
    return rows.select(
        "student_id",
        "term_id",
        "file",
        "line",
        deleted=_DELETED,
        section_id="class_id",
        posted_on=pl.coalesce(pl.col("scored").str.head(10), "due"),
        percent=(100 * share).round(3).cast(pl.String),
        code="text",
        kind="word",
        known_at=_known_at(material),
    )


def _of_sections(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    """Grades of sections, as some vendors add them; posted on the last day of their session."""
    ends = sessions(material).select(term_id="id", ends=pl.col("last").cast(pl.String))
    joined = rows.join(ends, on="term_id", how="left", maintain_order="left")
    posted = pl.coalesce("posted", "ends")
    is_final = pl.col("final").str.to_lowercase()
    return joined.select(
        "student_id",
        "term_id",
        "percent",
        "code",
        "deleted",
        "file",
        "line",
        section_id="class_id",
        posted_on=posted,
        kind=pl.when(is_final.is_in(["no", "false", "0"]))
        .then(pl.lit(PROGRESS))
        .otherwise(pl.lit(FINAL)),
        known_at=known_at(material),
        wrong_field=pl.when(posted.is_null()).then(pl.lit("posted_on")),
        wrong=pl.when(posted.is_null()).then(pl.lit(_NO_DATE)),
    )
