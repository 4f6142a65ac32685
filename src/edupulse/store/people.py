"""Who a student is, for people's screens: ids and names, never an input of a score."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import LiteralString

import polars as pl
from psycopg import Connection

from edupulse.school.errors import NotFound
from edupulse.school.records import GUARDIANS, STAFF, STUDENTS
from edupulse.store.question import Question, Rows, Statement, array
from edupulse.store.sealing import index_key, index_of, unsealed

NAMES = {
    "student": pl.Int32(),
    "student_id": pl.String(),
    "local_id": pl.String(),
    "first_name": pl.String(),
    "last_name": pl.String(),
}


def student_names(connection: Connection, students: Iterable[int]) -> pl.DataFrame:
    """Key, UUID, the district's number and the names of some students, by key."""
    return _names(connection, _NAMES, students)


def permitted_names(connection: Connection, students: Iterable[int]) -> pl.DataFrame:
    """The same for the service's role: of those of the students whose names the asker may see."""
    return _names(connection, _PERMITTED, students)


def _names(connection: Connection, query: LiteralString, students: Iterable[int]) -> pl.DataFrame:
    rows = connection.execute(query, [[int(key) for key in students]]).fetchall()
    stored = {**NAMES, **dict.fromkeys(STUDENTS.sealed, pl.Binary())}
    return unsealed(STUDENTS, pl.DataFrame(rows, schema=stored, orient="row"))


_NAMES = """
    SELECT i.student, i.student_id::text, i.local_id, s.first_name, s.last_name
    FROM identity.student i
    LEFT JOIN records.students s ON s.student = i.student AND NOT s.retracted
    WHERE i.student = ANY(%s::integer[]) ORDER BY i.student
"""
_PERMITTED = """
    SELECT student, student_id::text, local_id, first_name, last_name FROM access.names
    WHERE student = ANY(%s::integer[]) ORDER BY student
"""


def student_ids(connection: Connection, students: Iterable[int]) -> dict[int, uuid.UUID]:
    """The UUID of each of some students."""
    rows = connection.execute(
        "SELECT student, student_id FROM identity.student WHERE student = ANY(%s::integer[])",
        [[int(key) for key in students]],
    ).fetchall()
    return dict(rows)


def students_from(
    connection: Connection, after: uuid.UUID | None, limit: int, among: Sequence[int] | None = None
) -> dict[int, uuid.UUID]:
    """The first students after a UUID, by UUID; with `among`: of these keys alone.

    Numbers that were merged into another are left out. Under the service's role: the asker's own.
    """
    keys = None if among is None else [int(key) for key in among]
    asked = {"after": after, "among": keys, "limit": limit}
    return dict(connection.execute(_FROM, asked).fetchall())


_FROM = """
    SELECT student, student_id FROM identity.student i
    WHERE (%(after)s::uuid IS NULL OR student_id > %(after)s::uuid)
      AND (%(among)s::integer[] IS NULL OR student = ANY(%(among)s))
      AND NOT EXISTS (
        SELECT FROM records.student_ids m WHERE m.old_student_id = i.student AND NOT m.retracted)
    ORDER BY student_id LIMIT %(limit)s
"""


def student_keys(connection: Connection, local_ids: Sequence[str]) -> pl.DataFrame:
    """Key and number of those of the district's numbers that are there."""
    rows = connection.execute(_KEYS, [list(local_ids)]).fetchall()
    return pl.DataFrame(rows, schema={"student": pl.Int32(), "local_id": pl.String()}, orient="row")


_KEYS = "SELECT student, local_id FROM identity.student WHERE local_id = ANY(%s)"


def resolve_student(connection: Connection, name: str) -> int:
    """The key of a student by UUID or the district's number; a merged number leads to the new one.

    Raises NotFound.
    """
    row = connection.execute(_BY_UUID if _is_uuid(name) else _BY_NUMBER, [name]).fetchone()
    if row is None:
        raise NotFound("There is no such student.", "Give the student_id or the district's number.")
    return int(row[0])


_SURVIVOR = """
    WITH RECURSIVE way (student, step, seen) AS (
        SELECT student, 0, ARRAY[student] FROM identity.student WHERE {named} = %s
        UNION ALL
        SELECT m.student, way.step + 1, way.seen || m.student
        FROM way JOIN records.student_ids m
          ON m.old_student_id = way.student AND NOT m.retracted
        WHERE m.student <> ALL(way.seen)
    )
    SELECT student FROM way ORDER BY step DESC LIMIT 1
"""
_BY_UUID, _BY_NUMBER = (_SURVIVOR.format(named=one) for one in ("student_id", "local_id"))


Behind = dict[uuid.UUID, tuple[int, uuid.UUID]]
"""By the UUID that is asked for: key and UUID of the student who stands behind it."""


def students_behind(ids: Iterable[uuid.UUID]) -> Question[Behind]:
    """Who stands behind each of some UUIDs; unknown ones are left out.

    A merged number leads to the new one.
    """
    return Question(_SURVIVORS, (array(ids),), _behind)


def _behind(rows: Rows) -> Behind:
    return {asked: (student, student_id) for asked, student, student_id in rows}


_SURVIVORS = Statement(
    """
    WITH RECURSIVE way (asked, student, step, seen) AS (
        SELECT student_id, student, 0, ARRAY[student]
        FROM identity.student WHERE student_id = ANY($1)
        UNION ALL
        SELECT way.asked, m.student, way.step + 1, way.seen || m.student
        FROM way JOIN records.student_ids m
          ON m.old_student_id = way.student AND NOT m.retracted
        WHERE m.student <> ALL(way.seen)
    ), last AS (
        SELECT DISTINCT ON (asked) asked, student FROM way ORDER BY asked, step DESC
    )
    SELECT asked, student, student_id FROM last JOIN identity.student USING (student)
    """,
    ("uuid[]",),
)


def school_key(connection: Connection, local_id: str) -> int:
    """The key of a school by the district's id. Raises NotFound."""
    row = connection.execute(
        "SELECT school FROM identity.school WHERE local_id = %s", [local_id]
    ).fetchone()
    if row is None:
        raise NotFound("There is no such school.", "Give the school_id of schools.csv.")
    return int(row[0])


def staff_key(connection: Connection, local_id: str) -> int:
    """The key of a member of staff by the district's number. Raises NotFound."""
    row = connection.execute(
        "SELECT staff FROM identity.staff WHERE local_id = %s", [local_id]
    ).fetchone()
    if row is None:
        raise NotFound("There is no such member of staff.", "Give the staff_id of staff.csv.")
    return int(row[0])


def staff_by_login(
    connection: Connection, name: str, columns: Sequence[str] = ("login", "email")
) -> int | None:
    """The key of the member of staff whose login this is, else whose e-mail address.

    Letters' case does not count. None where it is nobody's, or more than one's: never a guess.
    """
    key = index_key(connection)
    for column in columns:
        found = connection.execute(
            _STAFF_BY[column], [index_of(STAFF.name, column, name, key)]
        ).fetchall()
        if found:
            return int(found[0][0]) if len(found) == 1 else None
    return None


_STAFF_BY: dict[str, LiteralString] = {
    "login": "SELECT DISTINCT staff FROM records.staff WHERE NOT retracted AND login_index = %s",
    "email": "SELECT DISTINCT staff FROM records.staff WHERE NOT retracted AND email_index = %s",
}


def guardian_by_email(connection: Connection, email: str) -> str | None:
    """The district's id of the guardian with this e-mail address; None for nobody or several."""
    sought = index_of(GUARDIANS.name, "email", email, index_key(connection))
    found = connection.execute(_BY_EMAIL, [sought]).fetchall()
    return str(found[0][0]) if len(found) == 1 else None


_BY_EMAIL = """
    SELECT DISTINCT guardian_id FROM apart.guardians WHERE NOT retracted AND email_index = %s
"""


def is_guardian(connection: Connection, guardian_id: str) -> bool:
    """Is this the district's id of somebody's guardian?"""
    found = connection.execute(
        "SELECT 1 FROM apart.guardians WHERE NOT retracted AND guardian_id = %s LIMIT 1",
        [guardian_id],
    ).fetchone()
    return found is not None


def school_names(connection: Connection) -> pl.DataFrame:
    """Key, the district's id, name and time zone of every school, by key."""
    rows = connection.execute(_SCHOOLS).fetchall()
    return pl.DataFrame(rows, schema=SCHOOL_NAMES, orient="row")


SCHOOL_NAMES = {
    "school": pl.Int32(),
    "school_id": pl.String(),
    "name": pl.String(),
    "timezone": pl.String(),
}
_SCHOOLS = """
    SELECT i.school, i.local_id, s.name, s.timezone
    FROM identity.school i JOIN records.schools s ON s.school = i.school AND NOT s.retracted
    ORDER BY i.school
"""


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
