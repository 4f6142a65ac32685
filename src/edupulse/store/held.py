"""What an import needs to see of the records that are there, inside its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier

from edupulse.school.kind import Kind
from edupulse.school.records import CALENDAR, COVERAGE, EXCLUSIONS, TERMS
from edupulse.store.rows import frame_values
from edupulse.store.sealing import unsealed
from edupulse.store.staging import STAGED, Names

SCOPE = {"key": pl.Int32(), "first": pl.Date(), "last": pl.Date()}
"""What a snapshot covers: for a school (or student, or member of staff) from day to day."""


def current(connection: Connection, kind: Kind) -> pl.DataFrame:
    """The current version of every record of a kind that is not retracted, with its `schema`."""
    query = SQL("SELECT {} FROM {} WHERE NOT retracted").format(_columns(kind), Names(kind).current)
    return _frame(kind, connection.execute(query).fetchall())


def current_of(
    connection: Connection, kind: Kind, column: str, keys: Sequence[int] | None
) -> pl.DataFrame:
    """The same, of those with these keys in a column alone; None: of all."""
    if keys is None:
        return current(connection, kind)
    query = SQL("SELECT {} FROM {} WHERE NOT retracted AND {} = ANY(%s)").format(
        _columns(kind), Names(kind).current, Identifier(column)
    )
    return _frame(kind, connection.execute(query, (list(keys),)).fetchall())


def enrolled_at(connection: Connection, students: Sequence[int] | None) -> pl.DataFrame:
    """Who, of these students or of all, is enrolled in which primary school when.

    Student, school_id (text), from day to day.
    """
    schema = {
        "student": pl.Int32(),
        "school_id": pl.String(),
        "entered_on": pl.Date(),
        "left_on": pl.Date(),
    }
    asked = None if students is None else list(students)
    rows = connection.execute(_ENROLLED, {"students": asked}).fetchall()
    return pl.DataFrame(rows, schema=schema, orient="row")


_ENROLLED = """
    SELECT e.student, s.local_id, e.entered_on, e.left_on
    FROM records.enrollments e JOIN identity.school s USING (school)
    WHERE NOT e.retracted AND e."primary"
        AND (%(students)s::integer[] IS NULL OR e.student = ANY(%(students)s))
"""


def snapshot_scope(kind: Kind) -> str | None:
    """Whose records of this kind a complete file tells us of: the column that says so.

    `school` (its own, its section's or its incident's), `student` or `staff`. None for kinds of
    which a file may well hold less than all: what is not there is then not gone.
    """
    if kind.name in ("guardians",):
        return "student"
    if kind.name in ("caseloads",):
        return "staff"
    if kind.name in ("scales", "staff") or snapshot_day(kind) is not None:
        return "school"
    return None


def snapshot_day(kind: Kind) -> str | None:
    """The day by which a record of this kind lies inside or outside of what a file covers."""
    others = {COVERAGE.name: "observed_from", CALENDAR.name: "date", TERMS.name: "begins_on"}
    return kind.occurred_on or others.get(kind.name)


def vanished(connection: Connection, kind: Kind, scope: pl.DataFrame) -> pl.DataFrame:
    """The records within `scope` (schema SCOPE) that the rows staged last do not have.

    Current, not retracted; with the kind's `schema`.
    """
    names = Names(kind)
    connection.execute("DROP TABLE IF EXISTS pg_temp.scope")
    connection.execute(
        "CREATE TEMP TABLE scope (key integer, first date, last date) ON COMMIT DROP"
    )
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO pg_temp.scope VALUES (%s, %s, %s)", scope.rows())
    day = snapshot_day(kind)
    query = _VANISHED.format(
        columns=_columns(kind, "c"),
        current=names.current,
        whose=_whose(kind),
        inside=SQL("true")
        if day is None
        else SQL("c.{} BETWEEN o.first AND o.last").format(Identifier(day)),
        staged=STAGED,
        same=names.same_key("c", "s"),
    )
    return _frame(kind, connection.execute(query).fetchall())


_VANISHED = SQL("""
    SELECT {columns} FROM {current} c {whose}
    WHERE NOT c.retracted AND {inside}
      AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE {same})
""")
_BY_INCIDENT = SQL("""
    JOIN records.incidents i ON i.student = c.student AND i.incident_id = c.incident_id
    JOIN pg_temp.scope o ON o.key = i.school
""")
_BY_SECTION = SQL("""
    JOIN records.sections i ON i.section = c.section
    JOIN pg_temp.scope o ON o.key = i.school
""")


def _whose(kind: Kind) -> Composable:
    if kind is EXCLUSIONS:
        return _BY_INCIDENT
    columns = set(kind.schema)
    if snapshot_scope(kind) == "school" and "school" not in columns:
        return _BY_SECTION
    own = Identifier("c", snapshot_scope(kind) or "school")
    return SQL("JOIN pg_temp.scope o ON o.key = {}").format(own)


def _columns(kind: Kind, of: str | None = None) -> Composable:
    names = [(of, f.column) if of else (f.column,) for f in kind.fields]
    return SQL(", ").join(Identifier(*name) for name in names)


def _frame(kind: Kind, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    stored = {
        column: pl.Int16() if isinstance(dtype, pl.Enum) else dtype
        for column, dtype in kind.schema.items()
    }
    stored |= dict.fromkeys(kind.sealed, pl.Binary())
    frame = pl.DataFrame(rows, schema=stored, orient="row")
    return unsealed(kind, frame).select(frame_values(kind))
