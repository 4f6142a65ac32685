"""Statements in one round trip: one state, all or nothing, and no connection that ended is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.errors import DivisionByZero, InvalidTextRepresentation

from edupulse.school.errors import BadInput, DatabaseDown
from edupulse.store.question import Question, Rows, Statement
from edupulse.store.store import Store, open_store

MANY = 50


@pytest.fixture
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        with opened.writing() as connection:
            connection.execute("CREATE TABLE public.seen (number integer PRIMARY KEY)")
        yield opened


def question(text: str, *values: str, types: tuple[str, ...] = ()) -> Question[Rows]:
    return Question(Statement(text, types), values, lambda rows: rows)


PROCESS = question("SELECT pg_backend_pid()")
SEEN = "INSERT INTO public.seen SELECT %s::integer WHERE 1 / (%s::integer + 1) IS NOT NULL"
ALL_SEEN = question("SELECT count(*) FROM public.seen")


def write(store: Store, *numbers: int) -> None:
    with store.writing_at_once() as connection:
        for number in numbers:
            connection.execute(SEEN, [number, number])


def write_and(store: Store, then: Callable[[int], object]) -> None:
    """Write, and do something else before that is sent."""
    with store.writing_at_once() as connection:
        connection.execute(SEEN, [1, 1])
        then(1)


def end(store: Store, process: int) -> None:
    """What happens to all connections when the server goes."""
    with store.writing() as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def test_questions_of_one_round_trip_see_one_state(store: Store) -> None:
    with store.asking() as asked:
        first = asked.ask(ALL_SEEN)
        assert first() == [(0,)]  # it was waited for: the state is taken
        write(store, 1)
        second = asked.ask(ALL_SEEN)
    assert second() == [(0,)]
    assert store.answer(ALL_SEEN) == [(1,)]


def test_an_answer_is_the_same_by_a_round_trip_and_by_a_snapshot(store: Store) -> None:
    made = question("SELECT $1 || 'ü' AS a, $2 + 1 AS b, $3::bytea AS c",
                    "it's \\", "41", "\\x00ff27", types=("text", "integer", "bytea"))  # fmt: skip
    with store.snapshot() as reading:
        assert list(reading.answer(made)) == [("it's \\ü", 42, b"\x00\xff'")]
    assert store.answer(made) == [("it's \\ü", 42, b"\x00\xff'")]


def test_nobody_writes_by_asking(store: Store) -> None:
    with pytest.raises(Exception, match="read-only"):
        store.answer(question("INSERT INTO public.seen VALUES (1) RETURNING number"))
    assert store.answer(ALL_SEEN) == [(0,)]


@pytest.mark.parametrize("last", [0, MANY // 2, MANY - 1])
def test_what_fails_anywhere_leaves_nothing_behind(store: Store, last: int) -> None:
    numbers = [*range(MANY)]
    numbers[last] = -1
    with pytest.raises(DivisionByZero):
        write(store, *numbers)
    assert store.answer(ALL_SEEN) == [(0,)]


def test_what_is_broken_off_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(KeyError):
        write_and(store, {}.pop)
    assert store.answer(ALL_SEEN) == [(0,)]


def test_an_idle_connection_that_ended_is_not_used(store: Store) -> None:
    [(first,)] = store.answer(PROCESS)
    assert store.answer(PROCESS) == [(first,)]
    end(store, first)
    [(second,)] = store.answer(PROCESS)
    assert second != first
    end(store, second)
    write(store, 1)
    assert store.answer(ALL_SEEN) == [(1,)]


def test_a_connection_that_ends_on_the_way_is_a_database_that_is_down(store: Store) -> None:
    [(process,)] = store.answer(PROCESS)
    with pytest.raises(DatabaseDown):
        write_and(store, lambda _: end(store, process))
    assert store.answer(ALL_SEEN) == [(0,)]


def test_a_wrong_question_harms_none_of_those_that_follow(store: Store) -> None:
    with pytest.raises(InvalidTextRepresentation):
        store.answer(question("SELECT $1::integer", "no number", types=("integer",)))
    with pytest.raises(BadInput, match="NUL"):
        store.answer(question("SELECT $1::json ->> 'a'", r'{"a": "\u0000"}', types=("json",)))
    assert store.answer(ALL_SEEN) == [(0,)]


def test_many_at_a_time_have_a_connection_each(store: Store) -> None:
    with ThreadPoolExecutor(8) as several:
        list(several.map(lambda number: write(store, 2 * number, 2 * number + 1), range(MANY)))
    assert store.answer(ALL_SEEN) == [(2 * MANY,)]
    assert len(store.round_trips._idle) <= 8
