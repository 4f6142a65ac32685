"""Imports and trainings that are asked for, each carried out by a process of its own, one by one.

Who carries out a run holds a lock of its session, which the database lets go when that process is
gone, however it ended: a run that is `running` while nobody holds the lock was interrupted.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from psycopg import Connection
from psycopg.types.json import Jsonb

from edupulse.school.errors import NotFound

LAUNCHED_AGAIN = timedelta(minutes=2)
"""A process that did not take its run up within this time is taken for lost."""


class What(StrEnum):
    """What there is to carry out."""

    IMPORT = "import"
    TRAINING = "training"


RunState = Literal["waiting", "running", "finished", "refused", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what is wanted of it, by whom, and how far it is.

    `doing` and `part` (0 to 1) say what it does now; `report` what it did; `problem` why not.
    """

    id: uuid.UUID
    what: What
    wanted: Mapping[str, Any]
    by: str
    asked: datetime
    began: datetime | None
    finished: datetime | None
    state: RunState
    doing: str
    part: float
    report: Mapping[str, Any] | None
    problem: str | None


def ask_for(
    connection: Connection,
    id_: uuid.UUID,
    what: What,
    wanted: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
) -> Run:
    """Put a run in the queue; the same id again is the same run."""
    connection.execute(
        "INSERT INTO state.runs (id, what, wanted, by, asked) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (id_, what, Jsonb(wanted), by, now),
    )
    return run(connection, id_, what)


def run(connection: Connection, id_: uuid.UUID, what: What | None = None) -> Run:
    """The run of that id. Raises NotFound."""
    row = connection.execute(
        "SELECT id, what, wanted, by, asked, began, finished, state, doing, part, report, problem"
        " FROM state.runs WHERE id = %s AND (%s::text IS NULL OR what = %s)",
        [id_, what, what],
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no such {what or 'run'}.", "Give the id that its start gave.")
    return Run(row[0], What(row[1]), *row[2:])


def to_launch(connection: Connection, now: datetime) -> list[uuid.UUID]:
    """The first waiting run of each kind of which none runs; they are the caller's to launch."""
    rows = connection.execute(
        """
        UPDATE state.runs SET launched = %(now)s WHERE id IN (
            SELECT DISTINCT ON (what) id FROM state.runs r
            WHERE state = 'waiting' AND NOT EXISTS (
                SELECT 1 FROM state.runs o WHERE o.what = r.what AND (o.state = 'running'
                    OR o.state = 'waiting' AND o.launched > %(lost)s))
            ORDER BY what, asked, id
        ) AND (launched IS NULL OR launched <= %(lost)s)
        RETURNING id
        """,
        {"now": now, "lost": now - LAUNCHED_AGAIN},
    ).fetchall()
    return [row[0] for row in rows]


@contextmanager
def alone(connection: Connection, what: What) -> Iterator[bool]:
    """Hold the lock of these runs for as long as the context; False where another holds it."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCKS[what]]).fetchone()
    mine = bool(row and row[0])
    try:
        yield mine
    finally:
        if mine:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCKS[what]])


_LOCKS = {What.IMPORT: 0x45645276, What.TRAINING: 0x45645277}


def begin(connection: Connection, id_: uuid.UUID, now: datetime) -> bool:
    """Take a waiting run up; False where it waits no more."""
    query = (
        "UPDATE state.runs SET state = 'running', began = %s WHERE id = %s AND state = 'waiting'"
    )
    return connection.execute(query, [now, id_]).rowcount == 1


def note(connection: Connection, id_: uuid.UUID, doing: str, part: float) -> None:
    """Write down how far a run is."""
    connection.execute(
        "UPDATE state.runs SET doing = %s, part = %s WHERE id = %s AND state = 'running'",
        [doing, part, id_],
    )


def end(
    connection: Connection,
    id_: uuid.UUID,
    state: RunState,
    *,
    now: datetime,
    report: Mapping[str, Any] | None = None,
    problem: str | None = None,
) -> None:
    """Write down how a run ended."""
    connection.execute(
        "UPDATE state.runs SET state = %s, finished = %s, report = %s, problem = %s, doing = ''"
        " WHERE id = %s AND state = 'running'",
        (state, now, None if report is None else Jsonb(report), problem, id_),
    )


def note_interrupted(connection: Connection, now: datetime) -> int:
    """Write down which runs nobody carries out any more; an import that landed is finished."""
    return sum(_interrupted(connection, what, now) for what in What)


def _interrupted(connection: Connection, what: What, now: datetime) -> int:
    running = connection.execute(
        "SELECT id FROM state.runs WHERE what = %s AND state = 'running'", [what]
    ).fetchone()
    if running is None:
        return 0
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCKS[what]]).fetchone()
    if not (row and row[0]):
        return 0
    return connection.execute(_INTERRUPT, {"what": what, "now": now, "why": _WHY[what]}).rowcount


_WHY = {
    What.IMPORT: "The process ended before the import did: nothing was changed. Start it again.",
    What.TRAINING: "The process ended before the training did. Start it again: it goes on there.",
}
_INTERRUPT = """
    UPDATE state.runs r SET doing = '', finished = %(now)s,
        state = CASE WHEN i.id IS NULL THEN 'interrupted' ELSE 'finished' END,
        report = i.report, problem = CASE WHEN i.id IS NULL THEN %(why)s END
    FROM state.runs s LEFT JOIN state.imports i ON i.id = s.id
    WHERE r.id = s.id AND r.what = %(what)s AND r.state = 'running'
"""
