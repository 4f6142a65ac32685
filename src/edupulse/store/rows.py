"""Between frames and table rows: words as positions, and a stand-in where a key part is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from edupulse.school.fields import Day, Field, Ref, Text, Word
from edupulse.school.kind import Kind

NO_KEY = 0
"""Stands for an unknown school in a natural key; real keys begin with 1."""
NO_TEXT = ""
NO_DAY = date(1, 1, 1)


def stand_in(of: Field) -> Any:
    """What a natural key holds where the field is unknown: SQL's null would equal nothing.

    None where the field is never unknown.
    """
    match of.type:
        case _ if of.required:
            return None
        case Ref():
            return NO_KEY
        case Text():
            return NO_TEXT
        case Day():
            return NO_DAY
        case _:
            return None


def key_stand_ins(kind: Kind) -> dict[str, Any]:
    """Column to stand-in, of the key parts of a kind that may be unknown."""
    parts = {kind.field(name).column: stand_in(kind.field(name)) for name in kind.key}
    return {column: value for column, value in parts.items() if value is not None}


def to_row(of: Field) -> pl.Expr:
    """A frame's column as the table holds it."""
    column = pl.col(of.column)
    if isinstance(of.type, Word):
        return column.to_physical().cast(pl.Int16).alias(of.column)
    return column


def row_values(kind: Kind) -> list[pl.Expr]:
    """All columns of a kind's frame as its table holds them, stand-ins in the key included."""
    unknown = key_stand_ins(kind)
    return [
        to_row(f).fill_null(unknown[f.column]) if f.column in unknown else to_row(f)
        for f in kind.fields
    ]


def frame_values(kind: Kind, fields: Sequence[Field] | None = None) -> list[pl.Expr]:
    """The columns of a table's rows as the kind's frame has them: all, or those of some fields."""
    unknown = key_stand_ins(kind)
    return [_from_row(f, unknown.get(f.column)) for f in fields or kind.fields]


def _from_row(of: Field, unknown: Any) -> pl.Expr:
    column = pl.col(of.column)
    if unknown is not None:
        column = pl.when(column != unknown).then(column)
    if isinstance(of.type, Word):
        return column.cat.to(pl.Enum(of.type.words)).alias(of.column)
    return column.cast(of.dtype).alias(of.column)
