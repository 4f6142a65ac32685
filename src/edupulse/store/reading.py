"""Reads frames from one unmoving snapshot of the database, by ADBC: Arrow all the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
import polars as pl
from adbc_driver_manager import Error as AdbcError
from psycopg.sql import SQL, Composable, Identifier, Literal

from edupulse.school.kind import Kind
from edupulse.school.knowledge import StudentKeys
from edupulse.store.asking import SERVICE_MISSING, Asker
from edupulse.store.connection import Address, adbc_connection, down
from edupulse.store.union import union_of

EVERYTHING = SQL("true")

_SETTINGS = (
    # One order of rows for one state of the tables: no shared scans, no gathering from workers.
    "SET synchronize_seqscans = off",
    "SET max_parallel_workers_per_gather = 0",
)
_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Reading:
    """A snapshot: every query sees the same state, whatever is committed meanwhile."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, query: Composable) -> pl.DataFrame:
        """The rows of a query, as the database types them."""
        return self._fetched(query.as_string())

    def _fetched(self, query: str) -> pl.DataFrame:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            found: pl.DataFrame = cursor.fetch_polars()
        return found

    def versions(
        self, kind: Kind, which: Composable = EVERYTHING, when: When | None = None
    ) -> pl.DataFrame:
        """Versions of a kind with its `version_schema`, of the records for which `which` holds.

        Sealed columns are left out: nothing that is computed or decided may need a name.
        """
        return self.versions_of((kind,), which, when)[kind.name]

    def versions_of(
        self, kinds: tuple[Kind, ...], which: Composable = EVERYTHING, when: When | None = None
    ) -> dict[str, pl.DataFrame]:
        """The same of several kinds, by name, in one question.

        A question costs more than the rows of one student.
        """
        union, when = union_of(kinds), when or When()
        conditions = (which, when.of_current, when.of_past)
        query = union.query(*(condition.as_string() for condition in conditions))
        return union.frames(self._fetched(query))


class When:
    """Which versions: all; those that had come by an instant; or those that held at one."""

    def __init__(self, until: datetime | None = None, at: datetime | None = None) -> None:
        self.of_current: Composable = EVERYTHING
        self.of_past: Composable = EVERYTHING
        if until is not None:
            self.of_current = SQL("known_from <= {}").format(Literal(until))
            self.of_past = self.of_current
        if at is not None:
            # As History.at() filters, which goes over these rows once more.
            held = SQL("known_from <= {} AND NOT retracted").format(Literal(at))
            self.of_current = held
            self.of_past = SQL("{} AND known_until > {}").format(held, Literal(at))


def among(column: str, keys: StudentKeys) -> Composable:
    """The condition that a key column is one of `keys`; a run without gaps becomes a range."""
    keys = np.unique(keys)
    if keys.size == 0:
        return SQL("false")
    name, first, last = Identifier(column), int(keys[0]), int(keys[-1])
    if last - first + 1 == keys.size:
        return SQL("{} BETWEEN {} AND {}").format(name, Literal(first), Literal(last))
    listed = SQL(",").join(SQL(str(int(key))) for key in keys)
    return SQL("{} = ANY(ARRAY[{}]::integer[])").format(name, listed)


class Readers:
    """Idle connections for reading: making one takes as long as reading a student ten times."""

    def __init__(self, url: Address) -> None:
        self._url = url
        self._idle: list[Any] = []
        self._lock = Lock()

    @contextmanager
    def reading(self, asker: Asker | None = None) -> Iterator[Reading]:
        """A snapshot of the database, for as long as the context lasts; of the asker's own part."""
        connection = self._begun()
        try:
            if asker is not None:
                _become(connection, asker)
            yield Reading(connection)
            connection.rollback()
        except AdbcError as error:
            connection.close()
            raise down(error) from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _begun(self) -> Any:
        """A connection with a snapshot begun; one that died while idle is replaced."""
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None:
            try:
                return _snapshot(idle)
            except AdbcError:
                idle.close()
        fresh = adbc_connection(self._url)
        try:
            _execute(fresh, *_SETTINGS)
            fresh.commit()
            return _snapshot(fresh)
        except AdbcError as error:
            fresh.close()
            raise down(error) from None


def _become(connection: Any, asker: Asker) -> None:
    with connection.cursor() as cursor:
        try:
            for statement in asker.settings():
                cursor.execute(statement.as_string())
        except AdbcError:
            raise SERVICE_MISSING from None


def _snapshot(connection: Any) -> Any:
    _execute(connection, _BEGIN)
    return connection


def _execute(connection: Any, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
