"""Several kinds of record in one question: each field in one of a few columns that all share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from psycopg.sql import SQL, Composable, Identifier, Literal

from edupulse.school.fields import Day, Field, Flag, Text, Word
from edupulse.school.kind import VERSION_COLUMNS, Kind
from edupulse.school.records import KINDS
from edupulse.store.rows import key_stand_ins
from edupulse.store.tables import schema_of

_KINDS = {kind.name: kind for kind in KINDS}
_VERSION = tuple(VERSION_COLUMNS)

_BRANCH = """
    SELECT {number}{columns}, known_from, NULL::timestamptz AS known_until,
        retracted
    FROM {current} WHERE {{which}} AND {{of_current}}
    UNION ALL
    SELECT {number}{columns}, known_from, known_until, retracted
    FROM {past} WHERE {{which}} AND {{of_past}}
"""


class Shared(NamedTuple):
    """Where a field is in the rows, its column in the kind's frame, and its type if it is words."""

    at: str
    column: str
    words: pl.DataType | None


@dataclass(frozen=True)
class Union:
    """The question for all versions of some kinds, and how its rows become their frames.

    `columns` are where each kind's fields are, in the kind's order; `empty` the frames of kinds
    without any record.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[Shared, ...], ...]
    empty: tuple[pl.DataFrame, ...]
    text: str

    def query(self, which: str, of_current: str, of_past: str) -> str:
        """With the conditions on records, on their current and on their superseded versions."""
        return self.text.format(which=which, of_current=of_current, of_past=of_past)

    def frames(self, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Each kind's frame by name, with its `version_schema` but for what is sealed."""
        bounds = [0, rows.height]
        if len(self.names) > 1:
            numbers = np.arange(len(self.names) + 1)
            bounds = np.searchsorted(rows["kind"].to_numpy(), numbers).tolist()
        spans = pairwise(bounds)
        return {
            name: _frame(columns, rows[begin:stop]) if begin < stop else empty
            for name, columns, empty, (begin, stop) in zip(
                self.names, self.columns, self.empty, spans, strict=True
            )
        }


def union_of(kinds: tuple[Kind, ...]) -> Union:
    """The question for these kinds."""
    return _union_of(tuple(kind.name for kind in kinds))


@cache
def _union_of(names: tuple[str, ...]) -> Union:
    kinds = tuple(_KINDS[name] for name in names)
    shared = tuple(_shared(kind) for kind in kinds)
    every = sorted({column for columns in shared for column in columns})
    branches = [
        _branch(kind, f"{number}::smallint AS kind, " if len(kinds) > 1 else "", columns, every)
        for number, (kind, columns) in enumerate(zip(kinds, shared, strict=True))
    ]
    empty = tuple(map(_empty, kinds))
    columns = tuple(tuple(_place(at, field) for at, field in fields.items()) for fields in shared)
    return Union(names, columns, empty, "UNION ALL".join(branches))


def _place(at: str, field: Field) -> Shared:
    return Shared(at, field.column, field.dtype if isinstance(field.type, Word) else None)


def open_fields(kind: Kind) -> list[Field]:
    """The fields that are not sealed."""
    return [field for field in kind.fields if field.column not in kind.sealed]


def _shared(kind: Kind) -> dict[str, Field]:
    """Column to field: the first date of every kind is in one column, the second in another …"""
    so_far: Counter[str] = Counter()
    columns = {}
    for field in open_fields(kind):
        of = _type(field)
        so_far[of] += 1
        columns[f"{of}_{so_far[of]}"] = field
    return columns


def _type(of: Field) -> str:
    match of.type:
        case Text():
            return "text"
        case Day():
            return "date"
        case Flag():
            return "boolean"
        case Word():
            return "smallint"
        case _:
            return "integer"


def _branch(kind: Kind, number: str, columns: dict[str, Field], every: list[str]) -> str:
    values = SQL(", ").join(
        SQL("{}::{} AS {}").format(
            _value(kind, columns.get(column)), SQL(column.partition("_")[0]), Identifier(column)
        )
        for column in every
    )
    schema = schema_of(kind)
    return _BRANCH.format(
        number=number,
        columns=values.as_string(),
        current=Identifier(schema, kind.name).as_string(),
        past=Identifier(schema, f"{kind.name}_past").as_string(),
    )


def _value(kind: Kind, field: Field | None) -> Composable:
    if field is None:
        return SQL("NULL")
    unknown = key_stand_ins(kind).get(field.column)
    column = Identifier(field.column)
    return column if unknown is None else SQL("nullif({}, {})").format(column, Literal(unknown))


def _frame(columns: tuple[Shared, ...], rows: pl.DataFrame) -> pl.DataFrame:
    own = [_column(rows[at], column, words) for at, column, words in columns]
    return pl.DataFrame([*own, *(rows[column] for column in _VERSION)])


def _empty(kind: Kind) -> pl.DataFrame:
    own = {field.column: field.dtype for field in open_fields(kind)}
    return pl.DataFrame(schema={**own, **VERSION_COLUMNS})


def _column(found: pl.Series, name: str, words: pl.DataType | None) -> pl.Series:
    return (found if words is None else found.cat.to(words)).alias(name)
