"""Every look at a student's record is written down: by whom, of whom, why; and every refused one.

A record is opened here or not at all: what `access` permits is a disclosure, what it refuses an
attempt that stands in the log as well, whether such a student exists or not (law 13).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from edupulse.casework.access import Part, Parts, Sight, Viewer, sight
from edupulse.school.errors import NotFound
from edupulse.store import audit
from edupulse.store.audit import Entry, What
from edupulse.store.store import Store

NOBODY = 0
"""No student's key: they begin at 1."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One request: who asks, when (aware), and why; `sight` where it is decided already."""

    viewer: Viewer
    at: datetime
    purpose: str
    sight: Sight | None = None


def sight_in(store: Store, asking: Asking) -> Sight:
    """What is seen in this asking."""
    return sight(store, asking.viewer, asking.at) if asking.sight is None else asking.sight


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that was opened: whose, and the parts that are shown."""

    student: int
    parts: Parts


def open_record(store: Store, asking: Asking, name: str, parts: Sequence[Part]) -> int:
    """The key of a student of whom the viewer may see all these parts; a disclosure.

    `name` is a UUID or the district's number. Raises NotFound alike where there is no such student
    and where one is not the viewer's; either is written down as denied.
    """
    return open_parts(store, asking, name, parts).student


def open_parts(
    store: Store, asking: Asking, name: str, needed: Sequence[Part], wished: Sequence[Part] = ()
) -> Opened:
    """The same, with those of the parts `wished` for that the viewer may see as well."""
    try:
        student: int | None = store.resolve_student(name)
    except NotFound:
        student = None
    seen = sight_in(store, asking)
    if student is None or not set(needed) <= seen.of(student):
        deny(store, asking, name, student)
        raise no_such_student()
    shown = frozenset(needed) | (seen.of(student) & frozenset(wished))
    disclose(store, asking, [student], sorted(shown))
    return Opened(student, shown)


def no_such_student() -> NotFound:
    """The answer where there is none, and where there is one whom the viewer may not see."""
    return NotFound("There is no such student.", "Give the student_id of one of your students.")


def open_records(
    store: Store, asking: Asking, students: Iterable[int], parts: Sequence[Part]
) -> list[int]:
    """Those of the students of whom the viewer may see all these parts; each is a disclosure."""
    seen = sight_in(store, asking)
    permitted = [student for student in students if set(parts) <= seen.of(student)]
    disclose(store, asking, permitted, parts)
    return permitted


def disclose(store: Store, asking: Asking, students: Sequence[int], parts: Sequence[Part]) -> None:
    """Write down that these students' records were shown."""
    disclose_each(store, asking, dict.fromkeys(students, parts))


def disclose_each(
    store: Store, asking: Asking, shown: Mapping[int, Collection[Part]]
) -> dict[int, uuid.UUID]:
    """Write down which parts of which student were shown, all in one transaction; their UUIDs."""
    ids = store.student_ids(shown)
    who, why = asking.viewer.name, asking.purpose
    entries = [
        Entry(What.DISCLOSED, who, why, ids[student], {"parts": sorted(parts)})
        for student, parts in shown.items()
    ]
    _write(store, entries)
    return ids


def deny(store: Store, asking: Asking, name: str, student: int | None) -> None:
    """Write down a refused attempt: under the student, or where none is, a digest of the name.

    Nobody is looked up as somebody is, so that the time it takes does not tell them apart.
    """
    found = store.student_ids([NOBODY if student is None else student])
    _write(store, [denied(asking, name, None if student is None else found[student])])


def denied(asking: Asking, name: str, found: uuid.UUID | None) -> Entry:
    """The entry of a refused attempt."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    body = {} if found else {"asked_for": digest}
    return Entry(What.DENIED, asking.viewer.name, asking.purpose, found, body)


def refuse(store: Store, asking: Asking, right: str) -> None:
    """Write down an attempt at what the asker has no right to do at all."""
    _write(store, [Entry(What.DENIED, asking.viewer.name, asking.purpose, body={"right": right})])


def seen_by(
    store: Store, asking: Asking, name: str, *, before: int | None, most: int
) -> tuple[list[audit.Seen], bool]:
    """Who saw this student's record, the newest first, after the entry `before`; is there more?

    To ask is a disclosure itself. Raises NotFound for a student of whom the viewer may not ask it.
    """
    student = open_record(store, asking, name, [Part.DISCLOSURES])
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        found = audit.shown_of(connection, student, before, most + 1)
    return found[:most], len(found) > most


def _write(store: Store, entries: Sequence[Entry]) -> None:
    if entries:
        with store.writing() as connection:
            audit.append(connection, entries)
