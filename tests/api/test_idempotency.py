"""A write that is asked twice with one key is done once, and answered alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import psycopg
import pytest
import urllib3
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.testclient import TestClient

from edupulse.api.app import create_app
from edupulse.api.gate import Gate
from edupulse.api.idempotency import once
from edupulse.api.problems import answer_with_problems
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.school.errors import BadInput
from edupulse.store.purging import purge
from edupulse.store.requests import KEPT, UNDER_WAY
from edupulse.store.store import open_store
from edupulse.store.tokens import WRITE_RECORDS

from .conftest import AT, Service

KEY = "Idempotency-Key"
WRITE = "INSERT INTO notes (id, text) VALUES (%s, %s) ON CONFLICT DO NOTHING"


class Note(BaseModel):
    text: str
    id: UUID | None = None


@dataclass
class Desk:
    """What the tests do to the writer of notes: count it, hold it, break it."""

    written: int = 0
    may_go_on: threading.Event | None = None
    breaks: Exception | None = None
    dies: bool = False


def notes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.post("/notes", status_code=201)
    @once
    def write(
        made: UUID,
        asking: Annotated[Asking, asks(WRITE_RECORDS)],
        store: StoreHere,
        note: Note,
        place: str = "",
    ) -> Note:
        """Write a note."""
        with store.writing() as connection:
            connection.execute(WRITE, [made, note.text])
        desk.written += 1
        if desk.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if desk.may_go_on:
            desk.may_go_on.wait(10)
        if desk.breaks:
            raise desk.breaks
        return Note(id=made, text=f"{note.text} {desk.written}")

    @router.post("/others")
    @once
    async def other(asking: Annotated[Asking, asks(WRITE_RECORDS)], note: Note) -> Note:
        desk.written += 1
        return Note(text=f"other {desk.written}")

    return router


def notes_app(url: str, desk: Desk) -> FastAPI:
    app = FastAPI()
    answer_with_problems(app)
    app.include_router(notes(desk))
    app.state.clock = lambda: AT
    return app


@pytest.fixture(scope="module")
def url(empty_database: Callable[[], str]) -> str:
    made = empty_database()
    with psycopg.connect(made) as connection:
        connection.execute("CREATE TABLE notes (id uuid PRIMARY KEY, text text)")
    return made


@pytest.fixture(scope="module")
def running(url: str) -> Iterator[tuple[Service, Desk]]:
    desk = Desk()
    app = notes_app(url, desk)
    with open_store(url) as store:
        app.state.store, app.state.gate = store, Gate(store, None)
        yield Service(TestClient(app, raise_server_exceptions=False), store), desk


@pytest.fixture
def desk(running: tuple[Service, Desk]) -> Desk:
    running[1].__init__()
    running[0].client.app.state.clock = lambda: AT
    return running[1]


@pytest.fixture
def post(running: tuple[Service, Desk], desk: Desk) -> Callable[..., object]:
    service = running[0]
    caller = service.as_(None)

    def asked(key: str | None, text: str = "a", path: str = "/notes", who: dict | None = None):
        headers = (who or caller) | ({KEY: key} if key else {})
        return service.client.post(path, json={"text": text}, headers=headers)

    asked.service = service
    return asked


def test_every_post_of_the_service_takes_a_key() -> None:
    posts = {
        path: [one["name"] for one in item["post"]["parameters"]]
        for path, item in create_app().openapi()["paths"].items()
        if "post" in item
    }
    assert [path for path, names in posts.items() if KEY not in names] == []


def rows(url: str, text: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM notes WHERE text = %s", [text]).fetchone()
    return found[0]


def key() -> str:
    return str(uuid4())


@pytest.mark.parametrize("path", ["/notes", "/others"])
def test_the_same_request_again_gets_the_same_answer_and_does_nothing(post, desk, path) -> None:
    mine = key()
    first, again = post(mine, path=path), post(mine, path=path)
    assert first.status_code == again.status_code
    assert first.content == again.content
    assert desk.written == 1
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]


def test_without_a_key_each_request_is_one(post, desk) -> None:
    assert post(None).json()["id"] != post(None).json()["id"]
    assert desk.written == 2


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.booleans()), max_size=8))
def test_whatever_order_of_requests_each_key_answers_as_at_first(running, asked) -> None:
    service, desk = running
    desk.__init__()
    keys, callers = [key() for _ in range(3)], [service.as_(None), service.as_(None)]
    firsts: dict[tuple[int, bool], tuple[str, bytes]] = {}
    for number, text, caller in asked:
        headers = callers[caller] | {KEY: keys[number]}
        answer = service.client.post("/notes", json={"text": text}, headers=headers)
        first = firsts.setdefault((number, caller), (text, answer.content))
        assert answer.status_code == (201 if first[0] == text else 422)
        assert answer.status_code == 422 or answer.content == first[1]
    assert desk.written == len(firsts)


def test_the_same_key_with_another_body_or_query_is_refused(post, desk) -> None:
    mine = key()
    post(mine, "a")
    for answer in (post(mine, "b"), post(mine, "a", path="/notes?place=there")):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
    assert desk.written == 1


def test_a_key_is_its_callers_and_its_routes(post, desk) -> None:
    mine = key()
    post(mine)
    post(mine, who=post.service.as_(None))
    post(mine, path="/others")
    assert desk.written == 3


def test_without_rights_the_answer_is_not_told_again(post) -> None:
    mine = key()
    post(mine)
    assert post(mine, who={"Authorization": "Bearer nonsense"}).status_code == 401


def test_while_it_is_under_way_the_same_request_is_told_so(post, desk) -> None:
    mine, desk.may_go_on = key(), threading.Event()
    first = threading.Thread(target=post, args=[mine])
    first.start()
    while not desk.written:
        time.sleep(0.01)
    assert post(mine).status_code == 409
    desk.may_go_on.set()
    first.join()
    assert post(mine).status_code == 201
    assert desk.written == 1


def test_a_refused_request_may_be_corrected_under_its_key(post, desk) -> None:
    mine, desk.breaks = key(), BadInput("No.", "Correct it.")
    assert post(mine, "wrong").status_code == 422
    desk.breaks = None
    assert post(mine, "right").status_code == 201


def test_what_broke_is_done_again_under_the_same_id(post, desk, url) -> None:
    mine, desk.breaks = key(), RuntimeError("unforeseen")
    text = key()
    assert post(mine, text).status_code == 500
    desk.breaks = None
    assert post(mine, "another").status_code == 422
    assert post(mine, text).status_code == 201
    assert rows(url, text) == 1


def test_after_a_day_a_key_is_forgotten(post, desk) -> None:
    mine = key()
    post(mine, "a")
    post.service.client.app.state.clock = lambda: AT + KEPT
    assert post(mine, "b").status_code == 401, "the token ends as well"
    fresh = {"Authorization": f"Bearer {token_at(post.service, AT + KEPT)}"}
    with post.service.store.writing() as connection:
        before = connection.execute("SELECT count(*) FROM state.requests").fetchone()[0]
    assert post(key(), "b", who=fresh).status_code == 201
    with post.service.store.writing() as connection:
        after = connection.execute("SELECT count(*) FROM state.requests").fetchone()[0]
    assert after < before


def token_at(service: Service, at) -> str:
    from edupulse.store import tokens

    with service.store.writing() as connection:
        wanted = tokens.Wanted("later", (WRITE_RECORDS,), timedelta(days=1))
        return tokens.create(connection, wanted, now=at, by="a test")[1]


def test_answers_lie_in_the_database_unreadable(post, url) -> None:
    post(key(), "Ada Lovelace")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT r::text, sealed FROM state.requests r").fetchall()
    assert any(sealed for _, sealed in found)
    assert not any("Ada" in text or b"Ada" in (sealed or b"") for text, sealed in found)


def test_a_purge_takes_every_answer_and_leaves_that_it_was_done(post, desk) -> None:
    mine = key()
    post(mine)
    with post.service.store.writing() as connection:
        purge(connection, -1, by="a test", because="a family asked")
    assert post(mine).status_code == 409
    assert desk.written == 1


@pytest.mark.parametrize("bad", ["short", "x" * 256])
def test_a_key_that_could_be_guessed_is_refused(post, desk, bad: str) -> None:
    assert post(bad).status_code == 422
    assert desk.written == 0


DYING = """
import sys
import uvicorn
from edupulse.api.gate import Gate
from api.test_idempotency import Desk, notes_app
from edupulse.store.store import open_store
with open_store(sys.argv[1]) as store:
    app = notes_app(sys.argv[1], Desk(dies=True))
    app.state.store, app.state.gate = store, Gate(store, None)
    uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""


def test_a_process_that_dies_between_write_and_answer_wrote_once(post, desk, url, free_port):
    mine, text, caller = key(), key(), post.service.as_(None)
    command = [sys.executable, "-c", DYING, url, str(free_port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, env=environment) as dying:
        try:
            died_between(free_port, caller | {KEY: mine}, text)
        finally:
            dying.kill()
    assert desk.written == 0, "another process wrote"
    assert rows(url, text) == 1
    assert post(mine, text, who=caller).status_code == 409, "perhaps it still runs"
    post.service.client.app.state.clock = lambda: AT + UNDER_WAY
    again = post(mine, text, who=caller)
    assert again.status_code == 201
    assert rows(url, text) == 1
    assert post(mine, text, who=caller).content == again.content


def died_between(port: int, headers: dict[str, str], text: str) -> None:
    retries = urllib3.Retry(
        None, connect=600, read=0, redirect=0, backoff_factor=0.1, backoff_max=0.2
    )
    with urllib3.PoolManager() as pool, pytest.raises(urllib3.exceptions.HTTPError):
        pool.request(
            "POST", f"http://127.0.0.1:{port}/notes", json={"text": text}, headers=headers,
            retries=retries,
        )  # fmt: skip


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
