"""The answer that stands for each student: which stored one, on which versions, and until when.

It spares whoever asks next the computing. Every process shares it, a restart loses nothing, and the
nightly list fills it before anybody asks. Whether it may be given is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from edupulse.store.line import Line
from edupulse.store.risks import BEFORE, WORKLIST_BAND, StoredRisk, with_worklist_band
from edupulse.store.versions import Versions


@dataclass(frozen=True, slots=True)
class Basis:
    """The versions on which an answer rests: the student's, the reference's, the registry's."""

    student: int
    reference: int
    registry: int

    @classmethod
    def of(cls, found: Versions, student: int) -> Basis:
        """The versions that count for one student."""
        return cls(found.students[student], found.reference, found.registry)


@dataclass(frozen=True)
class Prediction:
    """What is said of one student, on which basis, and how long that is what `now` would give.

    Until `stands_until` no day ends at any school and nothing becomes known by what is stored.
    """

    risk: StoredRisk
    basis: Basis
    stands_until: datetime


def let_stand(connection: Connection, predictions: Iterable[Prediction]) -> None:
    """Of each student the newest of these and of what stood before; they are stored already."""
    newest = {one.risk.student: _row(one) for one in predictions}
    # In one order, so that two transactions never wait for each other.
    if newest:
        columns = zip(*(newest[student] for student in sorted(newest)), strict=True)
        connection.execute(_STAND, [list(column) for column in columns])


def _row(prediction: Prediction) -> tuple[Any, ...]:
    risk, basis = prediction.risk, prediction.basis
    versions = (basis.registry, basis.reference, basis.student)
    return (risk.student, risk.id, *versions, prediction.stands_until)


_STAND = """
    INSERT INTO state.standing AS s (student, risk, registry, reference, version, until)
    SELECT * FROM unnest(%s::integer[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::timestamptz[])
    ON CONFLICT (student) DO UPDATE SET risk = excluded.risk, registry = excluded.registry,
        reference = excluded.reference, version = excluded.version, until = excluded.until
    WHERE (excluded.registry, excluded.reference, excluded.version, excluded.until)
        >= (s.registry, s.reference, s.version, s.until)
"""

QUESTION = f"""
    SELECT coalesce(json_agg(found), '[]')::text FROM (
        SELECT i.student_id, r.id, json_build_array(s.version, s.reference, s.registry) AS basis,
            s.until, r.student, r.as_of, r.method, r.policy, r.state, r.checkpoint, r.risk,
            json_build_array(r.low, r.high) AS interval, r.body,
            CASE WHEN r.body ? '{WORKLIST_BAND}' THEN NULL ELSE coalesce((
                SELECT json_agg(json_build_array(risk, band))
                FROM ({BEFORE.format(which="= r.student", as_of="r.as_of")}) before
            ), '[]') END AS weeks
        FROM identity.student i JOIN state.standing s USING (student)
            JOIN state.risks r ON r.id = s.risk
        WHERE i.student_id = ANY($1::uuid[])
    ) found
"""  # noqa: S608  (constants of two modules)
"""What stands for the students whose UUIDs are the array, as a statement of PostgreSQL's own.

Of what a list stored, with the weeks before: it did not need the worklist's band.
"""


async def standing_by(line: Line, students: Iterable[UUID]) -> dict[UUID, tuple[UUID, Prediction]]:
    """By a line that asks QUESTION: student's UUID to the stored answer's id and what it says."""
    (found,) = await line.ask(b"{%s}" % ",".join(map(str, set(students))).encode())
    return {
        UUID(row["student_id"]): (UUID(row["id"]), _read(row)) for row in json.loads(found or b"[]")
    }


def _read(row: dict[str, Any]) -> Prediction:
    low, high = row["interval"]
    risk = StoredRisk(row["student"], _instant(row["as_of"]), row["method"], row["policy"],
                      row["state"], row["checkpoint"], row["risk"],
                      None if low is None else (low, high), row["body"])  # fmt: skip
    if row["weeks"] is not None:
        risk = with_worklist_band(risk, row["weeks"])
    return Prediction(risk, Basis(*row["basis"]), _instant(row["until"]))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
