"""How many records were corrected or taken back in some time, by kind."""

from __future__ import annotations

from datetime import datetime

from psycopg import Connection, sql

from edupulse.school.records import KINDS
from edupulse.store.tables import PAST


def corrected(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Kind to the number of versions superseded after `since` and by `until`, where any were."""
    found = {}
    for kind in KINDS:
        past = PAST[kind.name]
        query = sql.SQL("SELECT count(*) FROM {} WHERE known_until > %s AND known_until <= %s")
        row = connection.execute(
            query.format(sql.Identifier(str(past.schema), past.name)), [since, until]
        ).fetchone()
        if row and row[0]:
            found[kind.name] = int(row[0])
    return found
