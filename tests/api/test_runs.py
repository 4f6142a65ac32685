"""Imports and trainings over the API: a process each, one at a time, honest when cut off."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from edupulse.api.app import PREFIX, create_app
from edupulse.api.background import working
from edupulse.pipeline import running
from edupulse.pipeline.running import carry_out, launch
from edupulse.store import runs
from edupulse.store.runs import LAUNCHED_AGAIN, What
from edupulse.store.store import open_store
from pipeline.small_folder import small, write_folder

from .conftest import AT, Service

IMPORTS, TRAININGS = f"{PREFIX}/imports", f"{PREFIX}/trainings"


@pytest.fixture
def own(
    empty_database: Callable[[], str],
    reachable_folder: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Service]:
    """A service on an empty database, with a configured source, and a home of its own."""
    url, home = empty_database(), reachable_folder()
    monkeypatch.setenv("EDUPULSE_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", url)
    write_folder(home / "export", small(staff="staff_id,role\nD001,district_admin"))
    seconds = (timedelta(seconds=number) for number in itertools.count())
    (home / "sources.toml").write_text('[sources.sis]\nfrom = "csv"\nplace = "export"\n')
    with TestClient(create_app(lambda: open_store(url), lambda: AT + next(seconds))) as client:
        yield Service(client, client.app.state.store)


def started(own: Service, body: dict | None = None) -> dict:
    answer = own.client.post(IMPORTS, json=body or {"source": "sis"}, headers=own.as_(None))
    assert answer.status_code == 202
    return answer.json()


def followed(own: Service, number: str) -> dict:
    return own.client.get(f"{IMPORTS}/{number}", headers=own.as_(None)).json()


def test_a_configured_source_is_read_by_a_process_of_its_own(own) -> None:
    number = started(own)["id"]
    assert followed(own, number)["state"] == "waiting"
    [process] = launch(own.store, AT)
    assert process.wait(120) == 0
    said = followed(own, number)
    assert (said["state"], said["problem"]) == ("finished", None)
    assert said["report"]["id"] == number
    assert said["began"] <= said["finished"]


def test_one_is_launched_once_and_the_next_waits(own) -> None:
    first, second = (UUID(started(own)["id"]) for _ in range(2))
    with own.store.writing() as connection:
        assert runs.to_launch(connection, AT) == [first]
        assert runs.to_launch(connection, AT) == [], "it is on its way"
        assert runs.to_launch(connection, AT + LAUNCHED_AGAIN) == [first], "it was lost"
    assert carry_out(own.store, first, lambda: AT) == "finished"
    with own.store.writing() as connection:
        assert runs.to_launch(connection, AT) == [second]


def test_while_one_runs_no_other_begins(own) -> None:
    number = UUID(started(own)["id"])
    with own.store.session() as other, runs.alone(other, What.IMPORT) as held:
        assert held
        assert carry_out(own.store, number, lambda: AT) == "waiting"
    assert carry_out(own.store, number, lambda: AT) == "finished"
    assert carry_out(own.store, number, lambda: AT) == "finished", "and is not done again"


def test_an_import_that_is_refused_says_why(own, monkeypatch) -> None:
    bad = "\n".join(["student_id,date,status", *("1,2025-09-15,lost" for _ in range(30))])
    write_folder(Path(os.environ["EDUPULSE_HOME"]) / "export", {"attendance": bad})
    number = started(own)["id"]
    assert carry_out(own.store, UUID(number), lambda: AT) == "refused"
    assert "30 of 30 rows are bad" in followed(own, number)["problem"]


def test_an_unknown_source_is_not_found_and_nothing_waits(own) -> None:
    answer = own.client.post(IMPORTS, json={"source": "other"}, headers=own.as_(None))
    assert answer.status_code == 404
    assert launch(own.store, AT) == []


SLOW = """
import sys, time
from datetime import datetime, UTC
from uuid import UUID
from edupulse.pipeline import running
from edupulse.store.store import open_store
def slow(store, wanted, told, home):
    time.sleep(600)
running._DOERS = {one: slow for one in running._DOERS}
with open_store() as store:
    running.carry_out(store, UUID(sys.argv[-1]), lambda: datetime.now(UTC))
"""


def test_a_killed_process_is_told_as_interrupted_and_the_next_one_runs(own, monkeypatch) -> None:
    first, second = (started(own)["id"] for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(running, "COMMAND", (running.sys.executable, "-c", SLOW))
        [process] = launch(own.store, AT)
        wait_for(lambda: followed(own, first)["state"] == "running")
        assert launch(own.store, AT) == [], "one at a time"
        process.send_signal(signal.SIGKILL)
        process.wait()
    [process] = launched(own)
    said = followed(own, first)
    assert said["state"] == "interrupted"
    assert "nothing was changed" in said["problem"]
    assert process.wait(120) == 0
    assert followed(own, second)["state"] == "finished"


def launched(own: Service) -> list:
    """Launch as soon as the database has seen that the process is gone."""
    found: list = []
    wait_for(lambda: found.extend(launch(own.store, AT)) or found)
    return found


def wait_for(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_import_that_landed_before_its_process_died_is_finished(own) -> None:
    number = UUID(started(own)["id"])
    carry_out(own.store, number, lambda: AT)
    with own.store.writing() as connection:
        connection.execute("UPDATE state.runs SET state = 'running', report = NULL")
        assert runs.note_interrupted(connection, AT) == 1
    said = followed(own, str(number))
    assert said["state"] == "finished"
    assert said["report"]["id"] == str(number)


def test_the_background_of_a_service_starts_what_waits(own, monkeypatch) -> None:
    number = started(own)["id"]
    app = create_app(lambda: nullcontext(own.store), lambda: AT, beside=[working])
    with TestClient(app):
        wait_for(lambda: followed(own, number)["state"] == "finished")


def test_a_training_is_followed_and_without_outcomes_says_what_is_missing(own) -> None:
    carry_out(own.store, UUID(started(own)["id"]), lambda: AT)
    admin = own.as_("D001")
    answer = own.client.post(TRAININGS, json={"always": True}, headers=admin)
    assert answer.status_code == 202
    number = answer.json()["id"]
    assert carry_out(own.store, UUID(number), lambda: AT) == "failed"
    said = own.client.get(f"{TRAININGS}/{number}", headers=admin).json()
    assert said["problem"]
    assert said["report"] is None
    assert own.client.get(f"{IMPORTS}/{number}", headers=admin).status_code == 404


def test_where_nothing_can_train_it_is_said_at_once(own, monkeypatch) -> None:
    carry_out(own.store, UUID(started(own)["id"]), lambda: AT)
    monkeypatch.setattr(running, "find_spec", lambda _name: None)
    answer = own.client.post(TRAININGS, json={}, headers=own.as_("D001"))
    assert answer.status_code == 409
    assert "cannot train" in answer.json()["detail"]


def test_a_repeated_start_is_one_run(own) -> None:
    headers = own.as_(None) | {"Idempotency-Key": str(uuid4())}
    first, again = (
        own.client.post(IMPORTS, json={"source": "sis"}, headers=headers).json() for _ in range(2)
    )
    assert first == again


def test_the_service_itself_loads_no_torch() -> None:
    import subprocess
    import sys

    told = "import sys, edupulse.api.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
