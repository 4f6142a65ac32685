"""docs/walkthrough.md does what it says: its commands are run in their order, by a real shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edupulse.store import embedded

PAGE = Path(__file__).parents[2] / "docs" / "walkthrough.md"
PROGRAMS = Path(sys.executable).parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def said(folder: Path, name: str) -> dict:
    return json.loads((folder / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def walked(reachable_folder: Callable[[], Path]) -> tuple[Path, str]:
    """The folder in which all commands of the page were run, and what they printed."""
    folder, home = reachable_folder(), reachable_folder()
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL))
    script = "set -eu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + commands
    done = subprocess.run(
        ["bash", "-c", script.replace("8000", str(a_free_port()))],
        cwd=folder,
        env=os.environ
        | {
            "EDUPULSE_HOME": str(home),
            "EDUPULSE_METRICS_PORT": "0",
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    embedded.remove(home)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


def test_a_stranger_learns_nothing(walked) -> None:
    _, printed = walked
    assert "A bearer token is needed." in printed
    assert "There is no such student: a 404." in printed


def test_the_42_features_and_rules_named_as_such_come_out(walked) -> None:
    folder, _ = walked
    prediction = said(folder, "said")
    assert len(said(folder, "features")["features"]) == 42
    assert prediction["method"] == "abc_rules"
    assert prediction.get("risk_score") is None


def test_the_same_comes_out_again_and_each_id_has_its_answer(walked) -> None:
    folder, _ = walked
    assert said(folder, "replayed")["same"] is True
    assert len(said(folder, "ranked")["items"]) == 2


def test_each_look_stands_in_the_log_with_its_purpose_and_the_log_is_whole(walked) -> None:
    folder, printed = walked
    purposes = {entry["purpose"] for entry in said(folder, "seen")["items"]}
    assert "a first look" in purposes
    assert re.search(r"entries", printed)
