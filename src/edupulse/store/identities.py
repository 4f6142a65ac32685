"""Our int32 keys for the district's own ids of students, schools, sections and staff."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from edupulse.store.district import District

_AT_ONCE = 50_000


def keys_of(
    connection: Connection, noun: str, local_ids: Sequence[str] | None = None
) -> pl.DataFrame:
    """Ids of a noun, those or all: `local_id` text, and its key in a column named after the noun.

    Those that are not there are left out.
    """
    return _found(connection, noun, "local_id", local_ids)


def ids_of(connection: Connection, noun: str, keys: Sequence[int]) -> pl.DataFrame:
    """The same by their keys."""
    return _found(connection, noun, noun, keys)


def _found(
    connection: Connection, noun: str, column: str, values: Sequence[object] | None
) -> pl.DataFrame:
    query = SQL("SELECT local_id, {key} FROM {table} WHERE {which}").format(
        key=Identifier(noun),
        table=Identifier("identity", noun),
        which=SQL("true") if values is None else SQL("{} = ANY(%s)").format(Identifier(column)),
    )
    asked = () if values is None else (list(values),)
    return _frame(noun, connection.execute(query, asked).fetchall())


def intern(
    connection: Connection, noun: str, local_ids: pl.Series, district: District
) -> pl.DataFrame:
    """Give keys to ids that have none, in the order of the ids; returns the new ones as `keys_of`.

    An id that has a key already is left out.
    """
    wanted = local_ids.drop_nulls().unique().sort().to_list()
    made: list[tuple[str, int]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        made += _inserted(connection, noun, wanted[start : start + _AT_ONCE], district)
    return _frame(noun, made)


def _inserted(
    connection: Connection, noun: str, ids: list[str], district: District
) -> list[tuple[str, int]]:
    query = SQL(_INSERT_STUDENTS if noun == "student" else _INSERT).format(
        key=Identifier(noun), table=Identifier("identity", noun)
    )
    arguments: list[object] = [ids]
    if noun == "student":
        arguments.append([district.student_id(local_id) for local_id in ids])
    return [(row[0], row[1]) for row in connection.execute(query, arguments).fetchall()]


_INSERT = """
    INSERT INTO {table} (local_id) SELECT unnest(%s::text[])
    ON CONFLICT (local_id) DO NOTHING RETURNING local_id, {key}
"""
_INSERT_STUDENTS = """
    INSERT INTO {table} (local_id, student_id) SELECT * FROM unnest(%s::text[], %s::uuid[])
    ON CONFLICT (local_id) DO NOTHING RETURNING local_id, {key}
"""


def _frame(noun: str, rows: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"local_id": pl.String, noun: pl.Int32}, orient="row")
