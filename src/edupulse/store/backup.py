"""A backup: every table as one snapshot saw it, and the checkpoints, in one sealed archive.

The tables go out by COPY and not by pg_dump: one way for every server, its content can be checked
without a server, and a restore is one transaction that can be looked at before it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier
from pydantic import BaseModel
from sqlalchemy import Engine

from edupulse.school.errors import BadInput
from edupulse.store import audit, schema
from edupulse.store.archive import Told, Writer, pieces, written
from edupulse.store.audit import Anchor, Entry, What
from edupulse.store.checkpoints import checkpoints
from edupulse.store.connection import driver_of
from edupulse.store.store import Store
from edupulse.store.tables import SCHEMAS, metadata

HEAD, FOOT = "head.json", "foot.json"
TABLES, CHECKPOINTS = "tables/", "checkpoints/"
PIECE = 4 << 20
"""Bytes of a table in one piece: what is in memory at a time."""


class Content(BaseModel):
    """A table: its name with its schema, and its columns in the order of its rows."""

    name: str
    columns: list[str]


class Head(BaseModel):
    """What one has to know before the rest can be read."""

    made: datetime
    revision: str
    anchor: str
    tables: list[Content]
    sequences: dict[str, int]


class Sum(BaseModel):
    """How much of one thing there was: rows of a table or bytes of a file, and their SHA-256."""

    count: int
    sha256: str


class Foot(BaseModel):
    """By table, or by file of a checkpoint."""

    sums: dict[str, Sum]


@dataclass
class Backup:
    """What a backup holds; complete once `parts` was read to its end."""

    head: Head
    sums: dict[str, Sum] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(one.count for name, one in self.sums.items() if "/" not in name)

    @property
    def checkpoints(self) -> set[str]:
        """The names of the checkpoints' folders."""
        return {name.split("/")[0] for name in self.sums if "/" in name}


def back_up(store: Store, path: Path, *, now: datetime, by: str, told: Told) -> Backup:
    """Write a backup to a new file, and that it was done to the audit log."""
    store.tables.ensure_newest()
    with written(path) as archive:
        made = _written(store.engine, archive, now, told)
    body = {"rows": made.rows, "checkpoints": len(made.checkpoints), "anchor": made.head.anchor}
    with store.writing() as connection:
        audit.append(connection, [Entry(What.BACKED_UP, by, "edupulse backup", body=body)])
    return made


def _written(engine: Engine, archive: Writer, now: datetime, told: Told) -> Backup:
    with engine.connect() as opened:
        snapshot = opened.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with snapshot.begin():
            revision = schema.applied_revision(snapshot)
            connection = driver_of(snapshot)
            made = Backup(_head(connection, str(revision), now))
            archive.put(HEAD, made.head.model_dump_json().encode())
            for name, content in _checkpoint_files(connection):
                archive.put(CHECKPOINTS + name, content)
                made.sums[name] = _sum(content)
            for number, table in enumerate(made.head.tables):
                made.sums[table.name] = _put_table(connection, archive, table)
                told((number + 1) / len(made.head.tables))
    archive.put(FOOT, Foot(sums=made.sums).model_dump_json().encode())
    return made


def _head(connection: Connection, revision: str, now: datetime) -> Head:
    sequences = connection.execute(
        "SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences"
        " WHERE schemaname = ANY(%s) AND last_value IS NOT NULL",
        [list(SCHEMAS)],
    ).fetchall()
    return Head(
        made=now,
        revision=revision,
        anchor=str(audit.end_of(connection)),
        tables=[
            Content(name=table.fullname, columns=[column.name for column in table.columns])
            for table in metadata.sorted_tables
        ],
        sequences=dict(sequences),
    )


def _checkpoint_files(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Folder, file and content of every checkpoint of the registry that is still there."""
    for registered in checkpoints(connection):
        folder = Path(registered.folder)
        for file in sorted(folder.glob("*")) if folder.is_dir() else ():
            yield f"{folder.name}/{file.name}", file.read_bytes()


def _put_table(connection: Connection, archive: Writer, table: Content) -> Sum:
    digest, rows = sha256(), 0
    for number, piece in enumerate(_pieces(connection, table)):
        archive.put(f"{TABLES}{table.name}/{number:06}", piece)
        digest.update(piece)
        rows += rows_in(piece)
    return Sum(count=rows, sha256=digest.hexdigest())


def _pieces(connection: Connection, table: Content) -> Iterator[bytes]:
    """The rows of a table as COPY writes them, some whole rows at a time."""
    query = SQL("COPY {} TO STDOUT").format(copied(table))
    held = bytearray()
    with connection.cursor() as cursor, cursor.copy(query) as source:
        for row in source:
            held += row
            if len(held) >= PIECE:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def copied(table: Content) -> Composable:
    """A table and its columns, as COPY names them."""
    columns = SQL(", ").join(Identifier(column) for column in table.columns)
    return SQL("{} ({})").format(Identifier(*table.name.split(".", 1)), columns)


def rows_in(piece: bytes) -> int:
    """How many rows there are: COPY ends each with the only line feed that it does not escape."""
    return piece.count(b"\n")


def _sum(content: bytes) -> Sum:
    return Sum(count=len(content), sha256=sha256(content).hexdigest())


class Parts:
    """A backup that is read: its head at once, its parts in their order, checked at their end."""

    def __init__(self, path: Path, told: Told) -> None:
        self._path = path
        self._pieces = pieces(path, told)
        name, content = next(self._pieces, ("", b""))
        if name != HEAD:
            raise BadInput("is no backup of EduPulse.", file=str(path))
        self.backup = Backup(Head.model_validate_json(content))

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Pieces under the name of their table, or of their file. Raises BadInput if one is wrong.

        That all are there and as they were is known only when the last one was taken.
        """
        digests: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for name, content in self._pieces:
            if name == FOOT:
                self._check(Foot.model_validate_json(content).sums, digests, counts)
                return
            part, count = _named(name, content)
            digests.setdefault(part, sha256()).update(content)
            counts[part] = counts.get(part, 0) + count
            yield part, content
        raise BadInput("has no end.", file=str(self._path))

    def _check(
        self, sums: dict[str, Sum], digests: Mapping[str, Any], counts: Mapping[str, int]
    ) -> None:
        empty = _sum(b"")
        found = {
            name: Sum(count=counts[name], sha256=digests[name].hexdigest())
            if name in digests
            else empty
            for name in {*sums, *digests}
        }
        if found != sums:
            raise BadInput("does not hold what it says.", file=str(self._path))
        self.backup.sums = sums

    @property
    def anchor(self) -> Anchor:
        """The end of the audit log when the backup was made."""
        return Anchor.read(self.backup.head.anchor)


def _named(name: str, content: bytes) -> tuple[str, int]:
    if name.startswith(TABLES):
        return name.removeprefix(TABLES).rpartition("/")[0], rows_in(content)
    return name.removeprefix(CHECKPOINTS), len(content)


def check(path: Path, told: Told) -> Backup:
    """Read a backup to its end, without a database. Raises BadInput where it is not whole."""
    parts = Parts(path, told)
    for _ in parts:
        pass
    return parts.backup
