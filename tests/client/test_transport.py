"""How the client asks: against a real server that misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from edupulse.client import Client, ProblemError, Unreachable

ANSWER: dict[str, Any] = {"items": [], "next": None}


class Odd(ThreadingHTTPServer):
    """Does what `orders` say, one a request: a status to answer with, or "cut"."""

    daemon_threads = True
    orders: list[int | str]
    seen: list[dict[str, str]]


class _Handler(BaseHTTPRequestHandler):
    server: Odd

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(headers | {"path": self.path})
        order = self.server.orders.pop(0) if self.server.orders else 200
        if order == "cut":
            self.connection.close()
            return
        said = ANSWER if order == 200 else {"title": "No", "detail": "So.", "to_do": "Do."}
        body = json.dumps(said).encode()
        self.send_response(int(order))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  (http.server names it so)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Odd]:
    odd = Odd(("127.0.0.1", 0), _Handler)
    odd.orders, odd.seen = [], []
    thread = threading.Thread(target=odd.serve_forever)
    thread.start()
    yield odd
    odd.shutdown()
    thread.join()
    odd.server_close()


@pytest.fixture
def client(server: Odd) -> Iterator[Client]:
    url = f"http://127.0.0.1:{server.server_port}"
    with Client(url, lambda: "secret", purpose="a test") as made:
        yield made


def test_a_busy_service_and_a_cut_connection_are_asked_again(server, client) -> None:
    server.orders = [503, "cut", 429]
    assert client.disclosures(student_id="1") == ANSWER
    assert len(server.seen) == 4


def test_every_request_has_the_token_and_the_purpose_and_no_empty_parameter(server, client) -> None:
    client.disclosures(student_id="1")
    [seen] = server.seen
    assert (seen["authorization"], seen["x-purpose"]) == ("Bearer secret", "a test")
    assert seen["path"].endswith("/disclosures?student_id=1")


def test_a_problem_says_what_to_do_and_is_not_asked_again(server, client) -> None:
    server.orders = [404]
    with pytest.raises(ProblemError, match=r"404 No: So\. Do\.") as raised:
        client.disclosures(student_id="1")
    assert raised.value.to_do == "Do."
    assert len(server.seen) == 1


def test_a_service_that_stays_away_is_told_as_such(server, client) -> None:
    server.orders = ["cut"] * 5
    with pytest.raises(Unreachable, match="GET /healthz"):
        client.healthz()
    server.orders = [503] * 5
    with pytest.raises(ProblemError, match="503"):
        client.healthz()


def test_a_write_without_a_key_is_tried_once(server, client) -> None:
    server.orders = ["cut"]
    with pytest.raises(Unreachable):
        client._ask("POST", "/x", body={})
    assert len(server.seen) == 1


def test_a_write_under_a_key_is_tried_again_under_the_same(server, client) -> None:
    server.orders = ["cut", 503]
    client._ask("POST", "/x", body={}, headers={"Idempotency-Key": "k"})
    assert [seen["idempotency-key"] for seen in server.seen] == ["k"] * 3
