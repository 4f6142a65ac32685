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

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Composed, Literal

from edupulse.school.kind import Kind
from edupulse.store.staging import Names, Staged, stage


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
    empty = _is_empty(connection, names)
    _choose_arrived(connection, names, staged, now, historical, empty=empty)
    _choose_fresh(connection, names, empty=empty)
    counted = _count(connection, names, staged, empty=empty)
    if counted.new + counted.revised:
        _write(connection, names, empty=empty)
    return counted


def _is_empty(connection: Connection, names: Names) -> bool:
    row = connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(names.current)).fetchone()
    return row is None


def _choose_arrived(
    connection: Connection,
    names: Names,
    staged: Staged,
    now: datetime,
    historical: bool,
    *,
    empty: bool,
) -> None:
    """The view `arrived`: the staged versions with their final `known_from`."""
    query = _AS_STAGED
    if staged.defaulted and not (empty and historical):
        query = _WITH_DEFAULTS
    connection.execute(_filled(query, names, now, historical))


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


def _choose_fresh(connection: Connection, names: Names, *, empty: bool) -> None:
    """The table `fresh`: arrived versions that the store does not have, one for each instant."""
    connection.execute("DROP TABLE IF EXISTS pg_temp.fresh CASCADE")
    unknown = SQL("") if empty else _filled(_NOT_HELD, names)
    connection.execute(_filled(_FRESH, names, unknown=unknown))
    connection.execute("ANALYZE pg_temp.fresh")


_NOT_HELD = SQL("""
    WHERE NOT EXISTS (SELECT 1 FROM {current} c
        WHERE {a_is_c} AND c.known_from = a.known_from AND c.hash >= a.hash)
      AND NOT EXISTS (SELECT 1 FROM {past} p
        WHERE {a_is_p} AND p.known_from = a.known_from AND p.hash >= a.hash)
""")
_FRESH = SQL("""
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
    SELECT DISTINCT ON ({key}, known_from) {columns} FROM pg_temp.arrived a
    {unknown}
    ORDER BY {key}, known_from, hash DESC
""")


def _count(connection: Connection, names: Names, staged: Staged, *, empty: bool) -> Merged:
    row = connection.execute(_filled(_COUNTS, names)).fetchone() or (0, 0, 0)
    fresh, new, retracted = (int(value) for value in row)
    conflicts = 0
    if not (empty and fresh == staged.rows):
        found = connection.execute(_filled(_CONFLICTS, names)).fetchone() or (0,)
        conflicts = int(found[0])
    return Merged(staged.rows, new, fresh - new, retracted, conflicts)


_COUNTS = SQL("""
    SELECT count(*),
        count(*) FILTER (WHERE first AND NOT EXISTS (SELECT 1 FROM {current} c WHERE {f_is_c})),
        count(*) FILTER (WHERE retracted)
    FROM (SELECT *, lag(known_from) OVER (PARTITION BY {key} ORDER BY known_from) IS NULL AS first
          FROM pg_temp.fresh) f
""")
_CONFLICTS = SQL("""
    SELECT (SELECT count(*) FROM (
            SELECT 1 FROM pg_temp.arrived GROUP BY {key}, known_from HAVING min(hash) <> max(hash)
        ) inside)
        + (SELECT count(*) FROM pg_temp.arrived a JOIN {current} c
            ON {a_is_c} AND c.known_from = a.known_from AND c.hash <> a.hash)
        + (SELECT count(*) FROM pg_temp.arrived a JOIN {past} p
            ON {a_is_p} AND p.known_from = a.known_from AND p.hash <> a.hash)
""")


def _write(connection: Connection, names: Names, *, empty: bool) -> None:
    """Put the fresh versions among those of their records: the newest current, the others past."""
    connection.execute("DROP TABLE IF EXISTS pg_temp.versions")
    connection.execute(_filled(_TIMED_NEW if empty else _TIMED, names))
    if not empty:
        connection.execute(_filled(_DELETE_CURRENT, names))
        connection.execute(_filled(_DELETE_PAST, names))
    connection.execute(_filled(_INSERT_PAST, names))
    connection.execute(_filled(_INSERT_CURRENT, names))


_TIMED_NEW = SQL("""
    CREATE TEMP VIEW versions AS
    SELECT {columns}, lead(known_from) OVER (PARTITION BY {key} ORDER BY known_from) AS known_until
    FROM pg_temp.fresh
""")
_TIMED = SQL("""
    CREATE TEMP TABLE versions ON COMMIT DROP AS
    SELECT {columns}, lead(known_from) OVER (PARTITION BY {key} ORDER BY known_from) AS known_until
    FROM (
        SELECT DISTINCT ON ({key}, known_from) {columns} FROM (
            SELECT {columns} FROM pg_temp.fresh
            UNION ALL SELECT {columns} FROM {current} c
                WHERE EXISTS (SELECT 1 FROM pg_temp.fresh f WHERE {f_is_c})
            UNION ALL SELECT {columns} FROM {past} p
                WHERE EXISTS (SELECT 1 FROM pg_temp.fresh f WHERE {f_is_p})
        ) held
        ORDER BY {key}, known_from, hash DESC
    ) single
""")
_DELETE_CURRENT = SQL("DELETE FROM {current} c USING pg_temp.fresh f WHERE {f_is_c}")
_DELETE_PAST = SQL("DELETE FROM {past} p USING pg_temp.fresh f WHERE {f_is_p}")
_INSERT_PAST = SQL("""
    INSERT INTO {past} ({columns}, known_until)
    SELECT {columns}, known_until FROM pg_temp.versions WHERE known_until IS NOT NULL
""")
_INSERT_CURRENT = SQL("""
    INSERT INTO {current} ({columns})
    SELECT {columns} FROM pg_temp.versions WHERE known_until IS NULL
""")


def _filled(
    query: SQL,
    names: Names,
    now: datetime | None = None,
    historical: bool = False,
    unknown: SQL | Composed | None = None,
) -> Composed:
    return query.format(
        current=names.current,
        past=names.past,
        key=names.key,
        columns=names.columns,
        record=names.record,
        now=Literal(now),
        historical=Literal(historical),
        unknown=unknown or SQL(""),
        s_is_c=names.same_key("s", "c"),
        d_is_c=names.same_key("d", "c"),
        d_is_p=names.same_key("d", "p"),
        a_is_c=names.same_key("a", "c"),
        a_is_p=names.same_key("a", "p"),
        f_is_c=names.same_key("f", "c"),
        f_is_p=names.same_key("f", "p"),
    )
