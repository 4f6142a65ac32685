"""One question that is asked again and again, on a connection of its own, by an event loop itself.

A request to the service waits for a few such questions and does little else. With a thread, a pool,
a transaction and its end around each, asking costs four times what the question does; here it is
prepared once, sent and heard. The loop hears of the end of an idle connection, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from psycopg import Connection, OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from edupulse.store.connection import ours

Row = Sequence[bytes | None]
"""The values of a row as PostgreSQL writes them."""

_NAME = b"question"


class Line:
    """Asks a statement whose answer is one row: one question at a time, in one event loop.

    Each is a transaction of its own. `open_` gives an idle connection that commits by itself; it is
    called in a thread, with the first question and with the next one after a connection was lost.
    """

    def __init__(self, open_: Callable[[], Connection], statement: str) -> None:
        self._open, self._statement = open_, statement.encode()
        self._held: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket = -1
        self._answer: asyncio.Future[Row] | None = None
        self._told: PGresult | None = None

    async def ask(self, *parameters: bytes) -> Row:
        """The row for these parameters. Raises DatabaseDown: then it may have been done, or not."""
        loop = asyncio.get_running_loop()
        if self._held is None:
            self._held, self._loop = await asyncio.to_thread(self._prepared), loop
            self._socket = self._held.fileno()
            loop.add_reader(self._socket, self._hear, self._held.pgconn)
        if self._loop is not loop:  # another one would never be told of the answer
            raise RuntimeError("A line belongs to the event loop that opened it.")
        with ours():
            try:
                return await self._asked(self._held.pgconn, parameters)
            except (OperationalError, asyncio.CancelledError):
                self.close()  # or the next question would hear the answer to this one
                raise

    def close(self) -> None:
        """End the connection."""
        if self._held is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket)
            loop.remove_writer(self._socket)
            self._held.close()
            self._held = None

    def _prepared(self) -> Connection:
        opened = self._open()
        with ours():
            # Planned once, for any parameters: planning takes longer than most of these answers.
            opened.execute("SET plan_cache_mode = force_generic_plan")
            made = opened.pgconn.prepare(_NAME, self._statement)
            if made.status != ExecStatus.COMMAND_OK:
                opened.close()
                raise error_from_result(made)
        opened.pgconn.nonblocking = 1
        return opened

    async def _asked(self, held: PGconn, parameters: Sequence[bytes]) -> Row:
        self._answer = asyncio.get_running_loop().create_future()
        try:
            held.send_query_prepared(_NAME, parameters)
            self._send(held)
            return await self._answer
        finally:
            self._answer = None

    def _send(self, held: PGconn) -> None:
        """Send what the server takes now; the rest when it takes more."""
        loop = asyncio.get_running_loop()
        loop.remove_writer(self._socket)
        if held.flush():
            loop.add_writer(self._socket, self._send, held)

    def _hear(self, held: PGconn) -> None:
        """An answer or a part of it, a notice, or the end of the connection."""
        try:
            held.consume_input()
        except OperationalError as error:
            self.close()  # its number may be another socket's from now on
            self._fail(error)
            return
        while not held.is_busy():
            result = held.get_result()
            if result is None:
                self._tell()
                break
            self._told = result

    def _tell(self) -> None:
        told, self._told = self._told, None
        if told is None or self._answer is None or self._answer.done():
            return
        if told.status == ExecStatus.TUPLES_OK:
            self._answer.set_result([told.get_value(0, at) for at in range(told.nfields)])
        else:
            self._answer.set_exception(error_from_result(told))

    def _fail(self, error: OperationalError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
