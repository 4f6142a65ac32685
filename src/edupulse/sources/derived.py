"""What an empty field means where that depends on the others: subjects, severities, fractions."""

from __future__ import annotations

import polars as pl

from edupulse.school.behaviors import severity_of_behavior
from edupulse.school.kind import Kind
from edupulse.school.records import SUBJECTS
from edupulse.school.subjects import subject_of_sced
from edupulse.sources.delivery import Ledger, batch_schema

_EMPTY_MEANS: dict[str, tuple[str, pl.Expr]] = {
    "sections": (
        "subject",
        subject_of_sced(pl.col("sced_code")).cast(pl.Enum(SUBJECTS)),
    ),
    "incidents": ("severity", severity_of_behavior(pl.col("behavior"))),
    "attendance": (
        "fraction",
        pl.when(pl.col("status").is_in(["present", "tardy"])).then(0).otherwise(1000),
    ),
    "marks": ("status", pl.when(pl.col("points").is_not_null()).then(pl.lit("scored"))),
}

_STILL_EMPTY = {
    "sections": "sections whose subject is unknown (no subject, no mapped sced_code)",
    "incidents": "incidents whose behavior the table does not have: their severity is unknown",
    "marks": "marks with neither points nor a status: their status is unknown",
}


def with_defaults(kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the batch schema of its kind: absent columns empty, defaults filled in."""
    defaults = {f.name: f.default for f in kind.fields if f.default is not None}
    schema = batch_schema(kind)
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None))
        .cast(dtype)
        .fill_null(pl.lit(defaults.get(name, False if name == "retracted" else None), dtype))
        .alias(name)
        for name, dtype in schema.items()
    )


def completed(kind: Kind, frame: pl.DataFrame, ledger: Ledger, file: str) -> pl.DataFrame:
    """The frame with such fields filled; what cannot be filled is counted, never guessed."""
    if kind.name not in _EMPTY_MEANS:
        return frame
    name, meaning = _EMPTY_MEANS[kind.name]
    if frame[name].null_count() == 0:
        return frame
    filled = frame.with_columns(pl.col(name).fill_null(meaning.cast(frame.schema[name])))
    if kind.name in _STILL_EMPTY:
        ledger.note(kind, file, _STILL_EMPTY[kind.name], filled[name].null_count())
    return filled
