"""A question on a line: the same answers as over a pool, and it comes back whatever ended it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from psycopg.errors import InvalidTextRepresentation

from edupulse.school.errors import BadInput, DatabaseDown
from edupulse.store import versions
from edupulse.store.audit import APPEND, Entry, What, append_by, verify, written
from edupulse.store.line import Line
from edupulse.store.store import Store, open_store
from edupulse.store.versions import Seen
from store.lines import told


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


def end(store: Store, process: bytes) -> None:
    """What happens to all connections when the server goes."""
    with store.writing() as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", [int(process)])


def test_what_counts_for_every_request_is_what_a_transaction_reads(store: Store) -> None:
    found = store.answer(versions.versions())
    assert told(store, versions.QUESTION, versions.seen_by) == Seen(
        found.rights, found.registry, found.checkpoint
    )


def test_what_was_appended_is_committed_however_much_it_is(store: Store) -> None:
    entries = [Entry(What.DISCLOSED, "a test", "x" * 2000) for _ in range(2000)]
    told(store, APPEND, lambda made: append_by(made, entries))
    with store.writing() as connection:
        assert verify(written(connection)).entries == len(entries)


def test_an_idle_connection_that_ended_is_replaced_before_anybody_asks(store: Store) -> None:
    async def twice(made: Line) -> list[bytes]:
        (first,) = await made.ask()
        await asyncio.to_thread(end, store, first)
        while made._held is not None:
            await asyncio.sleep(0.001)
        return [first, *await made.ask()]

    first, second = told(store, "SELECT pg_backend_pid()", twice)
    assert first != second


def test_a_connection_that_ends_under_a_question_is_a_database_that_is_down(store: Store) -> None:
    async def story(made: Line) -> bytes:
        (process, _) = await made.ask(b"0")
        asking = asyncio.create_task(made.ask(b"60"))
        await asyncio.sleep(0)
        await asyncio.to_thread(end, store, process)
        with pytest.raises(DatabaseDown):
            await asking
        return (await made.ask(b"0"))[0]

    assert told(store, "SELECT pg_backend_pid(), pg_sleep($1::float)", story)


def test_a_question_that_was_given_up_leaves_its_answer_to_nobody(store: Store) -> None:
    async def story(made: Line) -> bytes:
        await made.ask(b"before")
        asking = asyncio.create_task(made.ask(b"given up"))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return (await made.ask(b"after"))[0]

    assert told(store, "SELECT $1::text", story) == b"after"


def test_a_wrong_question_harms_none_of_those_that_follow(store: Store) -> None:
    async def story(made: Line) -> bytes:
        with pytest.raises(InvalidTextRepresentation):
            await made.ask(b"no number", b"{}")
        with pytest.raises(BadInput, match="NUL"):
            await made.ask(b"1", rb'{"a": "\u0000"}')
        return (await made.ask(b"2", b'{"a": "b"}'))[0]

    assert told(store, "SELECT $1::int, $2::json ->> 'a'", story) == b"2"
