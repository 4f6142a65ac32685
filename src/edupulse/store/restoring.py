"""A restore: one transaction that ends in the backup's state, looked at before it counts.

A backup is older than what it replaces. Three things must not come back with it: students who were
purged since, tokens that were revoked since, and a shorter audit log. What the database still knows
of them it keeps: its newer entries are put behind those of the backup, and what they tell is done
again. What it does not know any more must come from outside: anchors, and the list of purges.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from psycopg import Connection, Copy
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection as Opened
from sqlalchemy import Engine

from edupulse.school.errors import NotReady, Refused
from edupulse.store import audit, purging, schema
from edupulse.store.archive import Told
from edupulse.store.audit import Anchor, Entry, What
from edupulse.store.backup import Backup, Content, Parts, copied
from edupulse.store.connection import driver_of
from edupulse.store.keys import keyring
from edupulse.store.rotation import sealed_by


@dataclass(frozen=True)
class Tombstone:
    """A student who was purged, and when: a line of `edupulse audit purged`."""

    at: datetime
    student: uuid.UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.student}"


@dataclass(frozen=True)
class Wanted:
    """What is to be restored: `replace` what is there, `anchors` and `purged` as kept elsewhere.

    `patience`: seconds to wait for others who use the tables that are to be replaced.
    """

    path: Path
    replace: bool = False
    anchors: Sequence[Anchor] = ()
    purged: Sequence[Tombstone] = ()
    patience: int = 30


@dataclass(frozen=True)
class Restored:
    """What was done: `newer` entries of the log were kept, `purged` students removed again.

    `blind`: nothing told what happened after the backup was made.
    """

    backup: Backup
    newer: int
    purged: int
    blind: bool


def restore(engine: Engine, wanted: Wanted, home: Path, *, by: str, told: Told) -> Restored:
    """Bring a backup into a database, whole or not at all, and its checkpoints into `home`.

    Raises Refused where there are records and `replace` does not say so, or where the logs are not
    one log; BadInput for a file that is not whole; NotReady for a missing key.
    """
    parts = Parts(wanted.path, told)
    try:
        with engine.begin() as opened:
            schema.lock(opened)
            driver_of(opened).execute(f"SET LOCAL lock_timeout = '{wanted.patience}s'".encode())
            # What the backup brings happened long ago: no webhook is told of it.
            driver_of(opened).execute("SET LOCAL edupulse.quiet = 'on'")
            return _restored(opened, parts, wanted, home, by)
    except LockNotAvailable:
        raise NotReady(
            "The database is in use.", "Stop the service and other commands first."
        ) from None


def _restored(opened: Opened, parts: Parts, wanted: Wanted, home: Path, by: str) -> Restored:
    connection, head = driver_of(opened), parts.backup.head
    if _holds_records(connection) and not wanted.replace:
        raise Refused(
            "The database is not empty, so nothing was restored.",
            "Add --replace: what is there is lost, but for its audit log.",
        )
    present = _set_log_aside(connection, parts.anchor)
    schema.drop(opened)
    schema.upgrade(opened, head.revision)
    _fill(connection, parts, home)
    schema.upgrade(opened)
    newer = connection.execute(_PUT_BACK).rowcount
    _require_one_log(connection, [parts.anchor, present, *wanted.anchors])
    _require_keys(connection)
    connection.execute(_REVOKE_AGAIN)
    purged = _purge_again(connection, wanted, head.made, by)
    body = {"made": head.made.isoformat(), "anchor": head.anchor, "newer": newer, "purged": purged}
    audit.append(connection, [Entry(What.RESTORED, by, "edupulse restore", body=body)])
    return Restored(parts.backup, newer, purged, blind=not newer and not wanted.purged)


_PUT_BACK = """
    INSERT INTO state.audit (number, at, what, who, purpose, student, body, hash)
    SELECT number, at, what, who, purpose, student, body, hash FROM pg_temp.newer ORDER BY number
"""


def _holds_records(connection: Connection) -> bool:
    wanted = (("identity", "district"), ("state", "audit"), ("state", "checkpoints"))
    first = SQL("SELECT 1 FROM {} LIMIT 1")
    return any(
        _exists(connection, ".".join(name))
        and connection.execute(first.format(Identifier(*name))).fetchone()
        for name in wanted
    )


def _exists(connection: Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return bool(row and row[0])


def _set_log_aside(connection: Connection, backed_up: Anchor) -> Anchor:
    """The temporary table `newer`: entries beyond the backup's; returns the present log's end."""
    there = _exists(connection, "state.audit")
    log = SQL("state.audit WHERE number > {}").format(backed_up.number) if there else _NO_LOG
    create = SQL("CREATE TEMP TABLE newer ON COMMIT DROP AS SELECT * FROM {}")
    connection.execute(create.format(log))
    return audit.end_of(connection) if there else Anchor(0, "")


_NO_LOG = SQL("""
    (SELECT 0::bigint AS number, now() AS at, '' AS what, '' AS who, '' AS purpose,
        NULL::uuid AS student, '{}'::json AS body, ''::bytea AS hash) none WHERE false
""")


def _require_one_log(connection: Connection, anchors: Iterable[Anchor]) -> None:
    verdict = audit.verify(audit.written(connection), anchors)
    if not verdict.whole:
        raise Refused(
            f"The audit log would not be whole, so nothing was restored. {verdict.broken}",
            "If the database is another one than the backup's, restore into an empty one; if an"
            " anchor knows more than the backup, look for a newer backup.",
        )


def _require_keys(connection: Connection) -> None:
    """Raises NotReady where a key of the names is missing."""
    for number in sealed_by(connection):
        keyring().of(number)


def _fill(connection: Connection, parts: Parts, home: Path) -> None:
    """Fill the empty tables and the folder of checkpoints; checked once all was read."""
    head = parts.backup.head
    for table in head.tables:  # migrations leave some rows of their own
        name = Identifier(*table.name.split(".", 1))
        connection.execute(SQL("DELETE FROM {}").format(name))
    by_name = {table.name: table for table in head.tables}
    for part, content in parts:
        if part in by_name:
            _copy(connection, by_name[part], content)
        else:
            _write_checkpoint(home, part, content)
    for sequence, last in head.sequences.items():
        connection.execute("SELECT setval(%s::regclass, %s)", [sequence, last])
    for folder in parts.backup.checkpoints:
        connection.execute(
            "UPDATE state.checkpoints SET folder = %s WHERE folder LIKE %s",
            [str(home / "checkpoints" / folder), f"%/{folder}"],
        )


def _copy(connection: Connection, table: Content, content: bytes) -> None:
    query = SQL("COPY {} FROM STDIN").format(copied(table))
    sink: Copy
    with connection.cursor() as cursor, cursor.copy(query) as sink:
        sink.write(content)


def _write_checkpoint(home: Path, part: str, content: bytes) -> None:
    """A file of a checkpoint; one that is there with the same content stays as it is."""
    folder, _, name = part.partition("/")
    path = home / "checkpoints" / Path(folder).name / Path(name).name
    if path.exists() and sha256(path.read_bytes()).digest() == sha256(content).digest():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    half.write_bytes(content)
    os.replace(half, path)


_REVOKE_AGAIN = """
    UPDATE state.tokens t SET revoked = coalesce(t.revoked, n.at)
    FROM pg_temp.newer n WHERE n.what = 'token_revoked' AND n.body ->> 'token' = t.id::text
"""


def _purge_again(connection: Connection, wanted: Wanted, made: datetime, by: str) -> int:
    """Remove again who was removed after the backup; returns how many students."""
    rows = connection.execute(
        "SELECT DISTINCT student FROM pg_temp.newer WHERE what = 'purged' AND student IS NOT NULL"
    ).fetchall()
    gone = {row[0] for row in rows} | {one.student for one in wanted.purged if one.at > made}
    done = 0
    for student in sorted(gone):
        row = connection.execute(
            "SELECT student FROM identity.student WHERE student_id = %s", [student]
        ).fetchone()
        if row is not None:
            purging.purge(connection, row[0], by=by, because="was purged after the backup")
            done += 1
    return done


def tombstones(connection: Connection) -> list[Tombstone]:
    """Every student who was purged, the oldest first: to be kept where no backup is."""
    rows = connection.execute(
        "SELECT at, student FROM state.audit WHERE what = 'purged' AND student IS NOT NULL"
        " ORDER BY number"
    ).fetchall()
    return [Tombstone(*row) for row in rows]
