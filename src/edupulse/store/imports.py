"""The imports that landed, with their reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from edupulse.school.errors import NotReady

_LOCK = 0x45645049


def begin_import(connection: Connection, patience: timedelta | None = None) -> None:
    """Wait until no other import runs; the next one waits for this transaction's end.

    Raises NotReady where that takes longer than `patience`.
    """
    try:
        if patience is not None:
            longest = f"{patience // timedelta(milliseconds=1)}ms"
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [longest])
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute("SET LOCAL lock_timeout TO DEFAULT")
    except LockNotAvailable:
        raise NotReady("Another import is running.", "Ask again when it has ended.") from None


def any_import(connection: Connection) -> bool:
    """Did an import land before? Else this one is the first, the historical one."""
    return connection.execute("SELECT 1 FROM state.imports LIMIT 1").fetchone() is not None


def save_import(
    connection: Connection,
    number: UUID,
    *,
    started: datetime,
    mode: str,
    source: str,
    report: dict[str, Any],
) -> None:
    """Write the report down in the import's own transaction; one that landed keeps its first."""
    connection.execute(
        "INSERT INTO state.imports (id, started, finished, mode, source, report)"
        " VALUES (%s, %s, clock_timestamp(), %s, %s, %s) ON CONFLICT (id) DO NOTHING",
        (number, started, mode, source, Jsonb(report)),
    )


@dataclass(frozen=True)
class Landed:
    """An import that landed: `report` is its own, as JSON values."""

    id: UUID
    source: str
    started: datetime
    finished: datetime
    report: dict[str, Any]


def landed(connection: Connection, number: UUID) -> Landed | None:
    """The import of that id; None where none landed."""
    row = connection.execute(
        "SELECT id, source, started, finished, report FROM state.imports WHERE id = %s", [number]
    ).fetchone()
    return Landed(*row) if row else None


def last_import(connection: Connection) -> dict[str, Any] | None:
    """The report of the import that landed last; None before the first."""
    row = connection.execute(
        "SELECT report FROM state.imports ORDER BY finished DESC, id LIMIT 1"
    ).fetchone()
    return dict(row[0]) if row else None
