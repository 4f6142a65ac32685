"""Numbers that grow when records change: a number that stayed says that an answer still holds.

Each student has one, which grows in the transaction that merges a version of any of his or her
records, under whatever number it came. Beside them stand the versions of what answers about
everybody rest on. A version grows at least to the microsecond of the clock, so that a database
that was restored from a backup does not give the same number to another state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from psycopg import Connection
from psycopg.sql import SQL, Composable

from edupulse.school.kind import Kind
from edupulse.school.records import REFERENCE_KINDS, STUDENT_IDS
from edupulse.store.line import Line
from edupulse.store.moments import RIGHTS_KINDS, RIGHTS_VERSION, note_moments
from edupulse.store.question import Question, Rows, Statement, array


class Of(StrEnum):
    """What has a version of its own beside the students (the triggers of 0010 write some)."""

    REFERENCE = "reference"
    RIGHTS = "rights"
    TOKENS = "tokens"
    REGISTRY = "registry"


OF_KINDS: Mapping[Of, frozenset[str]] = {
    Of.REFERENCE: frozenset(kind.name for kind in (*REFERENCE_KINDS, STUDENT_IDS)),
    Of.RIGHTS: frozenset(kind.name for kind in RIGHTS_KINDS),
}
"""Which kinds of record each version follows: any student's features, and who may see whom."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one committed state of the database.

    `reference`: what any student's features may rest on, the district's time zone included.
    `rights`: what casework/access rests on, the district's decision about families and tokens that
    were revoked included. `registry`: which checkpoints there are and which one serves;
    `checkpoint` is its hash, empty where the rules serve. `students`: key to version, of those
    asked for; 0 where nothing was ever merged.
    """

    reference: int
    rights: int
    registry: int
    checkpoint: str
    students: Mapping[int, int]


def versions(students: Iterable[int] = ()) -> Question[Versions]:
    """All of them, and those of some students."""
    asked = [int(student) for student in students]
    return Question(_STATEMENT, (array(asked),), partial(_versions, asked))


@dataclass(frozen=True, slots=True)
class Seen:
    """Of the versions those that count for every request; of one committed state, as above."""

    rights: int
    registry: int
    checkpoint: str


async def seen_by(line: Line) -> Seen:
    """As of now, by a line that asks QUESTION."""
    rights, registry, checkpoint = (value or b"" for value in await line.ask())
    return Seen(int(rights), int(registry), checkpoint.decode())


def _versions(asked: list[int], rows: Rows) -> Versions:
    [(reference, rights, registry, checkpoint, keys, found)] = rows  # an aggregate always has a row
    students = dict.fromkeys(asked, 0) | dict(zip(keys, found, strict=True))
    return Versions(reference, rights, registry, checkpoint, students)


_CHAMPION = "coalesce((SELECT hash FROM state.checkpoints WHERE status = 'champion'), '')"

_STATEMENT = Statement(
    f"""
    SELECT n.*, {_CHAMPION} AS checkpoint, s.*
    FROM (SELECT sum(version) FILTER (WHERE name = 'reference')::bigint AS reference,
            sum(version) FILTER (WHERE name IN ('rights', 'tokens'))::bigint AS rights,
            sum(version) FILTER (WHERE name = 'registry')::bigint AS registry
        FROM state.versions) n,
        (SELECT coalesce(array_agg(student), ARRAY[]::integer[]) AS students,
            coalesce(array_agg(version), ARRAY[]::bigint[]) AS versions
        FROM state.student_versions WHERE student = ANY($1)) s
    """,  # noqa: S608  (a constant)
    ("integer[]",),
)

QUESTION = f"""
    SELECT ({RIGHTS_VERSION}), (SELECT version FROM state.versions WHERE name = 'registry'),
        {_CHAMPION}
"""  # noqa: S608  (constants of two modules)
"""What counts for every request, as a statement of PostgreSQL's own."""


def bump(connection: Connection, *names: Of) -> None:
    """Let versions grow, in the connection's transaction."""
    # In one order, so that two transactions never wait for each other.
    for name in sorted(names):
        connection.execute("SELECT state.bump(%s)", [name])


def bump_merged(connection: Connection, kind: Kind, merged: Composable) -> None:
    """Let the versions grow that follow a kind, of which the table `merged` holds what is new."""
    bump(connection, *(name for name, kinds in OF_KINDS.items() if kind.name in kinds))
    if kind.name in OF_KINDS[Of.RIGHTS]:
        note_moments(connection, merged)
    if kind.is_by_student:
        connection.execute(_BUMP_STUDENTS.format(merged))


# A record under an old number is one of the student to whom that number leads.
_BUMP_STUDENTS = SQL("""
    WITH RECURSIVE merges AS (
        SELECT old_student_id, student FROM records.student_ids
        UNION SELECT old_student_id, student FROM records.student_ids_past
    ), touched AS (
        SELECT DISTINCT student FROM {}
        UNION SELECT m.student FROM touched t JOIN merges m ON m.old_student_id = t.student
    )
    INSERT INTO state.student_versions AS v (student, version)
    SELECT student, state.next_version(0) FROM touched
    ON CONFLICT (student) DO UPDATE SET version = state.next_version(v.version)
""")
