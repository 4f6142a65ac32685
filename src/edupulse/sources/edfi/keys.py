"""Ids of ours, made of the several values by which Ed-Fi identifies a thing."""

from __future__ import annotations

from hashlib import sha256

import polars as pl

from edupulse.sources.edfi.resources import SECTION_KEY

LONGEST = 100
_DIGITS = 16


def joined(frame: pl.DataFrame, *names: str) -> pl.Series:
    """The values of some columns as one text of at most LONGEST characters; null if one is.

    What is longer is cut and ends in a part of its SHA-256, so it stays one to one.
    """
    whole = frame.select(pl.concat_str(names, separator="/")).to_series()
    if (whole.str.len_chars().max() or 0) <= LONGEST:  # type: ignore[operator]
        return whole
    distinct = whole.drop_nulls().unique().to_list()
    return whole.replace_strict({text: _short(text) for text in distinct}, return_dtype=pl.String)


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    digest = sha256(text.encode()).hexdigest()[:_DIGITS]
    return f"{text[: LONGEST - _DIGITS - 1]}~{digest}"


def section_id(frame: pl.DataFrame) -> pl.Series:
    """The section of each row, by what the Data Standard identifies it."""
    return joined(frame.with_columns(year=school_year(pl.col("year"))), *SECTION_KEY)


def school_year(year: pl.Expr) -> pl.Expr:
    """`2022` of `2021-2022`, as the XML writes it, or of `2022`."""
    return year.str.slice(-4)


def incident_id(frame: pl.DataFrame) -> pl.Series:
    """The incident of each row: its identifier is unique in its school alone."""
    return joined(frame, "school", "incident")


def term_id(frame: pl.DataFrame, year: str = "year") -> pl.Series:
    """The grading period of each row: by its name (Data Standard 5), else by its number (4)."""
    number = pl.concat_str(
        pl.col("period").str.replace(r"^.*#", ""), "period_sequence", separator=" "
    )
    made = frame.with_columns(
        pl.coalesce("period_name", number).alias("name"), school_year(pl.col(year)).alias("year")
    )
    return joined(made, "year", "name")
