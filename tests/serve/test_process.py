"""The service as processes: it starts, stops, renews itself, and recovers from what kills it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest

from edupulse.serve.process import LEAN, listening
from serve.running import PROGRAM, Running, answer_of, eventually, running, wire

TOKEN = {"Authorization": "Bearer nobodys"}
ASKED = "/api/v1/disclosures?student_id=1c8cdb7e-8c2c-4b55-9c2e-8c3c1d1b5a11"


@contextmanager
def held(url: str) -> Iterator[psycopg.Connection]:
    """Whoever brings a token waits for as long as this lasts."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE state.tokens IN ACCESS EXCLUSIVE MODE")
        yield connection


def someone_waits(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return bool(row and row[0])


def lives(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def url(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture(scope="module")
def service(url: str) -> Iterator[Running]:
    with running(url, EDUPULSE_WORKERS=2) as one:
        yield one


def test_what_is_answered_in_pieces_does_not_wait_for_the_client_to_confirm_each() -> None:
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_workers_are_lean_unless_the_environment_says_otherwise(service: Running) -> None:
    told = {name: os.environ.get(name, value) for name, value in LEAN.items()}
    for one in service.workers():
        assert told.items() <= psutil.Process(one).environ().items()


def test_it_says_what_to_do_next(service: Running) -> None:
    assert "/api/v1/docs" in service.beside()
    assert "edupulse tokens create" in service.beside()


def test_metrics_of_all_workers_are_summed_on_an_address_of_their_own(service: Running) -> None:
    for _ in range(20):
        service.ask("/healthz")
    counted = re.search(r'edupulse_requests_total{.*"/healthz".*} (\S+)', service.counted())
    assert float(counted[1]) >= 20
    assert "edupulse_up 1.0" in service.counted()
    assert service.ask("/metrics").status == 404


def test_hangup_renews_the_workers_and_no_request_is_dropped(service: Running) -> None:
    before, statuses, done = service.workers(), [], threading.Event()

    def go_on() -> None:
        client = service.connect()
        while not done.is_set():
            client.sendall(wire("GET", "/healthz"))
            answer = answer_of(client)
            statuses.append(answer.status)
            if answer.headers.get("connection") == "close":
                client.close()
                client = service.connect()
        client.close()

    asking = [threading.Thread(target=go_on) for _ in range(3)]
    for one in asking:
        one.start()
    service.process.send_signal(signal.SIGHUP)
    try:
        eventually(lambda: len(service.workers()) == 2 and not service.workers() & before)
    finally:
        done.set()
        for one in asking:
            one.join()
    assert len(statuses) > 3
    assert set(statuses) == {200}


def test_a_worker_that_is_killed_is_replaced(service: Running) -> None:
    killed = min(service.workers())
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: len(service.workers() - {killed}) == 2)
    assert service.ask().status == 200


@pytest.mark.slow
def test_sigterm_lets_a_running_request_end_and_then_stops(url: str) -> None:
    with running(url) as service, service.connect() as client:
        with held(url):
            client.sendall(wire("GET", ASKED, TOKEN))
            eventually(lambda: someone_waits(url))
            service.process.terminate()
            eventually(lambda: "Shutting down" in service.output())
            assert service.process.poll() is None
        answer = answer_of(client)
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert service.process.wait(60) == 0


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(url: str) -> None:
    with running(url) as service:
        workers = eventually(service.workers)
        service.process.kill()
        service.process.wait()
        assert eventually(lambda: not any(lives(one) for one in workers))


def test_an_address_that_is_taken_or_a_wrong_setting_is_said_and_nothing_runs(
    service: Running, url: str
) -> None:
    environment = os.environ | {"DATABASE_URL": url}
    for word, said in [
        (f"--port={service.port}", "Nothing can listen"),
        ("--workers=0", "WORKERS"),
    ]:
        done = subprocess.run(
            [PROGRAM, "serve", word, "--metrics-port=0"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert said in done.stderr


def test_tables_of_a_newer_version_are_said_and_nothing_runs(
    empty_database: Callable[[], str],
) -> None:
    newer = empty_database()
    with psycopg.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = subprocess.run(
        [PROGRAM, "serve", "--port=0", "--metrics-port=0"],
        env=os.environ | {"DATABASE_URL": newer}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "newer EduPulse" in done.stderr


@pytest.mark.slow
def test_sigterm_ends_a_service_that_is_not_prepared_yet(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        starting = subprocess.Popen(
            [PROGRAM, "serve", "--port=0", "--metrics-port=0"],
            env=os.environ | {"DATABASE_URL": url}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        eventually(lambda: someone_waits(url))
        (preparing,) = psutil.Process(starting.pid).children()
        starting.terminate()
        assert starting.wait(60) == 0
        assert eventually(lambda: not lives(preparing.pid))


@pytest.mark.slow
def test_it_starts_before_its_database_says_so_and_finds_it(url: str) -> None:
    later = re.sub(r"/test_\d+", "/comes_after_the_service", url)
    with running(later) as service:
        answer = service.ask("/readyz")
        assert answer.status == 503
        assert "no such database" in answer.json["missing"][0]
        asked = service.ask(ASKED, TOKEN)
        assert (asked.status, asked.headers["retry-after"]) == (503, "5")
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE DATABASE comes_after_the_service")
        assert eventually(lambda: service.ask("/readyz").status == 200)
        assert service.ask(ASKED, TOKEN).status == 401
