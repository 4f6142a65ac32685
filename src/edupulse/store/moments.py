"""When what follows from the records of rights changes: their version, and time itself.

A version grows with every record that comes. Beside it, rights change at each local midnight, and
at the instants from which versions hold that are stored already: a record of today is known from
the end of the day. Those instants are kept as they come, so that nobody has to look for them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier

from edupulse.school.records import (
    CASELOADS,
    ENROLLMENTS,
    GUARDIANS,
    SCHOOLS,
    SECTION_STAFF,
    SECTION_STUDENTS,
    SECTIONS,
    STAFF,
    STUDENT_IDS,
    STUDENTS,
    TERMS,
)
from edupulse.store.tables import schema_of

RIGHTS_KINDS = (
    STAFF,
    CASELOADS,
    SECTION_STAFF,
    SECTION_STUDENTS,
    ENROLLMENTS,
    GUARDIANS,
    STUDENTS,
    STUDENT_IDS,
    SCHOOLS,
    TERMS,
    SECTIONS,
)
"""What says who may see whom (`casework/access.py`)."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Moments:
    """Of one version of the rights: the time zones of the district, and the instants to come.

    Of instants before `since` nothing can be said.
    """

    since: datetime
    zones: tuple[ZoneInfo, ...]
    instants: tuple[datetime, ...]

    def span(self, at: datetime) -> Hashable:
        """Two instants with the same span have the same rights."""
        days = tuple(at.astimezone(zone).date() for zone in self.zones)
        passed = bisect_right(self.instants, at)
        return self.instants[passed] if passed < len(self.instants) else None, days


def rights_version(connection: Connection) -> int:
    """Grows with every record that a right rests on, and with every token that is changed."""
    row = connection.execute(RIGHTS_VERSION).fetchone()
    return int(row[0]) if row else 0


RIGHTS_VERSION = """
    SELECT sum(version)::bigint FROM state.versions WHERE name IN ('rights', 'tokens')
"""


def moments(connection: Connection, at: datetime) -> Moments:
    """Those of the newest version, from `at` (aware) on at the latest.

    What is asked of a time before the newest record came is searched for in the records.
    """
    row = connection.execute(_MOMENTS).fetchone()
    assert row is not None  # noqa: S101  (three values, whatever the tables hold)
    changed, zones, instants = row
    since = EPOCH + timedelta(microseconds=changed)
    if at < since:
        since, instants = at, [found for (found,) in connection.execute(_SEARCHED, {"at": at})]
    return Moments(since, tuple(ZoneInfo(zone) for zone in zones), tuple(instants))


_MOMENTS = """
    SELECT (SELECT version FROM state.versions WHERE name = 'rights'),
        ARRAY(SELECT timezone FROM records.schools WHERE timezone IS NOT NULL
            UNION SELECT timezone FROM records.schools_past WHERE timezone IS NOT NULL
            UNION SELECT timezone FROM identity.district UNION SELECT 'UTC'),
        ARRAY(SELECT instant FROM state.moments ORDER BY instant)
"""


_SEARCHED = SQL("{} ORDER BY 1").format(
    SQL(" UNION ").join(
        SQL("SELECT known_from FROM {} WHERE known_from > %(at)s").format(
            Identifier(schema_of(kind), f"{kind.name}{past}")
        )
        for kind in RIGHTS_KINDS
        for past in ("", "_past")
    )
)


def note_moments(connection: Connection, merged: Composable) -> None:
    """Keep the instants to come from which the versions in the table `merged` hold."""
    connection.execute(_PASSED)
    connection.execute(_NOTE.format(merged))


_PASSED = "DELETE FROM state.moments WHERE instant <= clock_timestamp()"
_NOTE = SQL("""
    INSERT INTO state.moments SELECT DISTINCT known_from FROM {}
    WHERE known_from > clock_timestamp() ON CONFLICT DO NOTHING
""")
