"""Merges arriving versions into what the store holds; their order and repetition do not matter.

A record's state is the set of its versions, one for each `known_from`: of two with the same, the
greater content hash stays. That is a maximum over a set, so any order, slicing and repetition of
versions with explicit `known_at` ends in the same tables (law 3).

A version without a knowledge date is *defaulted*: it says only what the source holds now. Of
several such rows of one record the latest by default counts. It is no news if it equals the newest
version, so the same folder twice changes nothing; else it is known from `now`. Only in a historical
import is a record that the store does not have yet known from the default dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from edupulse.school.kind import Kind
from edupulse.store.staging import STAGED, Names, Staged, stage
from edupulse.store.versions import bump_merged

MANY = 50_000
"""From so many rows on an empty table is filled first and its key built afterwards."""


@dataclass(frozen=True)
class Merged:
    """What a merge did, in versions.

    `new`: records that the store did not have. `revised`: further versions. `retracted`: how many
    of both are retractions. `conflicts`: instants at which one record came with different contents.
    """

    rows: int = 0
    new: int = 0
    revised: int = 0
    retracted: int = 0
    conflicts: int = 0


def merge(
    connection: Connection,
    kind: Kind,
    frames: Iterable[pl.DataFrame],
    *,
    now: datetime,
    historical: bool = False,
) -> Merged:
    """Merge versions of one kind in the connection's transaction.

    Each frame has the kind's schema and `staging.ARRIVING`. The staged rows stay in the temporary
    table `staged` until the next merge or the end of the transaction.
    """
    staged = stage(connection, kind, frames)
    if not staged.rows:
        return Merged()
    connection.execute("SET LOCAL work_mem = '128MB'")
    names = Names(kind)
    # No other merge may come between the look at the table and the writing; readers may.
    connection.execute(_filled(_LOCK, names))
    if _is_empty(connection, names) and (historical or not staged.defaulted):
        return _fill_empty(connection, names, staged)
    connection.execute("ANALYZE pg_temp.staged")
    query = _WITH_DEFAULTS if staged.defaulted else _AS_STAGED
    connection.execute(_filled(query, names, now, historical))
    conflicts = _compare(connection, names)
    new, revised, retracted = _write_fresh(connection, names)
    return Merged(staged.rows, new, revised, retracted, conflicts)


_LOCK = SQL("LOCK TABLE {current} IN SHARE ROW EXCLUSIVE MODE")


def _is_empty(connection: Connection, names: Names) -> bool:
    row = connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(names.current)).fetchone()
    return row is None


def _fill_empty(connection: Connection, names: Names, staged: Staged) -> Merged:
    """Into empty tables: one sort of what was staged."""
    many = staged.rows >= MANY
    if many:
        # New files of the tables need no log (wal_level minimal), and a key is quicker built after.
        connection.execute(_filled(_RENEW, names))
    row = connection.execute(_filled(_FILL, names)).fetchone() or (0, 0, 0)
    if many:
        connection.execute(_filled(_BUILD_KEY, names))
    new, revised, retracted = (int(value) for value in row)
    bump_merged(connection, names.kind, STAGED)
    conflicts = 0
    if new + revised < staged.rows:
        found = connection.execute(_filled(_CLASHES_INSIDE, names)).fetchone() or (0,)
        conflicts = int(found[0])
    return Merged(staged.rows, new, revised, retracted, conflicts)


_RENEW = SQL("""
    TRUNCATE {current}, {past};
    ALTER TABLE {current} DROP CONSTRAINT {key_name}
""")
_BUILD_KEY = SQL("""
    ALTER TABLE {current} ADD CONSTRAINT {key_name} PRIMARY KEY ({key});
    ANALYZE {current}, {past}
""")
_FILL = SQL("""
    WITH single AS (
        SELECT DISTINCT ON ({key}, known_from) {columns} FROM pg_temp.staged
        ORDER BY {key}, known_from, hash DESC
    ), versions AS MATERIALIZED (
        SELECT {columns},
            lead(known_from) OVER (PARTITION BY {key} ORDER BY known_from) AS known_until
        FROM single
    ), superseded AS (
        INSERT INTO {past} ({columns}, known_until)
        SELECT {columns}, known_until FROM versions WHERE known_until IS NOT NULL
        RETURNING retracted
    ), newest AS (
        INSERT INTO {current} ({columns})
        SELECT {columns} FROM versions WHERE known_until IS NULL
        RETURNING retracted
    )
    SELECT n.all, s.all, n.retracted + s.retracted
    FROM (SELECT count(*) AS all, count(*) FILTER (WHERE retracted) AS retracted FROM newest) n,
        (SELECT count(*) AS all, count(*) FILTER (WHERE retracted) AS retracted FROM superseded) s
""")
_CLASHES_INSIDE = SQL("""
    SELECT count(*) FROM (
        SELECT 1 FROM pg_temp.staged GROUP BY {key}, known_from HAVING min(hash) <> max(hash)
    ) clashes
""")
_AS_STAGED = SQL("CREATE TEMP VIEW arrived AS SELECT {columns} FROM pg_temp.staged")
_WITH_DEFAULTS = SQL("""
    CREATE TEMP VIEW arrived AS
    SELECT {columns} FROM pg_temp.staged WHERE NOT defaulted
    UNION ALL
    SELECT {columns} FROM pg_temp.staged s
    WHERE defaulted AND {historical}
      AND NOT EXISTS (SELECT 1 FROM {current} c WHERE {s_is_c})
    UNION ALL
    SELECT {record}, {now}::timestamptz, retracted, hash FROM (
        SELECT DISTINCT ON ({key}) * FROM pg_temp.staged s
        WHERE defaulted AND NOT ({historical}
          AND NOT EXISTS (SELECT 1 FROM {current} c WHERE {s_is_c}))
        ORDER BY {key}, known_from DESC, hash DESC
    ) d
    WHERE NOT EXISTS (
        SELECT 1 FROM {current} c WHERE {d_is_c}
          AND (c.hash = d.hash OR (c.retracted AND d.retracted))
    ) AND NOT EXISTS (
        SELECT 1 FROM {past} p WHERE {d_is_p} AND p.hash = d.hash
          AND p.known_from <= {now} AND p.known_until > {now}
    )
""")


def _compare(connection: Connection, names: Names) -> int:
    """The table `compared`: arrived versions that the store does not hold just so; their clashes.

    `on_record`: does it hold any version of the record? `held` is the hash of the version that it
    holds of the same instant, among the past ones where the current one is newer.
    """
    connection.execute("DROP TABLE IF EXISTS pg_temp.compared CASCADE")
    connection.execute(_filled(_COMPARED, names))
    row = connection.execute(_filled(_CLASHES, names)).fetchone() or (0,)
    return int(row[0])


_COMPARED = SQL("""
    CREATE TEMP TABLE compared ON COMMIT DROP AS
    SELECT * FROM (
        SELECT a.*, c.hash IS NOT NULL AS on_record, CASE
            WHEN c.known_from = a.known_from THEN c.hash
            WHEN c.known_from > a.known_from THEN
                (SELECT p.hash FROM {past} p WHERE {a_is_p} AND p.known_from = a.known_from)
            END AS held
        FROM pg_temp.arrived a LEFT JOIN {current} c ON {a_is_c}
        OFFSET 0  -- or the past is asked twice: for the column, and for the condition below
    ) looked_up
    WHERE held IS DISTINCT FROM hash
""")
_CLASHES = SQL("""
    SELECT count(*) FROM (
        SELECT 1 FROM pg_temp.compared GROUP BY {key}, known_from
        HAVING min(hash) <> max(hash) OR count(held) > 0
    ) clashes
""")


def _write_fresh(connection: Connection, names: Names) -> tuple[int, int, int]:
    """Put new versions among those of their records: the newest current, the others past.

    Nearly all of a night's rows are new records, for which nothing more is looked up. Returns how
    many records are new, how many further versions, how many retractions.
    """
    connection.execute("DROP TABLE IF EXISTS pg_temp.fresh CASCADE")
    if not connection.execute(_filled(_FRESH, names)).rowcount:
        return 0, 0, 0
    connection.execute("ANALYZE pg_temp.fresh")
    row = connection.execute(_filled(_COUNTS, names)).fetchone() or (0, 0, 0)
    fresh, new, retracted = (int(value) for value in row)
    connection.execute("DROP TABLE IF EXISTS pg_temp.versions")
    for query in (_TIMED, _DELETE_CURRENT, _DELETE_PAST, _INSERT_PAST, _INSERT_CURRENT):
        connection.execute(_filled(query, names))
    bump_merged(connection, names.kind, _FRESH_ROWS)
    return new, fresh - new, retracted


_FRESH_ROWS = Identifier("pg_temp", "fresh")
_FRESH = SQL("""
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
    SELECT DISTINCT ON ({key}, known_from) {columns}, on_record FROM pg_temp.compared
    WHERE held IS NULL OR held < hash
    ORDER BY {key}, known_from, hash DESC
""")
_COUNTS = SQL("""
    SELECT count(*),
        count(*) FILTER (WHERE first AND NOT on_record),
        count(*) FILTER (WHERE retracted)
    FROM (SELECT *, lag(known_from) OVER (PARTITION BY {key} ORDER BY known_from) IS NULL AS first
          FROM pg_temp.fresh) f
""")
_TIMED = SQL("""
    CREATE TEMP TABLE versions ON COMMIT DROP AS
    SELECT {columns}, lead(known_from) OVER (PARTITION BY {key} ORDER BY known_from) AS known_until
    FROM (
        SELECT DISTINCT ON ({key}, known_from) {columns} FROM (
            SELECT {columns} FROM pg_temp.fresh
            UNION ALL SELECT {columns} FROM {current} c
                WHERE EXISTS (SELECT 1 FROM pg_temp.fresh f WHERE f.on_record AND {f_is_c})
            UNION ALL SELECT {columns} FROM {past} p
                WHERE EXISTS (SELECT 1 FROM pg_temp.fresh f WHERE f.on_record AND {f_is_p})
        ) held
        ORDER BY {key}, known_from, hash DESC
    ) single
""")
_DELETE_CURRENT = SQL(
    "DELETE FROM {current} c USING pg_temp.fresh f WHERE f.on_record AND {f_is_c}"
)
_DELETE_PAST = SQL("DELETE FROM {past} p USING pg_temp.fresh f WHERE f.on_record AND {f_is_p}")
_INSERT_PAST = SQL("""
    INSERT INTO {past} ({columns}, known_until)
    SELECT {columns}, known_until FROM pg_temp.versions WHERE known_until IS NOT NULL
""")
_INSERT_CURRENT = SQL("""
    INSERT INTO {current} ({columns})
    SELECT {columns} FROM pg_temp.versions WHERE known_until IS NULL
""")


def _filled(
    query: SQL, names: Names, now: datetime | None = None, historical: bool = False
) -> Composed:
    return query.format(**_parts(names), now=Literal(now), historical=Literal(historical))


@cache
def _parts(names: Names) -> Mapping[str, Composable]:
    """What every statement about a kind is made of: for a push, to make it takes long."""
    return {
        "current": names.current,
        "past": names.past,
        "key": names.key,
        "key_name": names.key_name,
        "columns": names.columns,
        "record": names.record,
        **{
            f"{one}_is_{other}": names.same_key(one, other)
            for one, other in ("sc", "dc", "dp", "ac", "ap", "fc", "fp")
        },
    }
