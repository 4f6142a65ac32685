"""Plans for students and the sessions that were held; read and written under the second lock."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

from psycopg import Connection

Outcome = Literal["completed", "stopped", "declined", "moved"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned: what (`option` of the district's catalog, if of it), who, when, how often.

    `provider` is the district's id of a member of staff, or a role; never a person's name.
    """

    title: str
    provider: str
    begins_on: date
    option: str | None = None
    ends_on: date | None = None
    sessions_per_week: int | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Intervention:
    """A plan of one student, what was done of it, and how it ended (None: it has not)."""

    id: uuid.UUID
    student: int
    student_id: uuid.UUID
    plan: Plan
    by: str
    planned: datetime
    closed: datetime | None
    closed_by: str | None
    outcome: Outcome | None
    reason: str
    sessions_held: int
    sessions_attended: int
    minutes_attended: int


@dataclass(frozen=True, slots=True)
class Session:
    """One session that was held; `attended`: was the student there?"""

    id: uuid.UUID
    held_on: date
    minutes: int
    attended: bool
    by: str
    logged: datetime


def add(
    connection: Connection, id_: uuid.UUID, student: int, plan: Plan, *, by: str, now: datetime
) -> None:
    """Write a plan down; the same id again is the same plan."""
    connection.execute(
        "INSERT INTO state.interventions (id, student, option, title, provider, begins_on, ends_on,"
        " sessions_per_week, minutes, by, planned)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (id_, student, plan.option, plan.title, plan.provider, plan.begins_on, plan.ends_on,
         plan.sessions_per_week, plan.minutes, by, now),
    )  # fmt: skip


def intervention(connection: Connection, id_: uuid.UUID) -> Intervention | None:
    """The one of that id; None where there is none, or none to be seen by who asks."""
    rows = connection.execute(f"{_SELECT} WHERE p.id = %s", [id_]).fetchall()
    return _intervention(rows[0]) if rows else None


def listed(
    connection: Connection,
    *,
    students: Sequence[int] | None,
    is_open: bool | None,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Intervention]:
    """Interventions, the newest first, of these students or of all; after one of the list.

    A plan under a number that was merged is one of the student to whom it leads.
    """
    planned, id_ = after or (None, None)
    rows = connection.execute(
        f"{_NUMBERS} {_SELECT} WHERE"  # noqa: S608  (constants of this file)
        " (%(students)s::integer[] IS NULL OR p.student IN (SELECT number FROM numbers))"
        " AND (%(is_open)s::boolean IS NULL OR (p.closed IS NULL) = %(is_open)s)"
        " AND (%(planned)s::timestamptz IS NULL OR (p.planned, p.id) < (%(planned)s, %(id)s::uuid))"
        " ORDER BY p.planned DESC, p.id DESC LIMIT %(limit)s",
        {"students": None if students is None else list(students), "is_open": is_open,
         "planned": planned, "id": id_, "limit": limit},
    ).fetchall()  # fmt: skip
    return [_intervention(row) for row in rows]


_NUMBERS = """
    WITH RECURSIVE numbers AS (
        SELECT s AS student, s AS number FROM unnest(%(students)s::integer[]) s
        UNION SELECT n.student, m.old_student_id
        FROM numbers n JOIN records.student_ids m ON m.student = n.number AND NOT m.retracted
    )
"""
"""Each student beside every number that leads there."""

_SELECT = """
    SELECT p.id, p.student, i.student_id, p.title, p.provider, p.begins_on, p.option, p.ends_on,
        p.sessions_per_week, p.minutes, p.by, p.planned, p.closed, p.closed_by, p.outcome, p.reason,
        s.held, s.attended, s.minutes
    FROM state.interventions p JOIN identity.student i USING (student)
    CROSS JOIN LATERAL (
        SELECT count(*) AS held, count(*) FILTER (WHERE attended) AS attended,
            coalesce(sum(minutes) FILTER (WHERE attended), 0) AS minutes
        FROM state.sessions WHERE intervention = p.id
    ) s
"""


def _intervention(row: tuple[Any, ...]) -> Intervention:
    return Intervention(*row[:3], Plan(*row[3:10]), *row[10:])  # type: ignore[call-arg]


def with_open_plan(connection: Connection, students: Iterable[int], on: date) -> set[int]:
    """Those of the students for whom something is planned that has not ended by this day."""
    rows = connection.execute(
        f"{_NUMBERS} SELECT DISTINCT n.student FROM numbers n"  # noqa: S608  (a constant)
        " JOIN state.interventions p ON p.student = n.number"
        " WHERE p.closed IS NULL AND (p.ends_on IS NULL OR p.ends_on >= %(on)s)",
        {"students": [int(student) for student in students], "on": on},
    ).fetchall()
    return {row[0] for row in rows}


def log_session(connection: Connection, plan: Intervention, session: Session) -> None:
    """Write a session down; the same id again is the same session."""
    connection.execute(
        "INSERT INTO state.sessions (id, intervention, student, held_on, minutes, attended, by,"
        " logged) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (session.id, plan.id, plan.student, session.held_on, session.minutes, session.attended,
         session.by, session.logged),
    )  # fmt: skip


def sessions(connection: Connection, id_: uuid.UUID) -> list[Session]:
    """The sessions of an intervention, the newest first."""
    rows = connection.execute(
        "SELECT id, held_on, minutes, attended, by, logged FROM state.sessions"
        " WHERE intervention = %s ORDER BY held_on DESC, logged DESC, id",
        [id_],
    ).fetchall()
    return [Session(*row) for row in rows]


def close(
    connection: Connection,
    id_: uuid.UUID,
    outcome: Outcome,
    reason: str,
    *,
    by: str,
    now: datetime,
) -> bool:
    """End an open intervention; False where it has ended."""
    done = connection.execute(
        "UPDATE state.interventions SET closed = %s, closed_by = %s, outcome = %s, reason = %s"
        " WHERE id = %s AND closed IS NULL",
        (now, by, outcome, reason, id_),
    )
    return done.rowcount == 1
