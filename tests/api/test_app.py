"""What every request meets: problems, limits, headers, health."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Tracer, TracerProvider
from starlette.testclient import TestClient
from starlette.types import Message

from edupulse.api.app import create_app
from edupulse.api.guard import HEADERS, Guard
from edupulse.api.limits import Limits
from edupulse.api.problems import STATUSES, answer_with_problems, status_of
from edupulse.school import errors
from edupulse.store.store import open_store, store_at


def every_error(of: type[errors.EduPulseError]) -> Iterator[type[errors.EduPulseError]]:
    for one in of.__subclasses__():
        yield one
        yield from every_error(one)


@pytest.fixture
def client(empty_database: Callable[[], str]) -> Iterator[TestClient]:
    url = empty_database()
    with TestClient(create_app(lambda: open_store(url))) as client:
        yield client


@pytest.fixture
def troubled() -> TestClient:
    """An app in which things go wrong."""
    app = FastAPI()
    answer_with_problems(app)

    @app.get("/wrong/{name}")
    def wrong(name: str, number: int = 0) -> None:
        if name == "unforeseen":
            raise RuntimeError("student Ada Lovelace")
        raise getattr(errors, name)("It is so.", "Do this.")

    @app.post("/take")
    async def take(body: dict[str, int]) -> dict[str, int]:
        return body

    app.add_middleware(Guard, Limits(body=100))
    return TestClient(app)


@pytest.fixture
def hurried() -> TestClient:
    """An app whose answer never comes in time."""
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    app.add_middleware(Guard, Limits(seconds=0.1))
    return TestClient(app)


def test_every_error_of_ours_has_a_status() -> None:
    assert set(every_error(errors.EduPulseError)) == set(STATUSES)


@pytest.mark.parametrize("error", sorted(STATUSES, key=lambda one: one.__name__))
def test_an_error_leaves_as_a_problem_that_says_what_to_do(troubled, error) -> None:
    answer = troubled.get(f"/wrong/{error.__name__}")
    said = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == said["status"] == status_of(error("x"))
    assert (said["detail"], said["to_do"]) == ("It is so.", "Do this.")
    assert said["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (answer.status_code in (429, 503))


def test_what_nobody_foresaw_tells_nothing_of_itself(troubled) -> None:
    answer = troubled.get("/wrong/unforeseen")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Ada" not in answer.text


def test_an_answer_that_takes_too_long_is_given_up(hurried) -> None:
    answer = hurried.get("/slow")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_body_that_does_not_come_in_time_is_not_waited_for() -> None:
    app, sent = FastAPI(), []

    @app.post("/take")
    async def take(body: dict[str, int]) -> None:
        raise AssertionError("It came.")

    async def never() -> Message:
        return await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/take", "query_string": b""}
    asyncio.run(Guard(app, Limits(body_seconds=0.1))(scope | {"headers": headers}, never, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_more_requests_than_it_can_hold_are_told_to_come_back() -> None:
    answer = TestClient(Guard(FastAPI(), Limits(at_once=0))).get("/anywhere")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(("said", "taken"), [("a" * 16, True), ("Ada", False), ("a" * 65, False)])
def test_a_request_keeps_the_id_that_a_proxy_gave_it_if_it_is_one(troubled, said, taken) -> None:
    answer = troubled.get("/nowhere", headers={"X-Request-Id": said})
    assert (answer.headers["x-request-id"] == said) == taken


def test_an_invalid_request_names_the_place_and_never_the_value(troubled) -> None:
    answer = troubled.get("/wrong/NotFound?number=Ada")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "query.number"
    assert "Ada" not in answer.text


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(troubled, chunked: bool) -> None:
    body = b'{"a": 1' + b" " * 200 + b"}"
    content = iter([body[:60], body[60:]]) if chunked else body
    answer = troubled.post("/take", content=content)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:edupulse:problem:request-entity-too-large"
    assert troubled.post("/take", json={"a": 1}).json() == {"a": 1}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/take", 405),
        ("POST", "/take", 422),
        ("GET", "/wrong/DatabaseDown", 503),
        ("GET", "/wrong/unforeseen", 500),
    ],
)
def test_every_answer_has_the_security_headers(client, troubled, method, path, status) -> None:
    asked = client if path == "/healthz" else troubled
    answer = asked.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_path_with_a_slash_too_many_is_unknown_and_leads_nowhere(client) -> None:
    answer = client.get("/healthz/", follow_redirects=False)
    assert answer.status_code == 404


def test_an_unknown_path_is_a_problem(client) -> None:
    assert client.get("/nowhere").json()["type"] == "urn:edupulse:problem:not-found"


class Traced(TracerProvider):
    """Somebody's provider, which sees the names of spans: paths."""

    def __init__(self) -> None:
        self.asked = 0

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        self.asked += 1
        return NoOpTracer()


def test_no_tracing_is_told_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Traced()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    TestClient(FastAPI()).get("/students/Ada")
    assert provider.asked  # FastAPI's own way
    provider.asked = 0
    assert TestClient(create_app()).get("/healthz").status_code == 200
    assert not provider.asked


def test_the_log_has_route_and_id_and_no_path(troubled, caplog) -> None:
    with caplog.at_level(logging.INFO, logger="edupulse.requests"):
        answer = troubled.get("/wrong/NotFound?number=7")
    [record] = caplog.records
    assert (record.route, record.status) == ("/wrong/{name}", 404)
    assert record.request_id == answer.headers["x-request-id"]
    assert "number" not in str(vars(record))


def test_it_is_ready_without_a_checkpoint_and_says_that_rules_speak(client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["serving"] == "rules"


def test_without_the_keys_of_names_it_is_not_ready_and_says_so(
    client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDUPULSE_KEYS", "none")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "keys" in answer.json()["missing"][0]


def test_without_the_login_that_shows_students_it_is_not_ready_and_says_so(empty_database) -> None:
    nowhere, url = "postgresql://nobody@127.0.0.1:1/nothing", empty_database()
    with TestClient(create_app(lambda: store_at(url, nowhere))) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "edupulse_service" in answer.json()["missing"][0]


def test_without_a_database_it_is_not_ready_and_says_so() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with TestClient(create_app(lambda: store_at(nowhere))) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["The database does not answer."]
