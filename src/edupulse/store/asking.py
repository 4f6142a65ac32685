"""Who asks the database, and when: row-level security shows a session its own students alone.

Everything here runs as `edupulse_service`, which owns nothing. It is the second lock behind
`casework/access.py`: a query that forgot to ask there still finds nobody else's students.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from psycopg.sql import SQL, Composed, Identifier, Literal

from edupulse.school.errors import BadInput, NotReady

ROLE = "edupulse_service"

SERVICE_MISSING = NotReady(
    f"The database role {ROLE} is not there, so nobody can be shown anything.",
    f"Let an administrator of that server run CREATE ROLE {ROLE} NOLOGIN and GRANT {ROLE} TO the"
    " user of DATABASE_URL; the next command does the rest.",
)


@dataclass(frozen=True, slots=True)
class Asker:
    """A person at an instant: one of staff (key), guardian (id) or student (key), or nobody.

    `at` is the instant of the asking (aware), by which rights are decided; it is never the as-of
    instant of what is asked for, or a right that was taken away would come back.
    """

    at: datetime
    staff: int | None = None
    guardian: str | None = None
    student: int | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise BadInput("The instant of an asking needs a time zone.", "Give it as UTC.")

    def settings(self) -> list[Composed]:
        """The statements by which a transaction becomes this person's."""
        said = {
            "at": self.at.isoformat(),
            "staff": self.staff,
            "guardian": self.guardian,
            "student": self.student,
        }
        values = {name: "" if value is None else str(value) for name, value in said.items()}
        return [
            *(
                SQL("SELECT set_config({}, {}, true)").format(
                    Literal(f"edupulse.{name}"), Literal(value)
                )
                for name, value in values.items()
            ),
            SQL("SET LOCAL ROLE {}").format(Identifier(ROLE)),
        ]


def ask_as(connection: Connection, asker: Asker) -> None:
    """Make the rest of this transaction the asker's. Raises NotReady where the role is missing."""
    try:
        for statement in asker.settings():
            connection.execute(statement)
    except (InsufficientPrivilege, InvalidParameterValue):
        raise SERVICE_MISSING from None


def shown(connection: Connection, part: str) -> tuple[bool, list[int]]:
    """What the policies let the asker of this transaction see: everyone, and these students."""
    row = connection.execute(_SHOWN, {"part": part}).fetchone()
    assert row is not None  # noqa: S101  (two values, whatever the tables hold)
    return row


_SHOWN = "SELECT access.everyone(%(part)s), ARRAY(SELECT access.students(%(part)s))"


def is_secured(connection: Connection) -> bool:
    """Is the service's role there, may this user become it, and has it its part of the tables?"""
    row = connection.execute(
        "SELECT pg_has_role(current_user, oid, 'SET') AND has_schema_privilege(oid, s, 'USAGE')"
        " FROM pg_roles, to_regnamespace('access') s WHERE rolname = %s",
        [ROLE],
    ).fetchone()
    return bool(row and row[0])


def secure(connection: Connection) -> bool:
    """Make the service's role where this user may, and grant it what it needs, no more.

    Returns whether this user may become it, too: a role with a login of its own does without.
    Doing it again changes nothing.
    """
    try:
        with connection.transaction():
            connection.execute(_MAKE)
            connection.execute(_GRANT)
    except InsufficientPrivilege:
        if connection.execute("SELECT to_regrole(%s)", [ROLE]).fetchone() != (None,):
            connection.execute(_GRANT)
        return False
    return True


_MAKE = f"""
    DO $$ BEGIN
        IF to_regrole('{ROLE}') IS NULL THEN CREATE ROLE {ROLE} NOLOGIN; END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$;
    DO $$ BEGIN
        IF NOT pg_has_role(current_user, '{ROLE}', 'SET') THEN
            GRANT {ROLE} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
        END IF;
    END $$
"""
_GRANT = f"""
    GRANT USAGE ON SCHEMA identity, records, apart, state, access TO {ROLE};
    GRANT EXECUTE ON FUNCTION access.everyone(text), access.students(text) TO {ROLE};
    GRANT EXECUTE ON FUNCTION state.append_audit(json) TO {ROLE};
    GRANT SELECT ON access.names, access.disclosures TO {ROLE};
    GRANT SELECT (student, student_id) ON identity.student TO {ROLE};
    GRANT SELECT ON identity.school, identity.section, identity.district TO {ROLE};
    GRANT SELECT ON
        records.schools, records.schools_past, records.coverage, records.coverage_past,
        records.calendar, records.calendar_past, records.terms, records.terms_past,
        records.scales, records.scales_past, records.sections, records.sections_past,
        records.student_ids, records.student_ids_past,
        records.enrollments, records.enrollments_past,
        records.section_students, records.section_students_past,
        records.caseloads, records.caseloads_past,
        records.attendance, records.attendance_past, records.marks, records.marks_past,
        records.course_grades, records.course_grades_past,
        records.incidents, records.incidents_past, records.exclusions, records.exclusions_past,
        records.students, records.students_past, apart.guardians
    TO {ROLE};
    GRANT SELECT, INSERT ON state.risks TO {ROLE};
    GRANT SELECT, INSERT ON state.feedback TO {ROLE};
    GRANT SELECT, INSERT ON state.interventions, state.sessions TO {ROLE};
    GRANT UPDATE (closed, closed_by, outcome, reason) ON state.interventions TO {ROLE};
    GRANT SELECT ON state.checkpoints, state.versions, state.student_versions TO {ROLE};
"""
