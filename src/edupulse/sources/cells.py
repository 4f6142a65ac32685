"""From the text of a cell to a value of its field's type; what does not parse becomes null."""

from __future__ import annotations

from datetime import date

import polars as pl

from edupulse.school.fields import Day, Field, FieldType, Flag, Milli, Ref, Text, Whole, Word

LONGEST_REF = 100
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_TIMESTAMP = (
    r"^(?<day>\d{4}-\d{2}-\d{2})[Tt ](?<hour>\d{2}:\d{2})(?<second>:\d{2}(?:\.\d{1,9})?)?"
    r" ?(?<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?$"
)


def trimmed(cells: pl.DataFrame) -> pl.DataFrame:
    """String columns without white space around their values; empty is null."""
    bare = pl.all().str.strip_chars()
    return cells.select(pl.when(bare != "").then(bare).name.keep())


def parsed(raw: pl.Series, as_type: FieldType) -> pl.Series:
    """Text as the type of a field; null where it does not parse or is out of range.

    Decimals are exact: thousandths, the further digits rounded half to even.
    """
    match as_type:
        case Text(longest):
            return _no_longer_than(raw, longest)
        case Ref():
            return _no_longer_than(raw, LONGEST_REF)
        case Day():
            return _dates(raw)
        case Flag():
            return _flags(raw)
        case Whole(low, high):
            return _in_range(raw.str.replace(r"\.0*$", "").cast(pl.Int32, strict=False), low, high)
        case Milli(low, high):
            return _in_range(_thousandths(raw), low * 1000, high * 1000)
        case Word(words):
            return _words(raw, words)


def expectation(field: Field) -> str:
    """What a cell of the field should look like, for the report of rejected rows."""
    match field.type:
        case Text(longest):
            return f"at most {longest} characters expected"
        case Ref():
            return f"an id of at most {LONGEST_REF} characters expected"
        case Day():
            return f"a date as 2026-03-16 expected, from {FIRST_DAY.year} to {LAST_DAY.year}"
        case Flag():
            return "true or false expected"
        case Whole(low, high):
            return f"a whole number from {low} to {high} expected"
        case Milli(low, high):
            return f"a number from {low:g} to {high:g} expected, with a decimal point"
        case Word(words):
            return f"one of {', '.join(words)} expected"


KNOWN_AT_EXPECTED = "a date as 2026-03-16 or a timestamp as 2026-03-16T14:05:00-06:00 expected"


def knowledge(raw: pl.Series) -> pl.DataFrame:
    """A `known_at` column as `known_at` (an offset was given) or else `known_local`.

    A bare date is the last microsecond of that day. Both are null where it does not parse.
    """
    distinct = raw.unique().to_frame("raw")
    parts = distinct.with_columns(
        pl.col("raw").str.extract_groups(_TIMESTAMP).struct.unnest(),
        bare=_dates(distinct["raw"]),
    )
    text = pl.col("day") + "T" + pl.col("hour") + pl.col("second").fill_null(":00")
    wall = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    wall = pl.when(wall.dt.date().is_between(FIRST_DAY, LAST_DAY)).then(wall)
    end_of_day = pl.col("bare").cast(pl.Datetime("us")).dt.offset_by("1d").dt.offset_by("-1us")
    table = parts.select(
        "raw",
        known_at=(wall - _offset(pl.col("offset"))).dt.replace_time_zone("UTC"),
        known_local=pl.when(pl.col("offset").is_null()).then(wall).fill_null(end_of_day),
    )
    return raw.to_frame("raw").join(table, on="raw", how="left", maintain_order="left").drop("raw")


def _offset(text: pl.Expr) -> pl.Expr:
    """Z, +05, +0530 or +05:30 as a duration; null where there is none or it is no offset."""
    digits = text.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0").cast(pl.Int32)
    minutes = digits // 100 * 60 + digits % 100
    signed = pl.when(text.str.starts_with("-")).then(-minutes).otherwise(minutes)
    return pl.duration(minutes=pl.when((minutes <= 14 * 60) & (digits % 100 < 60)).then(signed))


def _no_longer_than(raw: pl.Series, longest: int) -> pl.Series:
    if (raw.str.len_bytes().max() or 0) <= longest:  # type: ignore[operator]
        return raw
    return raw.set(raw.str.len_chars() > longest, None)


def _dates(raw: pl.Series) -> pl.Series:
    dates = raw.str.to_date("%Y-%m-%d", strict=False)
    # The parser takes `2024- 1- 5` too.
    odd = (raw.str.len_bytes() != 10) | raw.str.contains(" ", literal=True)
    return _in_range(dates.set(odd, None) if odd.any() else dates, FIRST_DAY, LAST_DAY)


def _flags(raw: pl.Series) -> pl.Series:
    words = pl.Series([*_TRUE, *_FALSE])
    values = pl.Series([True] * len(_TRUE) + [False] * len(_FALSE))
    return raw.str.to_lowercase().replace_strict(
        words, values, default=None, return_dtype=pl.Boolean
    )


def _thousandths(raw: pl.Series) -> pl.Series:
    exact = raw.cast(pl.Decimal(38, 3), strict=False).to_physical()
    return exact.cast(pl.Int32, strict=False)


def _in_range(values: pl.Series, low: object, high: object) -> pl.Series:
    least, most = values.min(), values.max()
    if least is None or (least >= low and most <= high):  # type: ignore[operator]
        return values
    return values.set(~values.is_between(low, high), None)  # type: ignore[arg-type]


def _words(raw: pl.Series, words: tuple[str, ...]) -> pl.Series:
    enum = pl.Enum(words)
    found = raw.cast(enum, strict=False)
    if found.null_count() == raw.null_count():
        return found
    return raw.str.to_lowercase().cast(enum, strict=False)
