"""Logs and metrics of a whole session hold nothing of a student, whatever was asked, and how."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from edupulse.api.app import PREFIX, ROUTES
from edupulse.serve.logs import Line
from edupulse.store import tokens
from edupulse.store.people import staff_key
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import SCOPES, Wanted
from pipeline.small_champion import import_frames, let_serve, small_checkpoint, small_district
from serve.running import Running, answer_of, running, wire

AS_OF = "2025-02-20T18:00:00Z"


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[tuple[Store, str]]:
    url, folder = empty_database(), reachable_folder()
    with open_store(url) as opened:
        import_frames(opened, folder / "records", small_district())
        let_serve(opened, small_checkpoint(folder / "checkpoints"))
        yield opened, url


@pytest.fixture(scope="module")
def secret(store: tuple[Store, str]) -> str:
    with store[0].writing() as connection:
        wanted = Wanted("a test", SCOPES, timedelta(days=1), staff_key(connection, "D001"))
        return tokens.create(connection, wanted, now=datetime.now(UTC), by="a test")[1]


def told_of_students(store: Store) -> set[str]:
    """Names, numbers and UUIDs of all students."""
    names = store.student_names(store.ever_enrolled(datetime.now(UTC)).tolist())
    columns = ("student_id", "local_id", "first_name", "last_name")
    return {str(value) for column in columns for value in names[column].drop_nulls()}


def every_question(student: str, name: str, secret: str) -> Iterator[bytes]:
    """Each route with the student wherever one can be put, and then as badly as can be."""
    token = {"Authorization": f"Bearer {secret}", "X-Purpose": f"to see {name}"}
    body = json.dumps({"student_id": student, "student_ids": [student], "as_of": AS_OF,
                       "include_factors": True, "name": name}).encode()  # fmt: skip
    bodies = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    for router in ROUTES:
        for route in (one for one in router.routes if isinstance(one, APIRoute)):
            path = PREFIX + re.sub(r"{\w+}", student, route.path)
            for method in sorted(route.methods):
                query = f"?student_id={student}&q={name}&cursor={name}"
                yield wire(method, path + query, token | bodies) + body
                yield wire(method, path, token | bodies) + body
                yield wire(method, path, {"Authorization": f"Bearer {name}"})
    yield wire("GET", f"/{name}/{student}?who={name}", {"X-Request-Id": name})
    yield wire("POST", f"{PREFIX}/predict", token | bodies) + body[:-1] + b"{"
    yield f"GET /{name} HTTP/1.1\r\nHost: {student}\r\nBroken {name}\r\n\r\n".encode()


@pytest.mark.slow
def test_a_whole_session_leaves_nothing_of_a_student(store: tuple[Store, str], secret: str) -> None:
    students = told_of_students(store[0])
    some = store[0].student_names([1])
    student, name = some["student_id"].item(), some["last_name"].item()
    with running(store[1]) as service:
        questions = list(every_question(student, name, secret))
        answers = [asked(service, question) for question in questions]
        written, counted = service.output() + service.beside(), service.counted()
        lines = [line for line in service.logged() if line["message"] == "request"]
    assert len(lines) >= len(questions) - 1
    scores = set(re.findall(r'"risk_score":([\d.]+)', b"".join(answers).decode()))
    assert name in b"".join(answers).decode()
    for word in students | scores | {secret}:
        assert not re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", written + counted), word


def asked(service: Running, question: bytes) -> bytes:
    with service.connect() as client:
        client.sendall(question)
        return answer_of(client).body


def test_a_line_of_an_error_tells_its_kind_and_place_and_not_its_words() -> None:
    try:
        raise ValueError("Ada Lovelace has 3 absences")
    except ValueError:
        record = logging.LogRecord("edupulse", 40, "", 0, "unforeseen", None, sys.exc_info())
    line = json.loads(Line().format(record))
    assert (line["error"], line["message"], line["level"]) == ("ValueError", "unforeseen", "error")
    assert "test_a_line_of_an_error" in line["where"][-1]
    assert "Ada" not in str(line)


def test_a_line_of_a_request_tells_its_route_and_who_asked() -> None:
    told = {"request_id": "r", "route": "/students/{student_id}", "caller": "token:1", "path": "/x"}
    record = logging.makeLogRecord({"msg": "request", "name": "edupulse.requests", **told})
    line = json.loads(Line().format(record))
    assert (line["route"], line["caller"]) == ("/students/{student_id}", "token:1")
    assert "path" not in line
