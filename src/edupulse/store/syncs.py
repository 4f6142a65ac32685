"""How far each configured source was read: written in the transaction of its import."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection


@dataclass(frozen=True)
class Synced:
    """A source's last reading: `through` is what to give it next time for what changed since.

    `whole` is when it was last read whole. `through` is None where it cannot tell what changed.
    """

    source: str
    through: str | None
    finished: datetime
    whole: datetime
    import_id: uuid.UUID


def synced(connection: Connection, source: str) -> Synced | None:
    """The last reading of a source; None before the first."""
    row = connection.execute(f"{_SELECT} WHERE source = %s", [source]).fetchone()
    return None if row is None else Synced(*row)


def all_synced(connection: Connection) -> list[Synced]:
    """The last reading of every source, by name."""
    return [Synced(*row) for row in connection.execute(f"{_SELECT} ORDER BY source").fetchall()]


def kept(connection: Connection, source: str) -> bytes | None:
    """What the last reading of a source keeps for its next; None where it keeps nothing."""
    row = connection.execute("SELECT kept FROM state.syncs WHERE source = %s", [source]).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def note_sync(connection: Connection, done: Synced, keeps: bytes | None = None) -> None:
    """Write a reading down in place of the one before, with what it keeps for the next."""
    connection.execute(
        'INSERT INTO state.syncs (source, through, finished, whole, "import", kept)'
        " VALUES (%s, %s, %s, %s, %s, %b)"
        " ON CONFLICT (source) DO UPDATE SET through = excluded.through,"
        ' finished = excluded.finished, whole = excluded.whole, "import" = excluded."import",'
        " kept = excluded.kept",
        (done.source, done.through, done.finished, done.whole, done.import_id, keeps),
    )


_SELECT = 'SELECT source, through, finished, whole, "import" FROM state.syncs'
