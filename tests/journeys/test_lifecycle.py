"""The life of a model by the real commands: watch, retrain through a kill, roll back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from journeys.conftest import PROGRAM, Journey

pytestmark = pytest.mark.slow

AS_OF = ("--as-of", "2026-07-01")


def reports(journey: Journey) -> list[dict[str, object]]:
    folders = sorted((journey.home / "retrainings").glob("*"))
    return [json.loads((folder / "report.json").read_text()) for folder in folders]


def decided(journey: Journey) -> list[dict[str, object]]:
    return json.loads(journey.must("models", "decisions", "--figures"))


def test_monitoring_names_reasons_and_changes_nothing(trained: Journey) -> None:
    before = trained.must("models", "list")
    seen = json.loads(trained.must("monitor", "--json", *AS_OF))
    assert all(one["reason"] for one in seen["triggers"])
    assert trained.must("models", "list") == before


def test_a_retraining_killed_in_the_middle_ends_as_if_it_had_not_been(trained: Journey) -> None:
    before = reports(trained)
    words = [str(PROGRAM), "retrain", "--always", *AS_OF]
    environment = {**os.environ, "EDUPULSE_HOME": str(trained.home)}
    running = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    state = trained.home / "retraining.state"
    until = time.monotonic() + 300
    while not state.exists() and running.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert state.exists()
    running.send_signal(signal.SIGKILL)
    running.wait()
    already = len(decided(trained))
    assert reports(trained) == before
    said = trained.must("retrain")
    assert "taken up again" in said
    [resumed] = (one for one in reports(trained) if one not in before)
    assert resumed["now"].startswith("2026-07-")
    assert not (trained.home / "retraining.json").exists()
    assert not state.exists()
    assert len(decided(trained)) <= already + 1
    trained.must("retrain", "--always", *AS_OF)
    again = [one["checkpoint"] for one in reports(trained) if one not in before]
    assert set(again) == {resumed["checkpoint"]}


def test_a_checkpoint_that_failed_its_gate_cannot_be_promoted_by_hand(trained: Journey) -> None:
    listed = trained.must("models", "list").split()
    failed = next(word for word in listed if word.startswith("sha256:"))
    card = trained.must("models", "show", failed)
    done = trained.run("models", "promote", failed, "--because", "I like it")
    assert (done.returncode == 0) == ("it may serve" in card)
    if done.returncode:
        assert "did not pass its gate" in done.stderr
