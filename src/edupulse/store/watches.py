"""What monitoring saw of the checkpoint that served: kept, so that to read it costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Watched:
    """A report on a checkpoint, made from what was known at `seen`."""

    seen: datetime
    checkpoint: str
    report: dict[str, Any]


def note_watch(connection: Connection, watched: Watched) -> None:
    """Write a report down; those before it stay."""
    connection.execute(
        "INSERT INTO state.watches (seen, checkpoint, report) VALUES (%s, %s, %s)",
        (watched.seen, watched.checkpoint, Jsonb(watched.report)),
    )


def newest_watch(connection: Connection, checkpoint: str) -> Watched | None:
    """The report on a checkpoint that saw most; None where there is none."""
    row = connection.execute(
        "SELECT seen, checkpoint, report FROM state.watches WHERE checkpoint = %s"
        " ORDER BY seen DESC, number DESC LIMIT 1",
        [checkpoint],
    ).fetchone()
    return None if row is None else Watched(*row)
