"""What was said of students: written once, never changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from psycopg import Connection

from edupulse.school.errors import NotFound

STATES = ("band", "insufficient_data", "out_of_season", "rules_only")


@dataclass(frozen=True)
class StoredRisk:
    """One answer about one student as of one instant.

    `checkpoint` is empty where rules spoke; `risk` and `interval` are None where there is no
    score. `body` holds the rest as JSON: band, factors, indicators, coverage.
    """

    student: int
    as_of: datetime
    method: str
    policy: str
    state: str
    checkpoint: str = ""
    risk: float | None = None
    interval: tuple[float, float] | None = None
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> uuid.UUID:
        """The answer's id: the same question has the same one."""
        instant = self.as_of.timestamp()
        asked = f"{self.student}:{instant!r}:{self.method}:{self.checkpoint}:{self.policy}"
        return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:edupulse:risk:{asked}")


@dataclass(frozen=True)
class Saved:
    """How many answers were stored, were there already, or were there with another risk."""

    stored: int
    there: int
    different: int


def save_risks(connection: Connection, risks: Iterable[StoredRisk]) -> Saved:
    """Store answers; the same question asked twice keeps its first answer."""
    connection.execute("DROP TABLE IF EXISTS pg_temp.said")
    connection.execute("CREATE TEMP TABLE said (LIKE state.risks INCLUDING DEFAULTS)")
    with connection.cursor() as cursor, cursor.copy(_COPY) as sink:
        for risk in risks:
            sink.write_row(_row(risk))
    asked = _count(connection, "SELECT count(*) FROM pg_temp.said")
    different = _count(connection, _DIFFERENT)
    stored = connection.execute(_INSERT).rowcount
    connection.execute("DROP TABLE pg_temp.said")
    return Saved(stored, asked - stored, different)


_COPY = """
    COPY pg_temp.said (id, student, as_of, method, checkpoint, policy, state, risk, low, high, body)
    FROM STDIN
"""
_SAME_QUESTION = """
    r.student = s.student AND r.as_of = s.as_of AND r.method = s.method
    AND r.checkpoint = s.checkpoint AND r.policy = s.policy
"""
_DIFFERENT = f"""
    SELECT count(*) FROM pg_temp.said s JOIN state.risks r ON {_SAME_QUESTION}
    WHERE (r.state, r.risk) IS DISTINCT FROM (s.state, s.risk)
"""  # noqa: S608  (a constant)
_INSERT = "INSERT INTO state.risks SELECT * FROM pg_temp.said ON CONFLICT DO NOTHING"


def stored_risk(connection: Connection, id_: str) -> tuple[StoredRisk, int]:
    """The answer of that id, and how many imports landed since it was stored. Raises NotFound."""
    row = connection.execute(
        "SELECT student, as_of, method, policy, state, checkpoint, risk, low, high, body,"
        " (SELECT count(*) FROM state.imports i WHERE i.finished > r.stored)"
        " FROM state.risks r WHERE id::text = %s",
        [id_],
    ).fetchone()
    if row is None:
        raise NotFound("There is no such prediction.", "Give the id of a stored one.")
    student, as_of, method, policy, state, checkpoint, risk, low, high, body, imports = row
    interval = None if low is None or high is None else (low, high)
    said = StoredRisk(student, as_of, method, policy, state, checkpoint, risk, interval, body)
    return said, int(imports)


def latest_risks(
    connection: Connection,
    students: Iterable[int] | None = None,
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """The newest stored answer about each student, not after `as_of`; riskiest first."""
    keys = None if students is None else [int(key) for key in students]
    rows = connection.execute(_LATEST, {"students": keys, "as_of": as_of}).fetchall()
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def weekly_risks(connection: Connection, students: Iterable[int], until: datetime) -> pl.DataFrame:
    """The scores stored of these students, the last of each week (UTC) by `until`.

    Student, risk and band, by student and then by week. Only who has a score in the newest answer
    is there: an old score does not outlive a newer answer without one.
    """
    asked = {"students": [int(key) for key in students], "until": until}
    rows = connection.execute(_WEEKLY, asked).fetchall()
    return pl.DataFrame(rows, schema=_WEEKLY_SCHEMA, orient="row")


_WEEKLY_SCHEMA = {"student": pl.Int32(), "risk": pl.Float64(), "band": pl.String()}
_WEEKLY = """
    WITH weekly AS (
        SELECT DISTINCT ON (student, date_trunc('week', as_of, 'UTC'))
            student, as_of, state, risk, body ->> 'risk_category' AS band
        FROM state.risks
        WHERE student = ANY(%(students)s::integer[]) AND as_of <= %(until)s
        ORDER BY student, date_trunc('week', as_of, 'UTC'), as_of DESC, stored DESC, id
    ), newest AS (
        SELECT DISTINCT ON (student) student, state FROM weekly ORDER BY student, as_of DESC
    )
    SELECT student, risk, band FROM weekly JOIN newest USING (student)
    WHERE newest.state = 'band' AND weekly.state = 'band'
    ORDER BY student, as_of
"""


def flagged(connection: Connection, students: Iterable[int], until: datetime) -> pl.DataFrame:
    """Student and rank of those of whom rules said last, by `until`, that an indicator fired.

    By rank, the highest first.
    """
    asked = {"students": [int(key) for key in students], "until": until}
    rows = connection.execute(_FLAGGED, asked).fetchall()
    return pl.DataFrame(rows, schema={"student": pl.Int32(), "rank": pl.Float64()}, orient="row")


_FLAGGED = """
    SELECT student, (body ->> 'rank')::float FROM (
        SELECT DISTINCT ON (student) student, state, body
        FROM state.risks
        WHERE student = ANY(%(students)s::integer[]) AND as_of <= %(until)s
        ORDER BY student, as_of DESC, stored DESC, id
    ) newest
    WHERE state = 'rules_only' AND jsonb_array_length(body -> 'indicators') > 0
    ORDER BY 2 DESC, student
"""

_SCHEMA = {
    "id": pl.String(),
    "student": pl.Int32(),
    "as_of": pl.Datetime("us", "UTC"),
    "method": pl.String(),
    "checkpoint": pl.String(),
    "policy": pl.String(),
    "state": pl.String(),
    "risk": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "body": pl.String(),
}
_LATEST = """
    SELECT * FROM (
        SELECT DISTINCT ON (student) id::text, student, as_of, method, checkpoint, policy, state,
            risk, low, high, body::text
        FROM state.risks
        WHERE (%(students)s::integer[] IS NULL OR student = ANY(%(students)s))
          AND (%(as_of)s::timestamptz IS NULL OR as_of <= %(as_of)s)
        ORDER BY student, as_of DESC, stored DESC, id
    ) newest
    ORDER BY risk DESC NULLS LAST, student
"""


def _row(risk: StoredRisk) -> tuple[Any, ...]:
    low, high = risk.interval or (None, None)
    return (
        risk.id,
        risk.student,
        risk.as_of,
        risk.method,
        risk.checkpoint,
        risk.policy,
        risk.state,
        risk.risk,
        low,
        high,
        json.dumps(risk.body),
    )


def _count(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
