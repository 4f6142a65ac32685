"""`edupulse sync` and `metrics` as a night runs them: each source, whatever the others do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edupulse.cli import app
from pipeline.small_folder import small, write_folder

SOURCES = """
[sources.lost]
from = "oneroster"
place = "not-there.zip"

[sources.sis]
from = "csv"
place = "csv"
"""


@pytest.fixture
def sources(
    tmp_path: Path, empty_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Two configured sources beside an empty database, of which the first is not there."""
    monkeypatch.setenv("DATABASE_URL", empty_database())
    monkeypatch.setenv("COLUMNS", "200")
    write_folder(tmp_path / "csv", small())
    path = tmp_path / "sources.toml"
    path.write_text(SOURCES)
    return path


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


def test_a_source_that_fails_keeps_no_other_from_being_read(sources: Path) -> None:
    code, said = run("sync", "--sources", str(sources))
    assert code == 2
    assert "lost: not read" in said
    assert "sis: read whole" in said


def test_when_each_was_read_and_how_fresh_each_school_is_can_be_asked(sources: Path) -> None:
    assert run("sync", "--status") == (0, "No source was synced yet.\n")
    run("sync", "sis", "--sources", str(sources))
    assert "sis: read at" in run("sync", "--status")[1]
    _, told = run("metrics")
    assert 'edupulse_days_since_observed{kind="attendance",school="N"}' in told
    assert 'edupulse_seconds_since_sync{source="sis"}' in told


@pytest.mark.parametrize("words", [("none",), ("--every", "0h"), ("--every", "soon")])
def test_what_cannot_be_done_is_said_before_anything_is_read(
    sources: Path, words: tuple[str, ...]
) -> None:
    assert run("sync", *words, "--sources", str(sources))[0] != 0
    assert run("sync", "--status") == (0, "No source was synced yet.\n")


def test_it_goes_on_and_waits_for_the_next_time(sources: Path) -> None:
    command = [sys.executable, "-c", "from edupulse.cli import main; main()", "sync", "sis"]
    going = subprocess.Popen(
        [*command, "--every", "1d", "--sources", str(sources)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    try:
        assert going.stdout is not None
        assert any("The report and the rejected rows" in line for line in going.stdout)
        time.sleep(0.2)
        assert going.poll() is None
    finally:
        going.kill()
        going.wait()
        going.stdout.close()
