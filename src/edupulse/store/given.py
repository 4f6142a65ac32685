"""An answer is given where its basis still holds, and the log says so: one question decides both.

Whether it holds is seen in one state of the database, that of the question's beginning. What holds
is written down and committed when the answer comes; of the rest nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from edupulse.store.audit import Entry
from edupulse.store.line import Line
from edupulse.store.standing import Basis


@dataclass(frozen=True, eq=False, slots=True)
class Claim:
    """An answer about a student (key) that may be given on this basis alone, and its entry."""

    student: int
    basis: Basis
    entry: Entry

    def as_json(self) -> dict[str, object]:
        """As the database takes it."""
        return {
            "student": self.student,
            "version": self.basis.student,
            "reference": self.basis.reference,
            "registry": self.basis.registry,
            "entry": self.entry.as_json(),
        }


async def given_by(line: Line, claims: Sequence[Claim]) -> set[Claim]:
    """Those that hold; their entries are in the log. By a line that asks QUESTION."""
    asked = json.dumps([claim.as_json() for claim in claims]).encode()
    numbers, _ = await line.ask(asked)
    return {claims[number - 1] for number in json.loads(numbers or b"[]")}


QUESTION = """
    WITH held AS (
        SELECT n, claim -> 'entry' AS entry
        FROM json_array_elements($1::json) WITH ORDINALITY c (claim, n)
            LEFT JOIN state.student_versions s ON s.student = (claim ->> 'student')::integer
        WHERE coalesce(s.version, 0) = (claim ->> 'version')::bigint
            AND (SELECT version FROM state.versions WHERE name = 'reference')
                = (claim ->> 'reference')::bigint
            AND (SELECT version FROM state.versions WHERE name = 'registry')
                = (claim ->> 'registry')::bigint
    ), found AS (
        SELECT json_agg(n) AS numbers, json_agg(entry ORDER BY n) AS entries FROM held
    )
    SELECT numbers, CASE WHEN numbers IS NOT NULL THEN state.append_audit(entries) END FROM found
"""
"""Which claims hold, by number, as a statement of PostgreSQL's own."""
