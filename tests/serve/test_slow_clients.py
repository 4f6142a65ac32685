"""Clients that are slow, silent, rude or too many hold nobody up, and are told so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from edupulse.api.guard import HEADERS
from serve.running import Answer, Running, answer_of, eventually, running, wire


@pytest.fixture(scope="module")
def impatient(empty_database: Callable[[], str]) -> Iterator[Running]:
    """A service that waits a second for nothing, and holds eight connections."""
    with running(
        empty_database(),
        EDUPULSE_HEAD_SECONDS=1,
        EDUPULSE_KEEP_ALIVE_SECONDS=1,
        EDUPULSE_CONNECTIONS=8,
    ) as service:
        yield service


def told(answer: Answer, status: int) -> bool:
    with_headers = {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS
    return answer.status == answer.json["status"] == status and with_headers


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: "])
def test_the_head_of_a_request_has_its_time(impatient: Running, sent: bytes) -> None:
    with impatient.connect() as client:
        client.sendall(sent)
        assert told(answer_of(client), 408)
        assert client.recv(1) == b""


def test_a_head_that_drips_in_gains_no_time(impatient: Running) -> None:
    def dripped() -> bool:
        client.sendall(b"x")
        client.settimeout(0.1)
        try:
            return b" 408 " in client.recv(64)
        except TimeoutError:
            return False

    with impatient.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nX-Drip: ")
        assert eventually(dripped)


def test_an_idle_connection_is_closed(impatient: Running) -> None:
    with impatient.connect() as client:
        client.sendall(wire("GET", "/healthz"))
        assert answer_of(client).status == 200
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01 no HTTP\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 40_000, 431),
        (b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (wire("POST", "/api/v1/anything", {"Content-Length": str(2**40)}), 413),
        (wire("GET", "/nowhere"), 404),
        (wire("POST", "/healthz"), 405),
        (wire("GET", "/metrics"), 404),
    ],
)
def test_what_cannot_be_taken_is_a_problem_with_all_headers(
    impatient: Running, sent: bytes, status: int
) -> None:
    with impatient.connect() as client:
        client.sendall(sent)
        assert told(answer_of(client), status)


def test_one_connection_too_many_is_sent_away_and_the_others_are_answered(
    impatient: Running,
) -> None:
    clients = [impatient.connect() for _ in range(9)]
    try:
        assert told(answer_of(clients[-1]), 503)
        clients[0].sendall(wire("GET", "/healthz"))
        assert answer_of(clients[0]).status == 200
    finally:
        for client in clients:
            client.close()
    assert eventually(lambda: impatient.ask().status == 200)
