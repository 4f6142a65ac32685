"""The audit log: who did what to whose record, when and why; it tells if it was touched (law 14).

Each entry carries the hash of itself and of the hash before it, so that an edit, a deletion or a
reordering breaks the chain from there on. A tail that was cut off leaves a whole chain: only an
anchor that is kept elsewhere shows it. The database alone gives the time and the number.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection

from edupulse.school.errors import BadInput
from edupulse.store.line import Line


class What(StrEnum):
    """What was done."""

    DISCLOSED = "disclosed"
    DENIED = "denied"
    PREDICTED = "predicted"
    SCORED = "scored"
    REPLAYED = "replayed"
    TOKEN_CREATED = "token_created"  # noqa: S105  (a word)
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    KEYS_ROTATED = "keys_rotated"
    PURGED = "purged"
    BACKED_UP = "backed_up"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to be written down. `who` and `body` hold ids and numbers, never a person's name.

    `student` is the student's UUID, where it concerns one.
    """

    what: What
    who: str
    purpose: str
    student: uuid.UUID | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.who.strip() or not self.purpose.strip():
            raise BadInput("An entry of the audit log needs who and why.", "Name a purpose.")

    def as_json(self) -> dict[str, Any]:
        """As the database takes it."""
        return {
            "what": self.what,
            "who": self.who,
            "purpose": self.purpose,
            "student": str(self.student) if self.student else None,
            "body": self.body,
        }


@dataclass(frozen=True, slots=True)
class Written:
    """One entry as it stands in the log; `body` is its text, to the byte."""

    number: int
    at: datetime
    what: str
    who: str
    purpose: str
    student: uuid.UUID | None
    body: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry about a student, as it is shown to those who may ask."""

    number: int
    at: datetime
    what: str
    who: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The log's end at some time: kept elsewhere, it proves that nothing up to it was changed."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Anchor:
        """From `number:hash`. Raises BadInput."""
        if not re.fullmatch(r"[0-9]{1,18}:([0-9a-f]{64})?", text.strip()):
            raise BadInput("This is no anchor.", "Give what `edupulse audit anchor` printed.")
        number, _, digest = text.strip().partition(":")
        return cls(int(number), digest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found: how many entries hold, the end, and what is wrong where."""

    entries: int
    end: Anchor
    broken: str = ""

    @property
    def whole(self) -> bool:
        """Is the log untouched, as far as it and the anchors can tell?"""
        return not self.broken


def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write entries down in the connection's transaction.

    Whoever appends waits for the transaction that appended before: do it last, and many at once.
    """
    connection.execute(_APPEND, [_listed(entries)])


async def append_by(line: Line, entries: Sequence[Entry]) -> None:
    """The same by a line that asks APPEND: written down and committed when this returns."""
    await line.ask(_listed(entries).encode())


_APPEND = "SELECT state.append_audit(%s::json)"
APPEND = _APPEND.replace("%s", "$1")
"""The same as a statement of PostgreSQL's own."""


def _listed(entries: Sequence[Entry]) -> str:
    return json.dumps([entry.as_json() for entry in entries])


def end_of(connection: Connection) -> Anchor:
    """The anchor of the log as it stands."""
    row = connection.execute(
        "SELECT number, encode(hash, 'hex') FROM state.audit ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return Anchor(*row) if row else Anchor(0, "")


def newest(connection: Connection) -> tuple[int, datetime | None]:
    """The number and the instant of the newest entry; (0, None) for an empty log."""
    row = connection.execute(
        "SELECT number, at FROM state.audit ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def written(connection: Connection) -> Iterator[Written]:
    """The whole log in order, read piece by piece."""
    with connection.cursor("audit_log") as cursor:
        cursor.execute(
            "SELECT number, at, what, who, purpose, student, body::text, hash"
            " FROM state.audit ORDER BY number"
        )
        for row in cursor:
            yield Written(*row)


def of_student(connection: Connection, student: uuid.UUID) -> list[Written]:
    """Every entry about one student, the newest first."""
    rows = connection.execute(
        "SELECT number, at, what, who, purpose, student, body::text, hash"
        " FROM state.audit WHERE student = %s ORDER BY number DESC",
        [student],
    ).fetchall()
    return [Written(*row) for row in rows]


def shown_of(connection: Connection, student: int, before: int | None, most: int) -> list[Seen]:
    """Entries about one student (key), the newest first, after the one of number `before`.

    For the service's role: where its asker may see them.
    """
    rows = connection.execute(
        "SELECT number, at, what, who, purpose FROM access.disclosures"
        " WHERE student = %(student)s AND (%(before)s::bigint IS NULL OR number < %(before)s)"
        " ORDER BY number DESC LIMIT %(most)s",
        {"student": student, "before": before, "most": most},
    ).fetchall()
    return [Seen(*row) for row in rows]


def verify(log: Iterable[Written], anchors: Iterable[Anchor] = ()) -> Verdict:
    """Follow the chain from the first entry, and look whether it passes through the anchors."""
    expected = {anchor.number: anchor.hash for anchor in anchors if anchor.number}
    passed, end = set(), Anchor(0, "")
    for entry in log:
        broken = _wrong(entry, end, expected.get(entry.number))
        if broken:
            return Verdict(end.number, end, broken)
        passed.add(entry.number)
        end = Anchor(entry.number, entry.hash.hex())
    gone = sorted(set(expected) - passed)
    if gone:
        return Verdict(
            end.number, end, f"The log ends at {end.number}, and an anchor knows entry {gone[-1]}."
        )
    return Verdict(end.number, end)


def _wrong(entry: Written, before: Anchor, anchored: str | None) -> str:
    if entry.number != before.number + 1:
        return f"After entry {before.number} comes {entry.number}: entries are missing or moved."
    if chained(bytes.fromhex(before.hash), entry) != entry.hash:
        return f"Entry {entry.number} does not fit its hash: it or the one before was changed."
    if anchored is not None and entry.hash.hex() != anchored:
        return f"Entry {entry.number} is not the one that the anchor knows: the log was rewritten."
    return ""


def chained(before: bytes, entry: Written) -> bytes:
    """The hash of an entry after the hash before it, computed apart from the database."""
    moment = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    student = None if entry.student is None else str(entry.student)
    parts = (str(entry.number), moment, entry.what, entry.who, entry.purpose, student, entry.body)
    told = b",".join(_told(part) for part in parts)
    return hashlib.sha256(before + told).digest()


def _told(part: str | None) -> bytes:
    if part is None:
        return b"-"
    octets = part.encode()
    return b"%d:%s" % (len(octets), octets)
