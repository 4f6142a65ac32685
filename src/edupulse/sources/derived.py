"""What an empty field means where that depends on the others: subjects, severities, fractions."""

from __future__ import annotations

import polars as pl

from edupulse.school.behaviors import severity_of_behavior
from edupulse.school.kind import Kind
from edupulse.school.records import SUBJECTS
from edupulse.school.subjects import subject_of_sced
from edupulse.sources.delivery import Ledger

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
