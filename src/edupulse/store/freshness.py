"""How fresh what the store holds is: by school and kind of record, and by configured source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg import Connection

from edupulse.school.records import COVERED
from edupulse.store.rows import NO_KEY


@dataclass(frozen=True)
class Freshness:
    """The last day through which a kind of record of a school was observed."""

    school_id: str
    kind: str
    observed_through: date


def freshness(connection: Connection) -> list[Freshness]:
    """By the district's id of the school, then by kind; what is not observed at all is absent."""
    rows = connection.execute(_FRESHNESS, [NO_KEY]).fetchall()
    return [Freshness(school, COVERED[kind], through) for school, kind, through in rows]


_FRESHNESS = """
    SELECT s.local_id, c.kind, max(c.observed_through)
    FROM records.coverage c JOIN identity.school s USING (school)
    WHERE NOT c.retracted AND c.school <> %s
    GROUP BY s.local_id, c.kind ORDER BY s.local_id, c.kind
"""


def said_by_band(connection: Connection) -> list[tuple[str, str, int]]:
    """Method, band (or the state without one) and number of all answers stored."""
    return connection.execute(_SAID).fetchall()


_SAID = """
    SELECT method, coalesce(body ->> 'risk_category', state), count(*) FROM state.risks
    GROUP BY 1, 2 ORDER BY 1, 2
"""
