"""Service tokens: shown once, kept as a hash, limited to scopes and to a time, and revocable.

The hash is one SHA-256, not a slow one: a slow hash defends secrets that people choose, which can
be guessed. A token holds 256 random bits; nobody guesses those, however quick the hash, and each
request has to compute it.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from edupulse.school.errors import BadInput, NotFound
from edupulse.store.audit import Entry, What, append

PREFIX = "edupulse_"
LONGEST = timedelta(days=366)

WRITE_RECORDS = "records:write"
SCOPES = (
    WRITE_RECORDS,
    "students:read",
    "predictions:read",
    "predictions:write",
    "feedback:write",
    "interventions:read",
    "interventions:write",
    "models:read",
    "models:write",
    "trainings:read",
    "trainings:write",
    "webhooks:read",
    "webhooks:write",
    "audit:read",
)
"""What a token may be limited to; without a member of staff behind it, to push records alone.

A scope only narrows: what its holder's role may do at all stands in `casework/access.py`.
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept. `staff` is the key of whose rights it has; None: an integration's."""

    id: uuid.UUID
    name: str
    scopes: tuple[str, ...]
    staff: int | None
    by: str
    created: datetime
    expires: datetime
    revoked: datetime | None

    def holds_at(self, at: datetime) -> bool:
        """Is it neither expired nor revoked at this instant?"""
        return at < self.expires and (self.revoked is None or at < self.revoked)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token to be made."""

    name: str
    scopes: Sequence[str]
    lasts: timedelta
    staff: int | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.scopes) - set(SCOPES))
        if unknown or not self.scopes:
            raise BadInput(
                f"{unknown[0]} is no scope." if unknown else "A token needs a scope.",
                f"Choose of {', '.join(SCOPES)}.",
            )
        if self.staff is None and set(self.scopes) != {WRITE_RECORDS}:
            raise BadInput(
                f"A token of nobody may have the scope {WRITE_RECORDS} alone.",
                "Name the member of staff whose rights it has (--staff).",
            )
        if not timedelta(0) < self.lasts <= LONGEST:
            raise BadInput("A token lasts from 1 to 366 days.", "Make a new one before it ends.")


def create(connection: Connection, wanted: Wanted, *, now: datetime, by: str) -> tuple[Token, str]:
    """Make a token, written down in the audit log; returns it and its secret, kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(32)
    row = connection.execute(
        "INSERT INTO state.tokens (id, name, hash, scopes, staff, by, created, expires)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " RETURNING id, name, scopes, staff, by, created, expires, revoked",
        (
            uuid.uuid4(),
            wanted.name,
            _hashed(secret),
            sorted(set(wanted.scopes)),
            wanted.staff,
            by,
            now,
            now + wanted.lasts,
        ),
    ).fetchone()
    assert row is not None  # noqa: S101  (an insertion returns its row)
    token = _token(row)
    body = {"token": str(token.id), "scopes": list(token.scopes), "staff": token.staff}
    append(connection, [Entry(What.TOKEN_CREATED, by, "edupulse tokens create", body=body)])
    return token, secret


def find(connection: Connection, secret: str, at: datetime) -> Token | None:
    """The token of this secret that holds at this instant; None for any other."""
    row = connection.execute(
        "SELECT id, name, scopes, staff, by, created, expires, revoked"
        " FROM state.tokens WHERE hash = %s",
        [_hashed(secret)],
    ).fetchone()
    token = _token(row) if row else None
    return token if token is not None and token.holds_at(at) else None


def revoke(connection: Connection, id_: str, *, now: datetime, by: str) -> Token:
    """End a token from now on, written down in the audit log. Raises NotFound."""
    row = connection.execute(
        "UPDATE state.tokens SET revoked = coalesce(revoked, %s) WHERE id::text = %s"
        " RETURNING id, name, scopes, staff, by, created, expires, revoked",
        [now, id_],
    ).fetchone()
    if row is None:
        raise NotFound("There is no such token.", "`edupulse tokens list` shows their ids.")
    body = {"token": id_}
    append(connection, [Entry(What.TOKEN_REVOKED, by, "edupulse tokens revoke", body=body)])
    return _token(row)


def every(connection: Connection) -> list[Token]:
    """All tokens ever made, the newest first; none of their secrets."""
    rows = connection.execute(
        "SELECT id, name, scopes, staff, by, created, expires, revoked"
        " FROM state.tokens ORDER BY created DESC, id"
    ).fetchall()
    return [_token(row) for row in rows]


def _token(row: tuple[object, ...]) -> Token:
    id_, name, scopes, *rest = row
    return Token(id_, name, tuple(scopes), *rest)  # type: ignore[arg-type]


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
