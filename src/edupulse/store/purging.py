"""Removes a student for good: every record, version, answer and name, under every number."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from edupulse.store.audit import Entry, What, append
from edupulse.store.imports import begin_import
from edupulse.store.requests import forget_answers
from edupulse.store.tables import AUDIT, FEEDBACK, STUDENT, metadata
from edupulse.store.versions import Of, bump

OLD = "old_student_id"


@dataclass(frozen=True)
class Purged:
    """Whom: the UUIDs of all numbers that were one student; and how many rows went."""

    students: tuple[uuid.UUID, ...]
    rows: int


def purge(connection: Connection, student: int, *, by: str, because: str) -> Purged:
    """Remove a student and all numbers merged with that one; a tombstone stays in the audit log.

    The log keeps the random-looking UUID alone: whose it was can no longer be told from here.
    """
    return purge_all(connection, [student], by=by, because=because)


def purge_all(connection: Connection, students: Sequence[int], *, by: str, because: str) -> Purged:
    """The same for several; `rows` in each one's entry are those of all of them."""
    begin_import(connection)  # which may be bringing records of these very students
    keys = _one_student(connection, students)
    ids = connection.execute(
        "SELECT student_id FROM identity.student WHERE student = ANY(%s) ORDER BY student", [keys]
    ).fetchall()
    # What educators said is written once; only a purge may take it back.
    guard = SQL("ALTER TABLE state.feedback {} TRIGGER written_once")
    connection.execute(guard.format(SQL("DISABLE")))
    rows = sum(_delete(connection, name, keys) for name in _tables())
    connection.execute(guard.format(SQL("ENABLE")))
    connection.execute("DELETE FROM identity.student WHERE student = ANY(%s)", [keys])
    forget_answers(connection)
    bump(connection, Of.REFERENCE, Of.RIGHTS)
    purged = Purged(tuple(row[0] for row in ids), rows)
    body = {"rows": rows}
    append(connection, [Entry(What.PURGED, by, because, id_, body) for id_ in purged.students])
    return purged


def _tables() -> list[str]:
    """Every table with rows of students, those that refer to others first."""
    named = [
        table.fullname
        for table in metadata.tables.values()
        if {"student", OLD} & set(table.columns.keys()) and table not in (AUDIT, STUDENT)
    ]
    return sorted(named, key=lambda name: name != FEEDBACK.fullname)


def _delete(connection: Connection, name: str, keys: list[int]) -> int:
    table = metadata.tables[name]
    columns = [column for column in ("student", OLD) if column in table.columns]
    which = SQL(" OR ").join(SQL("{} = ANY(%s)").format(Identifier(c)) for c in columns)
    query = SQL("DELETE FROM {} WHERE {}").format(Identifier(table.schema or "", table.name), which)
    return connection.execute(query, [keys] * len(columns)).rowcount


def _one_student(connection: Connection, students: Sequence[int]) -> list[int]:
    """All keys that any merge, then or now, made one with one of these."""
    rows = connection.execute(
        """
        WITH RECURSIVE merged AS (
            SELECT old_student_id AS a, student AS b FROM records.student_ids
            UNION SELECT old_student_id, student FROM records.student_ids_past
        ), one AS (
            SELECT unnest(%s::integer[]) AS student
            UNION SELECT CASE WHEN m.a = one.student THEN m.b ELSE m.a END
            FROM one JOIN merged m ON one.student IN (m.a, m.b)
        )
        SELECT student FROM one ORDER BY student
        """,
        [list(students)],
    ).fetchall()
    return [int(row[0]) for row in rows]
