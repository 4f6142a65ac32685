"""A leak that is planted ends `edupulse evaluate` with its reason, before any figure."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edupulse.model.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from edupulse.pipeline.judging import LEARNED_UNTIL
from journeys.conftest import Journey

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spine")]

PEEKING = """
from datetime import timedelta
from edupulse.school.knowledge import Known
honest = Known.last_days
def tomorrow(known):
    return {school: day + timedelta(days=1) for school, day in honest(known).items()}
Known.last_days = tomorrow
"""
OPEN_DOOR = """
from datetime import timedelta
from edupulse.school import knowledge
honest = knowledge._holds
knowledge._holds = lambda versions, as_of: honest(versions, as_of + timedelta(days=3))
"""


def checkpoint_of(trained: Journey) -> Checkpoint:
    return read_checkpoint(next((trained.home / "checkpoints").glob("sha256-*")))


def tampered(trained: Journey, root: Path, **changed: object) -> str:
    """A copy of the checkpoint with another manifest, made known to the registry."""
    made = checkpoint_of(trained)
    copy = write_checkpoint(
        root,
        network=made.network,
        weights=(made.path / "weights.safetensors").read_bytes(),
        manifest=replace(made.manifest, **changed),
        evaluation=made.evaluation,
        peers=made.peers,
        card="tampered",
    )
    trained.must("models", "add", str(copy.path))
    return copy.version


def refused(done: subprocess.CompletedProcess[str], reason: str) -> None:
    said = " ".join(done.stderr.split())
    assert done.returncode == 2, said
    assert done.stdout == ""
    assert reason in said
    assert "nothing was evaluated" in said or "What to do" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("leak", "reason"),
    [
        (PEEKING, "depend on records of the days after it"),
        (OPEN_DOOR, "depend on what came to be known only later"),
    ],
)
def test_features_of_the_future_end_it(trained: Journey, leak: str, reason: str) -> None:
    program = f"{leak}\nfrom edupulse.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, "evaluate", checkpoint_of(trained).version],
        env={**os.environ, "EDUPULSE_HOME": str(trained.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    refused(done, reason)


def test_a_scaler_of_other_rows_ends_it(trained: Journey, tmp_path: Path) -> None:
    center = checkpoint_of(trained).manifest.scaler_center
    name = tampered(trained, tmp_path, scaler_center=tuple(one * 1.01 for one in center))
    refused(trained.run("evaluate", name), "scaler is not the one of its training part")


def test_a_checkpoint_that_learned_into_the_test_period_ends_it(
    trained: Journey, tmp_path: Path
) -> None:
    provenance = checkpoint_of(trained).manifest.provenance
    longer = {**provenance.data, LEARNED_UNTIL: "2026-01-15T00:00:00Z"}
    name = tampered(trained, tmp_path, provenance=replace(provenance, data=longer))
    refused(trained.run("evaluate", name), "before the labels from which the checkpoint learned")
    shorter = {**provenance.data, LEARNED_UNTIL: "2024-01-15T00:00:00Z"}
    name = tampered(trained, tmp_path, provenance=replace(provenance, data=shorter))
    refused(trained.run("evaluate", name), "one of the days that it names closed on")
