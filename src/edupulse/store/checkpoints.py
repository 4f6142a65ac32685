"""The registry of checkpoints: which there are, and which one serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from edupulse.school.errors import NotFound, NotReady


@dataclass(frozen=True)
class Registered:
    """A checkpoint of the registry; `decision` is what the gate said of it."""

    hash: str
    created: datetime
    status: str
    folder: str
    decision: dict[str, Any]


def register(
    connection: Connection, hash_: str, *, created: datetime, folder: str, decision: dict[str, Any]
) -> None:
    """Add a checkpoint as a challenger; one that is there keeps its status, its decision is new."""
    connection.execute(
        "INSERT INTO state.checkpoints (hash, created, status, folder, decision)"
        " VALUES (%s, %s, 'challenger', %s, %s)"
        " ON CONFLICT (hash) DO UPDATE SET folder = excluded.folder, decision = excluded.decision",
        (hash_, created, folder, Jsonb(decision)),
    )


def promote(connection: Connection, hash_: str, *, now: datetime) -> Registered:
    """Let a checkpoint serve; the one that served is retired. Raises NotFound."""
    checkpoint(connection, hash_)
    _lock(connection)
    connection.execute(
        "UPDATE state.checkpoints SET status = 'retired' WHERE status = 'champion' AND hash <> %s",
        [hash_],
    )
    connection.execute(
        "UPDATE state.checkpoints SET status = 'champion', promoted = %s"
        " WHERE hash = %s AND status <> 'champion'",
        [now, hash_],
    )
    return checkpoint(connection, hash_)


def rollback(connection: Connection, *, now: datetime) -> Registered:
    """Let the checkpoint serve that served last before this one. Raises NotReady without one."""
    _lock(connection)
    row = connection.execute(
        "SELECT hash FROM state.checkpoints WHERE status = 'retired' AND promoted IS NOT NULL"
        " ORDER BY promoted DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise NotReady("No checkpoint served before this one.", "Promote one by its hash.")
    return promote(connection, row[0], now=now)


def retire_champion(connection: Connection) -> None:
    """Let no checkpoint serve: the service then runs the rules."""
    connection.execute("UPDATE state.checkpoints SET status = 'retired' WHERE status = 'champion'")


def champion(connection: Connection) -> Registered | None:
    """The checkpoint that serves; None where the rules do."""
    found = _select(connection, "WHERE status = 'champion'")
    return found[0] if found else None


def checkpoint(connection: Connection, hash_: str) -> Registered:
    """The checkpoint of that hash, or of the only hash that begins so. Raises NotFound."""
    found = _select(connection, "WHERE starts_with(hash, %s)", hash_)
    exact = [one for one in found if one.hash == hash_]
    if len(exact or found) != 1:
        raise NotFound(
            "No single checkpoint has this hash.", "`edupulse models` lists those that there are."
        )
    return (exact or found)[0]


def checkpoints(connection: Connection) -> list[Registered]:
    """All checkpoints, the newest first."""
    return _select(connection, "")


def _select(connection: Connection, condition: str, *arguments: object) -> list[Registered]:
    query = f"{_COLUMNS} {condition} ORDER BY created DESC, hash"
    rows = connection.execute(query.encode(), arguments).fetchall()
    return [Registered(*row) for row in rows]


_COLUMNS = "SELECT hash, created, status, folder, decision FROM state.checkpoints"


def _lock(connection: Connection) -> None:
    connection.execute("LOCK TABLE state.checkpoints IN SHARE ROW EXCLUSIVE MODE")
