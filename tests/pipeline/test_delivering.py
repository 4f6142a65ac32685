"""What happens is announced with it, and told until it arrives: signed, at least once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from edupulse.pipeline.delivering import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    deliver,
    pause_after,
    secret_text,
)
from edupulse.pipeline.intake import intake
from edupulse.pipeline.targets import TargetSettings
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import checkpoints, webhooks
from edupulse.store.purging import purge
from edupulse.store.risks import StoredRisk, save_risks
from edupulse.store.store import Store, open_store
from edupulse.store.webhooks import BOTH_SIGN, EVENTS, GIVEN_UP, KEPT, TAKEN
from pipeline.receivers import Receiver, receiving
from pipeline.small_folder import small, write_folder

DAY = datetime(2025, 10, 20, 12, tzinfo=UTC)
HERE = TargetSettings(EDUPULSE_WEBHOOK_NETWORKS="127.0.0.1/32")
BAND_CHANGED = "risk.band_changed"


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str], tmp_path_factory) -> Iterator[tuple[str, Store]]:
    url = empty_database()
    folder: Path = write_folder(tmp_path_factory.mktemp("records"), small())
    with open_store(url) as opened:
        intake(opened, csv_folder(folder), now=DAY, home=folder)
        yield url, opened


@pytest.fixture
def store(database: tuple[str, Store]) -> Store:
    with database[1].writing() as connection:
        connection.execute("TRUNCATE state.events, state.deliveries, state.webhooks, state.risks")
    return database[1]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as here:
        yield here


@pytest.fixture
def webhook(store: Store, receiver: Receiver) -> tuple[UUID, bytes]:
    """One that is told everything; its id and its secret."""
    made = uuid4()
    with store.writing() as connection:
        url = f"{receiver.address}/hook"
        return made, webhooks.add(connection, made, url, EVENTS, by="a test", now=DAY)


def now() -> datetime:
    return datetime.now(UTC)


def risk(student: int, day: int, band: str | None, checkpoint: str = "c") -> StoredRisk:
    state, body = ("band", {"risk_category": band}) if band else ("insufficient_data", {})
    return StoredRisk(
        student, DAY + timedelta(days=day), "gru", "1", state, checkpoint, 0.5, body=body
    )


def say(store: Store, *risks: StoredRisk) -> None:
    with store.writing() as connection:
        save_risks(connection, risks)


def events(store: Store) -> list[dict]:
    with store.writing() as connection:
        rows = connection.execute("SELECT body FROM state.events ORDER BY number").fetchall()
    return [row[0] for row in rows]


def shown(store: Store, webhook: tuple[UUID, bytes]) -> webhooks.Webhook:
    with store.writing() as connection:
        return webhooks.webhook(connection, webhook[0])


def test_a_band_that_changed_is_announced_and_nothing_of_the_student_but_the_id(store, webhook):
    say(store, risk(1, 0, "low"))
    assert events(store) == [], "the first one changed nothing"
    later = risk(1, 7, "high")
    say(store, later)
    [told] = events(store)
    assert (told.pop("before"), told.pop("band")) == ("low", "high")
    assert UUID(told.pop("prediction_id")) == later.id
    assert UUID(told.pop("student_id")) == store.student_ids([1])[1]
    assert list(told) == ["as_of"]


@pytest.mark.parametrize(
    "said",
    [
        [risk(1, 0, "low"), risk(1, 7, "low")],
        [risk(1, 0, "low"), risk(2, 7, "high")],
        [risk(1, 7, "low"), risk(1, 0, "high")],
        [risk(1, 0, "low"), risk(1, 7, None)],
        [risk(1, 0, None), risk(1, 7, "low")],
        [risk(1, 0, "low"), risk(1, 0, "low")],
    ],
)
def test_what_is_no_change_is_not_announced(store, webhook, said) -> None:
    for one in said:
        say(store, one)
    assert events(store) == []


def test_an_answer_without_a_band_between_does_not_hide_a_change(store, webhook) -> None:
    for one in (risk(1, 0, "low"), risk(1, 7, None), risk(1, 14, "high")):
        say(store, one)
    assert [one["before"] for one in events(store)] == ["low"]


def test_the_same_day_by_another_checkpoint_is_compared_too(store, webhook) -> None:
    say(store, risk(1, 0, "low"))
    say(store, risk(1, 0, "medium", checkpoint="d"))
    assert [one["before"] for one in events(store)] == ["low"]


def test_what_is_undone_was_never_announced(store, webhook) -> None:
    say(store, risk(1, 0, "low"))
    with store.writing() as connection, connection.transaction(force_rollback=True):
        save_risks(connection, [risk(1, 7, "high")])
    assert events(store) == []


def test_promotions_and_imports_are_announced(store, webhook, tmp_path) -> None:
    with store.writing() as connection:
        for name in ("a", "b"):
            checkpoints.register(connection, name, created=DAY, folder="", decision={})
            checkpoints.promote(connection, name, now=DAY, by="t", because="t")
        checkpoints.rollback(connection, now=DAY, by="t", because="t")
        checkpoints.retire_champion(connection, now=DAY, by="t", because="t")
    said = [(one["checkpoint"], one["before"], one["action"]) for one in events(store)]
    assert said == [("a", None, "promoted"), ("b", "a", "promoted"), ("a", "b", "rolled_back")]
    folder = write_folder(tmp_path / "more", {"students": "student_id\n99\nx" + "y" * 200})
    report = intake(store, csv_folder(folder), now=DAY, home=tmp_path)
    last = events(store)[-1]
    assert (UUID(last["import_id"]), last["new"], last["rejected"]) == (report.id, 1, 1)


def test_without_a_webhook_changed_bands_alone_are_kept_for_streams(store) -> None:
    say(store, risk(1, 0, "low"))
    say(store, risk(1, 7, "high"))
    with store.writing() as connection:
        checkpoints.register(connection, "unheard", created=DAY, folder="", decision={})
        checkpoints.promote(connection, "unheard", now=DAY, by="t", because="t")
        checkpoints.retire_champion(connection, now=DAY, by="t", because="t")
        deliveries = connection.execute("SELECT count(*) FROM state.deliveries").fetchone()
    assert [one.get("band") for one in events(store)] == ["high"]
    assert deliveries == (0,)


def test_what_a_restore_brings_happened_long_ago(store, webhook) -> None:
    say(store, risk(1, 0, "low"))
    with store.writing() as connection:
        connection.execute("SET LOCAL edupulse.quiet = 'on'")  # as restoring.py does
        save_risks(connection, [risk(1, 7, "high")])
    assert events(store) == []


def changed(store: Store, times: int) -> None:
    """So many changes of a band."""
    for day in range(times + 1):
        say(store, risk(1, day, "low" if day % 2 else "high"))


def test_it_arrives_signed_so_that_the_receiver_can_tell(store, webhook, receiver) -> None:
    changed(store, 1)
    assert deliver(store, now, HERE) == 1
    [(path, headers, body)] = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    secret = base64.b64decode(secret_text(webhook[1]).removeprefix("whsec_"))
    right = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    assert path == "/hook"
    assert headers["webhook-signature"] == f"v1,{right}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 600
    told = json.loads(body)
    assert (told["type"], told["data"]) == (BAND_CHANGED, events(store)[0])
    assert (shown(store, webhook).delivered, deliver(store, now, HERE)) == (1, 0)


def test_a_delivery_is_a_disclosure_written_down_before_it_is_made(store, webhook, receiver):
    changed(store, 1)
    receiver.answers = [500]
    for ahead in (timedelta(0), LONGEST_PAUSE):
        deliver(store, lambda ahead=ahead: now() + ahead, HERE)
    with store.writing() as connection:
        rows = connection.execute(
            "SELECT what, student FROM state.audit WHERE who = %s", [f"webhook:{webhook[0]}"]
        ).fetchall()
    assert rows == [("disclosed", store.student_ids([1])[1])], "once, not at each try"


@pytest.mark.parametrize("answers", [[500, 503], [404, 302], [429, 410]])
def test_it_is_tried_again_until_it_arrives(store, webhook, receiver, answers) -> None:
    changed(store, 1)
    receiver.answers = list(answers)
    later = [now() + n * 2 * LONGEST_PAUSE for n in range(4)]
    assert [deliver(store, lambda at=at: at, HERE) for at in later] == [1, 1, 1, 0]
    assert len(set(receiver.ids())) == 1, "the same id at each try"
    assert len({body for _, _, body in receiver.got}) == 1
    assert shown(store, webhook).problem == ""


def test_what_failed_waits_longer_each_time_and_says_why(store, webhook, receiver) -> None:
    changed(store, 1)
    receiver.answers = [500]
    deliver(store, now, HERE)
    assert deliver(store, now, HERE) == 0
    said = shown(store, webhook)
    assert (said.waiting, said.dead, said.problem) == (1, 0, "It answers HTTP 500.")
    longest = [max(pause_after(tries) for _ in range(50)) for tries in (1, 3, 30)]
    assert FIRST_PAUSE < longest[0] < longest[1] < longest[2] <= 1.5 * LONGEST_PAUSE


def test_after_a_day_it_is_given_up_and_told(store, webhook, receiver) -> None:
    changed(store, 1)
    receiver.answers = [500, 500]
    deliver(store, now, HERE)
    deliver(store, lambda: now() + GIVEN_UP, HERE)
    assert (shown(store, webhook).waiting, shown(store, webhook).dead) == (0, 1)
    assert deliver(store, lambda: now() + 2 * GIVEN_UP, HERE) == 0


def test_a_target_that_is_not_allowed_any_more_is_not_called(store, webhook, receiver) -> None:
    changed(store, 1)
    deliver(store, now, TargetSettings(EDUPULSE_WEBHOOK_NETWORKS=""))
    assert receiver.got == []
    assert shown(store, webhook).problem == "field url: Only https is called."


def test_a_slow_receiver_does_not_keep_the_others_waiting(store, webhook, receiver) -> None:
    with receiving() as other, store.writing() as connection:
        webhooks.add(connection, uuid4(), other.address, [BAND_CHANGED], by="t", now=DAY)
        connection.commit()
        changed(store, 40)
        deliver(store, now, HERE)
        assert len(other.got) == len(receiver.got) == webhooks.AT_ONCE_EACH


def test_two_who_deliver_tell_each_event_once(store, webhook, receiver) -> None:
    changed(store, 12)
    receiver.waits = 0.02

    def until_done() -> None:
        while deliver(store, now, HERE):
            pass

    both = [threading.Thread(target=until_done) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(receiver.ids()) == sorted(set(receiver.ids()))
    assert len(receiver.got) == 12


def test_a_new_secret_signs_beside_the_one_before_for_a_day(store, webhook, receiver) -> None:
    with store.writing() as connection:
        new = webhooks.renew_secret(connection, webhook[0], now())
    changed(store, 2)
    deliver(store, now, HERE)
    with store.writing() as connection:
        connection.execute("UPDATE state.deliveries SET state = 'waiting', next = now()")
    deliver(store, lambda: now() + BOTH_SIGN, HERE)
    counts = [len(headers["webhook-signature"].split()) for _, headers, _ in receiver.got]
    assert counts == [2, 2, 1, 1]
    assert new != webhook[1]


DELIVERER = """
import sys
from datetime import datetime, UTC
from edupulse.pipeline.delivering import deliver
from edupulse.pipeline.targets import TargetSettings
from edupulse.store.store import open_store
here = TargetSettings(EDUPULSE_WEBHOOK_NETWORKS="127.0.0.1/32")
with open_store(sys.argv[1]) as store:
    while True:
        deliver(store, lambda: datetime.now(UTC), here)
"""


def test_who_delivers_is_killed_and_no_event_is_lost(database, store, webhook, receiver) -> None:
    changed(store, 12)
    receiver.waits = 0.5
    with subprocess.Popen([sys.executable, "-c", DELIVERER, database[0]]) as process:
        end = time.monotonic() + 120
        while not receiver.got:
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    receiver.waits = 0
    cut = shown(store, webhook)
    assert cut.waiting > 0
    assert cut.delivered < len(receiver.got), "some arrived and nobody noted it"
    while deliver(store, lambda: now() + TAKEN, HERE):
        pass
    with store.writing() as connection:
        rows = connection.execute("SELECT id FROM state.events").fetchall()
    assert {str(row[0]) for row in rows} == set(receiver.ids())
    assert shown(store, webhook).delivered == 12


def test_a_purge_takes_what_was_to_be_told_of_a_student(store, webhook, receiver) -> None:
    changed(store, 1)
    with store.writing() as connection, connection.transaction(force_rollback=True):
        purge(connection, 1, by="a test", because="a family asked")
        left = connection.execute(
            "SELECT (SELECT count(*) FROM state.events), (SELECT count(*) FROM state.deliveries)"
        ).fetchone()
    assert left == (0, 0)


def test_what_was_told_is_forgotten_after_a_month(store, webhook, receiver) -> None:
    changed(store, 1)
    deliver(store, now, HERE)
    with store.writing() as connection:
        webhooks.forget(connection, now())
        assert len(events(store)) == 1
        webhooks.forget(connection, now() + KEPT)
    assert events(store) == []


def test_secrets_come_under_a_new_key(store, webhook, monkeypatch) -> None:
    from edupulse.store.keys import KeySettings

    old = KeySettings().keys.get_secret_value()
    new = base64.b64encode(b"n" * 32).decode()
    monkeypatch.setenv("EDUPULSE_KEYS", f"{new},{old}")
    with store.writing() as connection:
        webhooks.reseal(connection)
    monkeypatch.setenv("EDUPULSE_KEYS", new)
    with store.writing() as connection:
        row = connection.execute("SELECT url, created FROM state.webhooks").fetchone()
        held = webhooks.add(connection, webhook[0], row[0], EVENTS, by="t", now=row[1])
        connection.execute("DELETE FROM state.webhooks")
    assert held == webhook[1]


PAGE = Path(__file__).parents[2] / "docs/webhooks.md"


def block(language: str, holds: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return next(one for one in blocks if holds in one)


def test_a_receiver_verifies_it_as_the_page_says(store, webhook, receiver, tmp_path) -> None:
    changed(store, 1)
    deliver(store, now, HERE)
    [(_, headers, body)] = receiver.got
    secret = secret_text(webhook[1])
    said: dict[str, Any] = {}
    exec(block("python", "is_genuine"), said)  # noqa: S102  (the page's own code)
    is_genuine = said["is_genuine"]
    assert is_genuine(headers, body, secret)
    assert not is_genuine(headers, body + b" ", secret)
    assert not is_genuine(headers | {"webhook-timestamp": "1"}, body, secret)
    assert not is_genuine(headers, body, secret_text(b"x" * 32))
    (tmp_path / "body").write_bytes(body)
    given = {"SECRET": secret, "ID": headers["webhook-id"], "BODY": str(tmp_path / "body"),
             "STAMP": headers["webhook-timestamp"], "PATH": os.environ["PATH"]}  # fmt: skip
    shell = ["bash", "-c", block("sh", "openssl")]
    shown = subprocess.run(shell, env=given, capture_output=True, text=True, check=True)
    assert f"v1,{shown.stdout}" == headers["webhook-signature"]
