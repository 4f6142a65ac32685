"""Who somebody is whom the district's provider has signed in, by the district's own records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from psycopg import Connection

from edupulse.casework.access import Viewer
from edupulse.school.errors import NotFound
from edupulse.store import people
from edupulse.store.store import Store


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a checked token says of its holder; `email` only where the provider verified it.

    `guardian` is the district's id of a guardian, or an address where `guardian_by_email`;
    `student` the district's number of a student.
    """

    login: str | None = None
    email: str | None = None
    guardian: str | None = None
    guardian_by_email: bool = False
    student: str | None = None

    def digest(self) -> str:
        """What a log may say of the holder: the same for the same person, and no name."""
        said = "\n".join(
            name or "" for name in (self.login, self.email, self.guardian, self.student)
        )
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def person(store: Store, claimed: Claimed) -> Viewer | None:
    """The one person on record to whom the claims fit; None for nobody, or several.

    Somebody of staff who is a guardian too has both rights.
    """
    with store.writing() as connection:
        staff = _staff(connection, claimed)
        guardian = _guardian(connection, claimed)
        student = _student(connection, claimed)
    named = {"staff": staff, "guardian": guardian, "student": student}
    kind, key = next(((k, v) for k, v in named.items() if v is not None), ("", None))
    return Viewer(f"{kind}:{key}", staff, guardian, student) if kind else None


def _staff(connection: Connection, claimed: Claimed) -> int | None:
    """By the login; else by a verified address, as login or as e-mail."""
    found = None
    if claimed.login is not None:
        found = people.staff_by_login(connection, claimed.login, ("login",))
    if found is None and claimed.email is not None:
        found = people.staff_by_login(connection, claimed.email)
    return found


def _guardian(connection: Connection, claimed: Claimed) -> str | None:
    if claimed.guardian is None:
        return None
    if claimed.guardian_by_email:
        return people.guardian_by_email(connection, claimed.guardian)
    return claimed.guardian if people.is_guardian(connection, claimed.guardian) else None


def _student(connection: Connection, claimed: Claimed) -> int | None:
    if claimed.student is None:
        return None
    try:
        return people.resolve_student(connection, claimed.student)
    except NotFound:
        return None
