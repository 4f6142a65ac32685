"""Webhooks, and the outbox of what they are to be told: written where it happens, sent later.

Triggers write an event and its deliveries in the transaction in which it happens, whoever writes
there. Who delivers takes some for a while: who is killed meanwhile leaves them to the next.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from psycopg import Connection

from edupulse.school.errors import NotFound
from edupulse.store.audit import Entry, What, append
from edupulse.store.keys import keyring

EventName = Literal["risk.band_changed", "model.promoted", "import.finished"]
EVENTS: tuple[EventName, ...] = get_args(EventName)

SECRET_BYTES = 32
BOTH_SIGN = timedelta(days=1)
"""How long the secret before signs beside a new one."""

TAKEN = timedelta(minutes=1)
"""Who took a delivery has so long to send it; then it is another's."""

GIVEN_UP = timedelta(days=1)
KEPT = timedelta(days=30)
AT_ONCE, AT_ONCE_EACH = 32, 8
"""Deliveries taken at a time: of all, and of one, so that a slow one does not stop the others."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of what, and how that goes; `problem` is that of the newest failure."""

    id: uuid.UUID
    url: str
    events: tuple[EventName, ...]
    by: str
    created: datetime
    waiting: int
    delivered: int
    dead: int
    problem: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to be sent to one webhook; the first secret is the current one."""

    event: int
    webhook: uuid.UUID
    id: uuid.UUID
    at: datetime
    name: str
    body: Mapping[str, Any]
    url: str
    tries: int
    secrets: tuple[bytes, ...]


def add(
    connection: Connection,
    id_: uuid.UUID,
    url: str,
    events: Sequence[EventName],
    *,
    by: str,
    now: datetime,
) -> bytes:
    """Make a webhook; returns its secret. The same id again is the same webhook."""
    sealed = _sealed(id_, secrets.token_bytes(SECRET_BYTES))
    connection.execute(
        "INSERT INTO state.webhooks (id, url, events, secret, by, created)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (id_, url, sorted(set(events)), sealed, by, now),
    )
    row = connection.execute("SELECT secret FROM state.webhooks WHERE id = %s", [id_]).fetchone()
    assert row is not None  # noqa: S101  (written above, now or before)
    return _opened(id_, row[0])


def every(connection: Connection) -> list[Webhook]:
    """All webhooks, the oldest first."""
    rows = connection.execute(f"{_SELECT} GROUP BY w.id ORDER BY w.created, w.id").fetchall()
    return [_webhook(row) for row in rows]


def webhook(connection: Connection, id_: uuid.UUID) -> Webhook:
    """One webhook. Raises NotFound."""
    row = connection.execute(f"{_SELECT} WHERE w.id = %s GROUP BY w.id", [id_]).fetchone()
    if row is None:
        raise _NO_SUCH
    return _webhook(row)


_NO_SUCH = NotFound("There is no such webhook.", "GET /webhooks lists those that there are.")
_SELECT = """
    SELECT w.id, w.url, w.events, w.by, w.created,
        count(*) FILTER (WHERE d.state = 'waiting'), count(*) FILTER (WHERE d.state = 'delivered'),
        count(*) FILTER (WHERE d.state = 'dead'),
        coalesce((array_agg(d.problem ORDER BY d.event DESC) FILTER (WHERE d.problem <> ''))[1], '')
    FROM state.webhooks w LEFT JOIN state.deliveries d ON d.webhook = w.id
"""


def _webhook(row: tuple[Any, ...]) -> Webhook:
    id_, url, events, *rest = row
    return Webhook(id_, url, tuple(events), *rest)


def remove(connection: Connection, id_: uuid.UUID) -> None:
    """Take a webhook away, with what it was not told yet. Raises NotFound."""
    if not connection.execute("DELETE FROM state.webhooks WHERE id = %s", [id_]).rowcount:
        raise _NO_SUCH


def renew_secret(connection: Connection, id_: uuid.UUID, now: datetime) -> bytes:
    """Give a webhook a new secret; the one before signs too for BOTH_SIGN. Raises NotFound."""
    secret = secrets.token_bytes(SECRET_BYTES)
    done = connection.execute(
        "UPDATE state.webhooks SET before = secret, before_until = %s, secret = %s WHERE id = %s",
        (now + BOTH_SIGN, _sealed(id_, secret), id_),
    )
    if not done.rowcount:
        raise _NO_SUCH
    return secret


def take(connection: Connection, now: datetime) -> list[Delivery]:
    """Some deliveries that are due, the caller's for TAKEN.

    To send something of a student is a disclosure: it is written down before it is done.
    """
    asked = {"now": now, "until": now + TAKEN, "all": AT_ONCE, "each": AT_ONCE_EACH}
    rows = connection.execute(_TAKE, asked).fetchall()
    found = [
        Delivery(*row[:8], _secrets(row[1], *row[8:11], now=now))  # type: ignore[call-arg]
        for row in rows
    ]
    told = [
        Entry(What.DISCLOSED, f"webhook:{one.webhook}", one.name, row[-1], {"parts": ["scores"]})
        for one, row in zip(found, rows, strict=True)
        if row[-1] is not None and one.tries == 0
    ]
    if told:
        append(connection, told)
    return found


_TAKE = """
    WITH due AS (
        SELECT event, webhook FROM state.deliveries
        WHERE state = 'waiting' AND next <= %(now)s AND (event, webhook) IN (
            SELECT event, webhook FROM (
                SELECT event, webhook, next,
                    row_number() OVER (PARTITION BY webhook ORDER BY next, event) AS place
                FROM state.deliveries WHERE state = 'waiting' AND next <= %(now)s
            ) o WHERE place <= %(each)s ORDER BY next, event LIMIT %(all)s)
        FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE state.deliveries d SET next = %(until)s, tries = d.tries + 1 FROM due
        WHERE d.event = due.event AND d.webhook = due.webhook
        RETURNING d.event, d.webhook, d.tries - 1 AS tries
    )
    SELECT t.event, t.webhook, e.id, e.at, e.name, e.body, w.url, t.tries,
        w.secret, w.before, w.before_until, i.student_id
    FROM taken t JOIN state.events e ON e.number = t.event JOIN state.webhooks w ON w.id = t.webhook
    LEFT JOIN identity.student i ON i.student = e.student
    ORDER BY t.event
"""


def note_delivered(connection: Connection, one: Delivery, now: datetime) -> None:
    """It has arrived."""
    connection.execute(
        "UPDATE state.deliveries SET state = 'delivered', ended = %s, problem = ''"
        " WHERE event = %s AND webhook = %s AND state = 'waiting'",
        (now, one.event, one.webhook),
    )


def note_failed(
    connection: Connection, one: Delivery, now: datetime, again: datetime, problem: str
) -> None:
    """It has not arrived: it is tried again at `again`, or given up where it is too old."""
    dead = now - one.at >= GIVEN_UP
    connection.execute(
        "UPDATE state.deliveries SET next = %s, problem = %s, state = %s, ended = %s"
        " WHERE event = %s AND webhook = %s AND state = 'waiting'",
        (again, problem, "dead" if dead else "waiting", now if dead else None, one.event,
         one.webhook),
    )  # fmt: skip


def outbox(connection: Connection) -> list[tuple[str, int, datetime]]:
    """`waiting` and `dead`, where there are any: how many deliveries, and since when the oldest."""
    return connection.execute(_OUTBOX).fetchall()


_OUTBOX = """
    SELECT d.state, count(*), min(e.at)
    FROM state.deliveries d JOIN state.events e ON e.number = d.event
    WHERE d.state <> 'delivered' GROUP BY d.state ORDER BY d.state
"""


def forget(connection: Connection, now: datetime) -> None:
    """Delete events older than KEPT: all of them have long ended."""
    connection.execute("DELETE FROM state.events WHERE at <= %s", [now - KEPT])


def sealed_secrets(connection: Connection) -> list[bytes]:
    """Every sealed secret, to see under which keys they lie."""
    rows = connection.execute("SELECT secret, before FROM state.webhooks").fetchall()
    return [secret for row in rows for secret in row if secret is not None]


def reseal(connection: Connection) -> None:
    """Seal every secret anew with the current key."""
    rows = connection.execute("SELECT id, secret, before FROM state.webhooks FOR UPDATE").fetchall()
    for id_, *held in rows:
        opened = [None if one is None else _opened(id_, one) for one in held]
        sealed = [None if one is None else _sealed(id_, one) for one in opened]
        connection.execute(
            "UPDATE state.webhooks SET secret = %s, before = %s WHERE id = %s", [*sealed, id_]
        )


def _secrets(
    id_: uuid.UUID, secret: bytes, before: bytes | None, until: datetime | None, *, now: datetime
) -> tuple[bytes, ...]:
    current = _opened(id_, secret)
    if before is None or until is None or until <= now:
        return (current,)
    return (current, _opened(id_, before))


def _sealed(id_: uuid.UUID, secret: bytes) -> bytes:
    [sealed] = keyring().seal([secret], [_place(id_)])
    assert sealed is not None  # noqa: S101  (of something comes something)
    return sealed


def _opened(id_: uuid.UUID, sealed: bytes) -> bytes:
    [secret] = keyring().unseal([sealed], [_place(id_)])
    assert secret is not None  # noqa: S101
    return secret


def _place(id_: uuid.UUID) -> bytes:
    return b"webhook " + id_.bytes
