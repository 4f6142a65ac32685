"""Connections on which several statements take one round trip, for what has to be quick.

A pool's look whether the connection lives, the begin and the end of a transaction, and each of its
statements are a round trip each, and most take longer than the answer itself. Here all of them are
sent, and then waited for. A connection on which anything failed is not used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from threading import Lock

from psycopg import Connection, RawCursor

from edupulse.store.connection import ours
from edupulse.store.question import SETTINGS, Found, Question


class Asked:
    """Questions on their way, all of which see one state of the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, question: Question[Found]) -> Callable[[], Found]:
        """Send a question; call what comes back, after all were sent, for its answer."""
        cursor = RawCursor(self._connection)
        cursor.execute(question.statement.text.encode(), question.values, prepare=True, binary=True)
        return lambda: question.read(cursor.fetchall())


class RoundTrips:
    """Idle connections; `open_` gives another one, which commits by itself."""

    def __init__(self, open_: Callable[[], Connection]) -> None:
        self._open = open_
        self._idle: list[Connection] = []
        self._lock = Lock()

    @contextmanager
    def asking(self) -> Iterator[Asked]:
        """Questions that are answered when the context ends. Raises DatabaseDown."""
        with self._within("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY") as connection:
            yield Asked(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, committed when the context ends well, else undone. Raises DatabaseDown."""
        with self._within("BEGIN") as connection:
            yield connection

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _within(self, begin: str) -> Iterator[Connection]:
        with ours():
            connection = self._taken()
            # Within the pipeline, too: else what it cannot send any more goes to the log.
            with (
                _closed_if_failed(connection),
                connection.pipeline(),
                _closed_if_failed(connection),
            ):
                connection.execute(begin.encode())
                yield connection
                connection.execute("COMMIT")
        with self._lock:
            self._idle.append(connection)

    def _taken(self) -> Connection:
        """An idle connection that has not ended meanwhile, or a new one."""
        while True:
            with self._lock:
                idle = self._idle.pop() if self._idle else None
            if idle is None:
                return self._opened()
            if not _heard_of(idle):
                return idle
            idle.close()

    def _opened(self) -> Connection:
        opened = self._open()
        for setting in SETTINGS:
            opened.execute(setting.encode())
        return opened


@contextmanager
def _closed_if_failed(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _heard_of(idle: Connection) -> bool:
    """Does an idle connection, on which nothing is due, have something to say? Then it ended."""
    waiting = poll()
    waiting.register(idle.fileno(), POLLIN)
    return bool(waiting.poll(0))
