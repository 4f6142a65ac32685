"""Writes that carry a key, so that asking again does not write again: what was asked and answered.

The first request claims its key before it does anything and gets the id of what it may make; one
that takes a cut-off request up again gets the same id, so what was made before is found, not made
twice. Answers lie here sealed by a key that only the caller has.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from edupulse.school.errors import BadInput, NotReady

KEPT = timedelta(hours=24)
"""How long a key is remembered."""

UNDER_WAY = timedelta(minutes=2)
"""A request that has no answer after so long was cut off: the same one may take it up again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A key that is ours until `until`: `made` is the id of what the request makes."""

    made: uuid.UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """The first answer: its HTTP status and its sealed body."""

    status: int
    sealed: bytes


def claim(
    connection: Connection, digest: bytes, content: bytes, now: datetime
) -> Claimed | Answered:
    """Begin the request of this key, or find its first answer.

    `digest` stands for caller, route and key, `content` for what is asked. Raises BadInput where
    the key was used for something else, NotReady while the first request has no answer yet.
    """
    forget(connection, now)
    until = now + UNDER_WAY
    row = connection.execute(
        "INSERT INTO state.requests AS r (digest, content, made, began, until)"
        " VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (digest) DO UPDATE SET until = excluded.until"
        " WHERE r.status IS NULL AND r.content = excluded.content AND r.until <= %s"
        " RETURNING made",
        (digest, content, uuid.uuid4(), now, until, now),
    ).fetchone()
    return Claimed(row[0], until) if row else _found(connection, digest, content)


def _found(connection: Connection, digest: bytes, content: bytes) -> Answered:
    row = connection.execute(
        "SELECT content, status, sealed FROM state.requests WHERE digest = %s", [digest]
    ).fetchone()
    if row is not None and row[0] != content:
        raise BadInput("This key was used for another request.", "Take a new key for a new one.")
    if row is None or row[1] is None:
        raise NotReady("The request of this key is still under way.", "Ask again in a moment.")
    if row[2] is None:
        raise NotReady("This was done, and its answer is kept no more.", "Ask for what it made.")
    return Answered(row[1], row[2])


def settle(connection: Connection, digest: bytes, mine: Claimed, answer: Answered) -> None:
    """Keep the answer of a request that is still ours."""
    connection.execute(
        "UPDATE state.requests SET status = %s, sealed = %s"
        " WHERE digest = %s AND until = %s AND status IS NULL",
        (answer.status, answer.sealed, digest, mine.until),
    )


def release(connection: Connection, digest: bytes, mine: Claimed) -> None:
    """Forget a request that did nothing: its key may be used for a corrected one."""
    connection.execute(
        "DELETE FROM state.requests WHERE digest = %s AND until = %s AND status IS NULL",
        (digest, mine.until),
    )


def give_up(connection: Connection, digest: bytes, mine: Claimed) -> None:
    """Let the same request take this one up at once: whether it did anything is not known."""
    connection.execute(
        "UPDATE state.requests SET until = began"
        " WHERE digest = %s AND until = %s AND status IS NULL",
        (digest, mine.until),
    )


def forget(connection: Connection, now: datetime) -> None:
    """Delete what is older than `KEPT`."""
    connection.execute(
        "DELETE FROM state.requests WHERE digest IN"
        " (SELECT digest FROM state.requests WHERE began <= %s FOR UPDATE SKIP LOCKED)",
        [now - KEPT],
    )


def forget_answers(connection: Connection) -> None:
    """Delete every answer, since nobody can tell whose data are in it; that it was done stays."""
    connection.execute("UPDATE state.requests SET sealed = NULL WHERE sealed IS NOT NULL")
