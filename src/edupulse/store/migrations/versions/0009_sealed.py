"""Names and contacts sealed with the district's keys; hashes of them keyed; people found by index.

Rows that are there are sealed here, into new files of their tables. Where there are any, the way
down is closed: a keyed hash does not lead back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from alembic import op
from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier
from sqlalchemy import Boolean, CheckConstraint, Column, LargeBinary, PrimaryKeyConstraint

from edupulse.school.errors import Refused
from edupulse.store import sealing
from edupulse.store.connection import driver_of

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

AT_ONCE = 20_000

SEALED: dict[tuple[str, str], tuple[list[str], list[str], list[str]]] = {
    ("records", "students"): (["student"], ["first_name", "last_name"], []),
    ("apart", "guardians"): (["student", "guardian_id"], ["name", "email", "phone"], ["email"]),
    ("records", "staff"): (["staff", "school"], ["name", "email", "login"], ["email", "login"]),
}
"""Kind to its key, what is sealed of it, and by what people are found."""

NAMES = """
CREATE VIEW access.names WITH (security_barrier) AS
SELECT i.student, i.student_id, i.local_id, s.first_name, s.last_name, s.birth_date
FROM identity.student i
LEFT JOIN records.students s ON s.student = i.student AND NOT s.retracted
WHERE (SELECT access.everyone('names')) OR i.student IN (SELECT access.students('names'));
"""


def upgrade() -> None:
    op.create_table(
        "index_key",
        Column("single", Boolean(), server_default="true", nullable=False),
        Column("sealed", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("single", name="index_key_pkey"),
        CheckConstraint("single", name=op.f("index_key_single_check")),
        schema="identity",
    )
    op.execute("DROP VIEW access.names")
    connection = driver_of(op.get_bind())
    for schema, kind in SEALED:
        for table in (kind, f"{kind}_past"):
            _seal(connection, schema, kind, table)
    op.execute(NAMES)


def downgrade() -> None:
    connection = driver_of(op.get_bind())
    if any(_has_rows(connection, schema, kind) for schema, kind in SEALED):
        raise Refused(
            "Names that are sealed are not unsealed by going back.",
            "Restore a backup that was made before.",
        )
    op.execute("DROP VIEW access.names")
    for (schema, kind), (_, sealed, sought) in SEALED.items():
        for table in (kind, f"{kind}_past"):
            for column in sealed:
                _retype(schema, table, column, "text")
            for column in sought:
                op.drop_column(table, f"{column}_index", schema=schema)
    op.execute(NAMES)
    op.drop_table("index_key", schema="identity")


def _seal(connection: Connection, schema: str, kind: str, table: str) -> None:
    """Make the table one of sealed values, and what it holds as well."""
    _, sealed, sought = SEALED[schema, kind]
    where = Identifier(schema, table)
    filled = _has_rows(connection, schema, table)
    if filled:
        _set_aside(connection, schema, kind, where)
        # The new file of an emptied table holds nothing of the old one.
        connection.execute(SQL("TRUNCATE {}").format(where))
    for column in sealed:
        _retype(schema, table, column, "bytea")
    for column in sought:
        op.add_column(table, Column(f"{column}_index", LargeBinary()), schema=schema)
        if table == kind:
            op.create_index(f"{kind}_{column}_index_index", table, [f"{column}_index"],
                            schema=schema)  # fmt: skip
    if filled:
        columns = _listed(_names(connection, Identifier("pg_temp", "aside")))
        connection.execute(
            SQL("INSERT INTO {} ({}) SELECT {} FROM pg_temp.aside").format(where, columns, columns)
        )
        connection.execute("DROP TABLE pg_temp.aside, pg_temp.sealing")


def _retype(schema: str, table: str, column: str, to: str) -> None:
    op.execute(f"ALTER TABLE {schema}.{table} ALTER COLUMN {column} TYPE {to} USING NULL::{to}")


def _set_aside(connection: Connection, schema: str, kind: str, where: Identifier) -> None:
    """The table `aside`: the rows with what is sealed of them, and their hashes keyed."""
    _, sealed, sought = SEALED[schema, kind]
    new = [*sealed, *(f"{column}_index" for column in sought)]
    kinds = SQL(", ").join(SQL("{} bytea").format(Identifier(name)) for name in new)
    connection.execute(
        SQL("CREATE TEMP TABLE sealing (row tid, hash bigint, {}) ON COMMIT DROP").format(kinds)
    )
    listed = _listed(["row", "hash", *new])
    key = sealing.index_key(connection)
    for rows in _batches(connection, schema, kind, where):
        made = _made(schema, kind, rows, key).select("row", "hash", *new)
        copy = SQL("COPY pg_temp.sealing ({}) FROM STDIN (FORMAT csv)").format(listed)
        with connection.cursor() as cursor, cursor.copy(copy) as sink:
            sink.write(made.write_csv(include_header=False).encode())
    kept = [name for name in _names(connection, where) if name not in (*sealed, "hash")]
    connection.execute(
        SQL(
            "CREATE TEMP TABLE aside ON COMMIT DROP AS SELECT {}, {}"
            " FROM {} t JOIN pg_temp.sealing s ON s.row = t.ctid"
        ).format(_listed(kept, "t"), _listed(["hash", *new], "s"), where)
    )


def _batches(
    connection: Connection, schema: str, kind: str, where: Identifier
) -> Iterator[pl.DataFrame]:
    key, sealed, _ = SEALED[schema, kind]
    columns = SQL("SELECT ctid::text, hash, {} FROM {}").format(_listed([*key, *sealed]), where)
    named: dict[str, Any] = {
        "row": pl.String(),
        "hash": pl.Int64(),
        **{name: pl.String() if name == "guardian_id" else pl.Int32() for name in key},
        **dict.fromkeys(sealed, pl.String()),
    }
    with connection.cursor("plain") as cursor:
        cursor.execute(columns)
        while rows := cursor.fetchmany(AT_ONCE):
            yield pl.DataFrame(rows, schema=named, orient="row")


def _made(schema: str, kind: str, rows: pl.DataFrame, index_key: bytes) -> pl.DataFrame:
    key, sealed, sought = SEALED[schema, kind]
    place = sealing.places(kind, key, rows)
    return rows.with_columns(
        *(sealing.seal(rows[column], place) for column in sealed),
        *(sealing.index(kind, rows[column], index_key) for column in sought),
        sealing.keyed_hash(rows["hash"], place, index_key),
    )


def _has_rows(connection: Connection, schema: str, table: str) -> bool:
    query = SQL("SELECT 1 FROM {} LIMIT 1").format(Identifier(schema, table))
    return connection.execute(query).fetchone() is not None


def _names(connection: Connection, table: Identifier) -> list[str]:
    found = connection.execute(SQL("SELECT * FROM {} LIMIT 0").format(table))
    return [column.name for column in found.description or ()]


def _listed(columns: list[str], of: str | None = None) -> Composable:
    return SQL(", ").join(
        Identifier(of, column) if of else Identifier(column) for column in columns
    )
