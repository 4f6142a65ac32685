"""`edupulse backup` and `restore`: from one command to the next, and what is said on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edupulse.cli import app
from edupulse.pipeline.intake import intake
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import open_store
from pipeline.small_folder import small, write_folder
from pipeline.test_intake import NOW


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def lost(
    empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """A small district; called, the database is another, empty one."""
    url = empty_database()
    monkeypatch.setenv("DATABASE_URL", url)
    with open_store(url) as store:
        write_folder(tmp_path, small())
        intake(store, csv_folder(tmp_path), now=NOW, home=tmp_path)
    return lambda: monkeypatch.setenv("DATABASE_URL", empty_database())


def test_a_backup_is_made_checked_and_brought_back(lost: Callable[[], None], tmp_path: Path):
    file, purged = tmp_path / "backup", tmp_path / "purged"
    assert run("backup", "--to", str(file)).exit_code == 0
    assert "is whole" in run("backup", "verify", str(file)).output
    assert run("purge", "1", "--because", "a parent asked", "--yes").exit_code == 0
    purged.write_text(run("audit", "purged").output)
    assert run("restore", str(file)).exit_code != 0, "the database is not empty"
    lost()
    done = run("restore", str(file), "--purged", str(purged))
    assert done.exit_code == 0, done.output
    assert "Students purged again: 1." in done.output
    assert "whole" in run("audit", "verify").output
    assert run("audit", "disclosures", "1").exit_code != 0
    assert run("audit", "disclosures", "2").exit_code == 0


def test_a_restore_that_cannot_know_of_purges_says_so(lost: Callable[[], None], tmp_path: Path):
    run("backup", "--to", str(tmp_path / "backup"))
    lost()
    done = run("restore", str(tmp_path / "backup"))
    assert done.exit_code == 0
    assert "purge and revoke them again" in " ".join(done.output.split())
