"""A training that is asked for over HTTP ends in a checkpoint of the registry, with its report."""

from __future__ import annotations

import time

import pytest

from edupulse.client import Client
from journeys.conftest import Journey
from serve.running import running

pytestmark = pytest.mark.slow

SECONDS = 400
STAFF = "D001"


def test_a_training_over_http_ends_in_a_checkpoint(trained: Journey) -> None:
    scopes = [f"--scope={scope}" for scope in ("trainings:write", "trainings:read", "models:read")]
    token = trained.must("tokens", "create", "a test", "--staff", STAFF, *scopes).split()[-1]
    with (
        running(None, EDUPULSE_HOME=trained.home, DATABASE_URL="") as service,
        Client(f"http://127.0.0.1:{service.port}", token) as client,
    ):
        started = client.start_a_training({"always": True})
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = client.follow_a_training(started["id"])
            if found["state"] not in ("waiting", "running"):
                break
            time.sleep(0.5)
        assert found["state"] == "finished", found
        known = {one["hash"] for one in client.models()["items"]}
    assert found["report"]["trained"] is True
    assert found["report"]["checkpoint"] in known
    assert trained.must("models", "show", found["report"]["checkpoint"])
