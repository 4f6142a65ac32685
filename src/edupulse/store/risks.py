"""What was said of students: written once, never changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

import polars as pl
from psycopg import Connection

from edupulse.risk.bands import Band
from edupulse.risk.steady import WeeklyScore, worklist_band
from edupulse.school.errors import NotFound
from edupulse.store.question import Question, Rows, Statement, array

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
        """The same question with the same answer has the same id.

        Records that come late may change what was known at an instant, and so the answer: then it
        is another one, beside the first.
        """
        said = "" if self.risk is None else f"{self.risk:.5f}"
        fired = ",".join(sorted(one["name"] for one in self.body.get("indicators", ())))
        asked = f"{self.student}:{self.as_of.timestamp()!r}:{self.method}:{self.checkpoint}"
        told = f"{asked}:{self.policy}:{self.state}:{said}:{fired}"
        return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:edupulse:risk:{told}")


@dataclass(frozen=True)
class Saved:
    """How many answers were stored, were there already, and are unlike one of the same question."""

    stored: int
    there: int
    different: int


def save_risks(connection: Connection, risks: Iterable[StoredRisk]) -> Saved:
    """Store answers; the same answer to the same question stays as it was first stored."""
    asked = stored = different = 0
    for some in _parts(risks):
        row = connection.execute(_SAVE, _columns(some)).fetchone()
        new, other = row or (0, 0)
        asked, stored, different = asked + len(some), stored + new, different + other
    return Saved(stored, asked - stored, different)


def keep_risks(connection: Connection, risks: Iterable[StoredRisk]) -> None:
    """The same without counting, for which a transaction in one round trip would have to wait."""
    for some in _parts(risks):
        connection.execute(_KEEP, _columns(some))


_AT_ONCE = 1_000
_ROW = "id, student, as_of, method, checkpoint, policy, state, risk, low, high, body"
_SAID = f"""
    SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::timestamptz[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::float8[], %s::float8[], %s::float8[], %s::jsonb[]) AS s ({_ROW})
"""  # noqa: S608  (a constant)
_KEEP = f"INSERT INTO state.risks ({_ROW}) {_SAID} ON CONFLICT DO NOTHING"
_SAVE = f"""
    WITH said AS ({_SAID}), stored AS (
        INSERT INTO state.risks ({_ROW}) SELECT * FROM said ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM stored), (
        SELECT count(DISTINCT s.id) FROM said s JOIN state.risks r
          ON r.student = s.student AND r.as_of = s.as_of AND r.method = s.method
            AND r.checkpoint = s.checkpoint AND r.policy = s.policy
        WHERE (r.state, round(r.risk::numeric, 5))
            IS DISTINCT FROM (s.state, round(s.risk::numeric, 5))
    )
"""  # noqa: S608  (constants)


def stored_risk(connection: Connection, id_: str) -> tuple[StoredRisk, int]:
    """The answer of that id, and how many imports landed since it was stored. Raises NotFound."""
    found = stored_risks(connection, [id_])
    if not found:
        raise NotFound("There is no such prediction.", "Give the id of a stored one.")
    row = connection.execute(
        "SELECT count(*) FROM state.imports i JOIN state.risks r ON i.finished > r.stored"
        " WHERE r.id = %s",
        [uuid.UUID(id_)],
    ).fetchone()
    (risk,) = found.values()
    return risk, int(row[0]) if row else 0


def stored_risks(connection: Connection, ids: Iterable[str]) -> dict[str, StoredRisk]:
    """The answers of those of some ids that are there."""
    asked = [found for id_ in ids if (found := _uuid(id_))]
    rows = connection.execute(f"{_STORED} WHERE id = ANY(%s)".encode(), [asked])
    return {str(id_): _stored(row) for id_, *row in rows.fetchall()}


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def risks_of(
    connection: Connection, student: int, before: tuple[datetime, uuid.UUID] | None, most: int
) -> list[tuple[str, StoredRisk]]:
    """The answers about one student, the newest as-of first, after the one of that as-of and id."""
    after = " AND (as_of, id) < (%(as_of)s, %(id)s)" if before else ""
    as_of, id_ = before or (None, None)
    query = (
        f"{_STORED} WHERE student = %(student)s{after} ORDER BY as_of DESC, id DESC LIMIT %(most)s"
    )
    asked = {"student": student, "as_of": as_of, "id": id_, "most": most}
    return [(str(id_), _stored(row)) for id_, *row in connection.execute(query.encode(), asked)]


Told = Mapping[int, Sequence[tuple[uuid.UUID, StoredRisk]]]
"""Of each student of whom something is stored: answers with their ids, the newest first."""


def risks_at(students: Iterable[int], as_of: datetime) -> Question[Told]:
    """The answers about some students as of that very instant."""
    return Question(_AT, (array(students), as_of.isoformat()), _told)


def _told(rows: Rows) -> Told:
    found: dict[int, list[tuple[uuid.UUID, StoredRisk]]] = {}
    for id_, *row in rows:
        risk = _stored(row)
        found.setdefault(risk.student, []).append((id_, risk))
    return found


def ranking(connection: Connection, students: Iterable[int], as_of: datetime) -> dict[int, str]:
    """Of those with an answer as of that very instant: key to its id, the riskiest first.

    Who has no score comes last; rules rank by how many indicators fired. The same risks are in the
    order of the students' UUIDs, as in the nightly list.
    """
    asked = {"students": [int(key) for key in students], "as_of": as_of}
    return {student: str(id_) for student, id_ in connection.execute(_RANKING, asked)}


_STORED = """
    SELECT id, student, as_of, method, policy, state, checkpoint, risk, low, high, body
    FROM state.risks
"""
_AT = Statement(
    f"{_STORED} WHERE student = ANY($1) AND as_of = $2 ORDER BY stored DESC, id",
    ("integer[]", "timestamptz"),
)
_RANKING = """
    SELECT student, id FROM (
        SELECT DISTINCT ON (student) student, id, risk,
            jsonb_array_length(coalesce(body -> 'indicators', '[]')) AS fired
        FROM state.risks WHERE student = ANY(%(students)s::integer[]) AND as_of = %(as_of)s
        ORDER BY student, stored DESC, id
    ) newest JOIN identity.student USING (student)
    ORDER BY risk DESC NULLS LAST, fired DESC, student_id
"""


def _stored(row: Sequence[Any]) -> StoredRisk:
    student, as_of, method, policy, state, checkpoint, risk, low, high, body = row
    interval = None if low is None or high is None else (low, high)
    return StoredRisk(student, as_of, method, policy, state, checkpoint, risk, interval, body)


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


Weeks = Mapping[int, Sequence[tuple[float, Band]]]
"""Of each student who has any: risk and band of the last score of each week, by week."""


def weeks_before(students: Iterable[int], as_of: datetime) -> Question[Weeks]:
    """The weeks (UTC) before that of an instant."""
    return Question(_BEFORE, (array(students), as_of.isoformat()), _weeks)


def _weeks(rows: Rows) -> Weeks:
    found: dict[int, list[tuple[float, Band]]] = {}
    for student, risk, band in rows:
        found.setdefault(student, []).append((risk, band))
    return found


BEFORE = """
    SELECT student, risk, body ->> 'risk_category' AS band FROM (
        SELECT DISTINCT ON (student, date_trunc('week', as_of, 'UTC')) id
        FROM state.risks
        WHERE student {which} AND as_of < date_trunc('week', {as_of}::timestamptz, 'UTC')
        ORDER BY student, date_trunc('week', as_of, 'UTC'), as_of DESC, stored DESC, id
    ) weekly JOIN state.risks USING (id)
    WHERE state = 'band' ORDER BY student, as_of
"""
"""Of some students the last score of each week before that of an instant."""

_BEFORE = Statement(BEFORE.format(which="= ANY($1)", as_of="$2"), ("integer[]", "timestamptz"))

WORKLIST_BAND = "worklist_band"
"""In the body of a risk: the band as the worklist shows it then."""


def with_worklist_band(risk: StoredRisk, weeks: Sequence[tuple[float, Band]]) -> StoredRisk:
    """With that band where there is a score, after the student's weeks before."""
    if risk.risk is None:
        return risk
    this_week = WeeklyScore(risk.risk, risk.body["risk_category"])
    band = worklist_band([*(WeeklyScore(*week) for week in weeks), this_week])
    return replace(risk, body={**risk.body, WORKLIST_BAND: band})


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


def _columns(risks: Iterable[StoredRisk]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(_row, risks), strict=True)]


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


def _parts(risks: Iterable[StoredRisk]) -> Iterator[Sequence[StoredRisk]]:
    rest = iter(risks)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
