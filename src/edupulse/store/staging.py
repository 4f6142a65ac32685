"""Brings frames of versions into a temporary table by COPY, as fast as the server reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier

from edupulse.school.kind import Kind
from edupulse.store.content import content_hash
from edupulse.store.rows import row_values
from edupulse.store.sealing import index_key, sealed
from edupulse.store.tables import index_column, schema_of, stored_key

ARRIVING = ("known_from", "retracted", "defaulted")
"""What a frame of arriving versions has beside the kind's schema (no nulls).

`defaulted`: the source did not say when it knew; `known_from` is the default for a history.
"""

STAGED = Identifier("pg_temp", "staged")


@dataclass(frozen=True)
class Names:
    """The identifiers of one kind's tables and columns, ready for SQL."""

    kind: Kind

    @property
    def current(self) -> Identifier:
        """The table of current versions."""
        return Identifier(schema_of(self.kind), self.kind.name)

    @property
    def past(self) -> Identifier:
        """The table of superseded versions."""
        return Identifier(schema_of(self.kind), f"{self.kind.name}_past")

    @property
    def key(self) -> Composable:
        """The natural key's columns."""
        return _listed(stored_key(self.kind))

    @property
    def key_name(self) -> Identifier:
        """The name of the current table's primary key."""
        return Identifier(f"{self.kind.name}_pkey")

    @property
    def columns(self) -> Composable:
        """All columns of a version, without `known_until`."""
        return _listed([*self.record_columns, "known_from", "retracted", "hash"])

    @property
    def record(self) -> Composable:
        """The columns of the record itself."""
        return _listed(self.record_columns)

    @property
    def record_columns(self) -> list[str]:
        """The names of the record's columns, the key first."""
        indexes = (index_column(column) for column in self.kind.sought)
        return [*stored_key(self.kind), *self.kind.content_columns, *indexes]

    def same_key(self, left: str, right: str) -> Composable:
        """The condition that two rows are versions of one record."""
        one, other = Identifier(left), Identifier(right)
        return SQL(" AND ").join(
            SQL("{}.{} = {}.{}").format(one, Identifier(column), other, Identifier(column))
            for column in stored_key(self.kind)
        )


def _listed(columns: Iterable[str]) -> Composable:
    return SQL(", ").join(Identifier(column) for column in columns)


@dataclass
class Staged:
    """What was staged: how many rows, and how many of them without a knowledge date."""

    rows: int = 0
    defaulted: int = 0


def stage(connection: Connection, kind: Kind, frames: Iterable[pl.DataFrame]) -> Staged:
    """Fill the temporary table `staged` with versions of one kind.

    Each frame has the kind's schema and ARRIVING. The table replaces an earlier one and goes with
    the transaction.
    """
    names, done = Names(kind), Staged()
    connection.execute("DROP TABLE IF EXISTS pg_temp.staged CASCADE")
    connection.execute(
        SQL("CREATE TEMP TABLE staged (LIKE {}) ON COMMIT DROP").format(names.current)
    )
    connection.execute("ALTER TABLE pg_temp.staged ADD defaulted boolean NOT NULL")
    copy = SQL("COPY {} ({}, defaulted) FROM STDIN (FORMAT csv)").format(STAGED, names.columns)
    key = index_key(connection) if kind.sealed else None
    for frame in frames:
        # One COPY a frame: making the next frame may ask the same connection something.
        with connection.cursor() as cursor, cursor.copy(copy) as sink:
            sink.write(_as_csv(names, frame, key))
        done.rows += frame.height
        done.defaulted += int(frame["defaulted"].sum())
    return done


def _as_csv(names: Names, frame: pl.DataFrame, key: bytes | None) -> bytes:
    hashes = content_hash(names.kind, frame)
    rows = frame.select(*row_values(names.kind), *ARRIVING).with_columns(hashes)
    if key is not None:
        rows = sealed(names.kind, rows, key)
    ordered = rows.select(*names.record_columns, "known_from", "retracted", "hash", "defaulted")
    written: bytes = ordered.write_csv(
        include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.6f+00"
    ).encode()
    return written
