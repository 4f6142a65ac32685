"""Several kinds of record in one question: each field in one of a few columns that all share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

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
    SELECT {number}::smallint AS kind, {columns}, known_from, NULL::timestamptz AS known_until,
        retracted
    FROM {current} WHERE {{which}} AND {{of_current}}
    UNION ALL
    SELECT {number}::smallint, {columns}, known_from, known_until, retracted
    FROM {past} WHERE {{which}} AND {{of_past}}
"""


@dataclass(frozen=True)
class Union:
    """The question for all versions of some kinds, and how its rows become their frames.

    `shared` are the columns of each kind's fields, in the kind's order; `empty` the frames of
    kinds without any record.
    """

    kinds: tuple[Kind, ...]
    shared: tuple[tuple[str, ...], ...]
    empty: tuple[pl.DataFrame, ...]
    text: str

    def query(self, which: str, of_current: str, of_past: str) -> str:
        """With the conditions on records, on their current and on their superseded versions."""
        return self.text.format(which=which, of_current=of_current, of_past=of_past)

    def frames(self, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Each kind's frame by name, with its `version_schema` but for what is sealed."""
        bounds = np.searchsorted(rows["kind"].to_numpy(), np.arange(len(self.kinds) + 1)).tolist()
        spans = pairwise(bounds)
        return {
            kind.name: _frame(kind, shared, rows[begin:stop]) if begin < stop else empty
            for kind, shared, empty, (begin, stop) in zip(
                self.kinds, self.shared, self.empty, spans, strict=True
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
        _branch(kind, number, columns, every)
        for number, (kind, columns) in enumerate(zip(kinds, shared, strict=True))
    ]
    empty = tuple(map(_empty, kinds))
    return Union(kinds, tuple(map(tuple, shared)), empty, "UNION ALL".join(branches))


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


def _branch(kind: Kind, number: int, columns: dict[str, Field], every: list[str]) -> str:
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


def _frame(kind: Kind, shared: tuple[str, ...], rows: pl.DataFrame) -> pl.DataFrame:
    named = zip(open_fields(kind), shared, strict=True)
    own = [_column(field, rows[column]) for field, column in named]
    return pl.DataFrame([*own, *(rows[column] for column in _VERSION)])


def _empty(kind: Kind) -> pl.DataFrame:
    own = {field.column: field.dtype for field in open_fields(kind)}
    return pl.DataFrame(schema={**own, **VERSION_COLUMNS})


def _column(field: Field, found: pl.Series) -> pl.Series:
    values = found.cat.to(field.dtype) if isinstance(field.type, Word) else found
    return values.alias(field.column)
