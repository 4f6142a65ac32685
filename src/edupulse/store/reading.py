"""Reads frames from one unmoving snapshot of the database, by ADBC: Arrow all the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from threading import Lock
from typing import Any

import numpy as np
import polars as pl
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import StatementOptions
from psycopg.sql import SQL, Composable, Identifier, Literal

from edupulse.school.kind import VERSION_COLUMNS, Kind
from edupulse.school.knowledge import StudentKeys
from edupulse.school.records import KINDS
from edupulse.store.asking import SERVICE_MISSING, Asker
from edupulse.store.connection import Address, adbc_connection, down
from edupulse.store.question import SETTINGS, Found, Question, Statement, array
from edupulse.store.rows import frame_values
from edupulse.store.tables import schema_of

EVERYTHING = SQL("true")

_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Session:
    """A connection, and the names of the statements that it has prepared."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._prepared: dict[Statement, str] = {}

    def execute(self, *statements: str) -> None:
        """Statements without rows."""
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str) -> pl.DataFrame:
        """The rows of a query."""
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            found: pl.DataFrame = cursor.fetch_polars()
        return found

    def answer(self, question: Question[Found]) -> Found:
        """The answer to a question, whose statement is prepared."""
        statement, values = question.statement, map(Literal, question.values)
        name = self._prepared.get(statement)
        if name is None:
            name = f"asked_{len(self._prepared)}"
            self.execute(f"PREPARE {name}({', '.join(statement.types)}) AS {statement.text}")
            self._prepared[statement] = name
        with self.connection.cursor() as cursor:
            # What is copied would be planned anew; these rows are few.
            cursor.adbc_statement.set_options(**{StatementOptions.USE_COPY.value: "false"})
            cursor.execute(f"EXECUTE {name}({', '.join(value.as_string() for value in values)})")
            rows = cursor.fetch_polars().rows()
        return question.read(rows)


class Reading:
    """A snapshot: every query sees the same state, whatever is committed meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rows(self, query: Composable) -> pl.DataFrame:
        """The rows of a query, as the database types them."""
        return self._session.rows(query.as_string())

    def answer(self, question: Question[Found]) -> Found:
        """The answer to a question."""
        return self._session.answer(question)

    def versions(
        self, kind: Kind, which: Composable = EVERYTHING, when: When | None = None
    ) -> pl.DataFrame:
        """Versions of a kind with its `version_schema`, of the records for which `which` holds.

        Sealed columns are left out: nothing that is computed or decided may need a name.
        """
        of_current, of_past = (when or When()).conditions()
        schema = schema_of(kind)
        query = _VERSIONS.format(
            columns=SQL(", ").join(Identifier(field.column) for field in kind.open_fields),
            current=Identifier(schema, kind.name),
            past=Identifier(schema, f"{kind.name}_past"),
            which=which,
            of_current=of_current,
            of_past=of_past,
        )
        return self.rows(query).select(*_FRAME_VALUES[kind.name], *VERSION_COLUMNS)


_FRAME_VALUES = {kind.name: frame_values(kind, kind.open_fields) for kind in KINDS}

_VERSIONS = SQL("""
    SELECT {columns}, known_from, NULL::timestamptz AS known_until, retracted
    FROM {current} WHERE {which} AND {of_current}
    UNION ALL
    SELECT {columns}, known_from, known_until, retracted
    FROM {past} WHERE {which} AND {of_past}
""")


class Which(Enum):
    """Which versions: every one; those that had come by an instant; or those that held at one."""

    EVERY = "every"
    COME = "come"
    HELD = "held"

    def conditions(self, instant: Composable) -> tuple[Composable, Composable]:
        """The conditions on current and on superseded versions."""
        if self is Which.EVERY:
            return EVERYTHING, EVERYTHING
        come = SQL("known_from <= {}").format(instant)
        if self is Which.COME:
            return come, come
        # As History.at() filters, which goes over these rows once more.
        held = SQL("{} AND NOT retracted").format(come)
        return held, SQL("{} AND known_until > {}").format(held, instant)


class When:
    """Which versions, and the instant: all; those known by `until`; those that held `at` one."""

    def __init__(self, until: datetime | None = None, at: datetime | None = None) -> None:
        self.instant = until if at is None else at
        self.which = Which.EVERY
        if self.instant is not None:
            self.which = Which.COME if at is None else Which.HELD

    def conditions(self) -> tuple[Composable, Composable]:
        """The conditions on current and on superseded versions."""
        return self.which.conditions(Literal(self.instant))


def among(column: str, keys: StudentKeys) -> Composable:
    """The condition that a key column is one of `keys`; a run without gaps becomes a range."""
    keys = np.unique(keys)
    if keys.size == 0:
        return SQL("false")
    name, first, last = Identifier(column), int(keys[0]), int(keys[-1])
    if last - first + 1 == keys.size:
        return SQL("{} BETWEEN {} AND {}").format(name, Literal(first), Literal(last))
    return SQL("{} = ANY({}::integer[])").format(name, Literal(array(keys.tolist())))


class Readers:
    """Idle connections for reading: making one takes as long as reading a student ten times."""

    def __init__(self, url: Address) -> None:
        self._url = url
        self._idle: list[Session] = []
        self._lock = Lock()

    @contextmanager
    def reading(self, asker: Asker | None = None) -> Iterator[Reading]:
        """A snapshot of the database, for as long as the context lasts; of the asker's own part."""
        session = self._begun()
        try:
            if asker is not None:
                _become(session, asker)
            yield Reading(session)
            session.connection.rollback()
        except AdbcError as error:
            session.connection.close()
            raise down(error) from error
        except BaseException:
            session.connection.close()
            raise
        with self._lock:
            self._idle.append(session)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            while self._idle:
                self._idle.pop().connection.close()

    def _begun(self) -> Session:
        """A connection with a snapshot begun; one that died while idle is replaced."""
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None:
            try:
                idle.execute(_BEGIN)
            except AdbcError:
                idle.connection.close()
            else:
                return idle
        fresh = Session(adbc_connection(self._url))
        try:
            fresh.execute(*SETTINGS)
            fresh.connection.commit()
            fresh.execute(_BEGIN)
        except AdbcError as error:
            fresh.connection.close()
            raise down(error) from None
        return fresh


def _become(session: Session, asker: Asker) -> None:
    try:
        session.execute(*(statement.as_string() for statement in asker.settings()))
    except AdbcError:
        raise SERVICE_MISSING from None
