"""The imports that landed, with their reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

_LOCK = 0x45645049


def begin_import(connection: Connection) -> None:
    """Wait until no other import runs; the next one waits for this transaction's end."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


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
    """Write the report down in the import's own transaction."""
    connection.execute(
        "INSERT INTO state.imports (id, started, finished, mode, source, report)"
        " VALUES (%s, %s, clock_timestamp(), %s, %s, %s)",
        (number, started, mode, source, Jsonb(report)),
    )


def last_import(connection: Connection) -> dict[str, Any] | None:
    """The report of the import that landed last; None before the first."""
    row = connection.execute(
        "SELECT report FROM state.imports ORDER BY finished DESC, id LIMIT 1"
    ).fetchone()
    return dict(row[0]) if row else None
