"""`edupulse audit`: what was shown is in the log, and the log tells if it was touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edupulse.cli import app
from edupulse.pipeline.intake import intake
from edupulse.school.errors import NotFound
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import open_store
from pipeline.small_folder import small, write_folder
from pipeline.test_intake import NOW


@pytest.fixture
def url(empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = empty_database()
    monkeypatch.setenv("DATABASE_URL", url)
    with open_store(url) as store:
        write_folder(tmp_path, small())
        intake(store, csv_folder(tmp_path), now=NOW, home=tmp_path)
    return url


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["audit", *words])


def test_what_a_command_shows_is_a_disclosure_and_what_it_scores_is_written_down(url: str):
    scored = CliRunner().invoke(app, ["score", "--as-of", "2025-11-14", "--top", "2"])
    assert scored.exit_code == 0, scored.output
    assert "3 entries, whole" in run("verify").output, "one scoring, and two students shown"
    of_one = [run("disclosures", number).output.count("edupulse score") for number in "123"]
    assert sorted(of_one) == [0, 1, 1]


def test_an_anchor_finds_what_was_cut_off(url: str, tmp_path: Path):
    for number in "12":
        run("disclosures", number)
    kept = tmp_path / "anchors"
    assert run("anchor", "--to", str(kept)).exit_code == 0
    assert run("verify", "--anchors", str(kept)).exit_code == 0
    with open_store(url) as store, store.writing() as connection:
        connection.execute("ALTER TABLE state.audit DISABLE TRIGGER USER")
        connection.execute("DELETE FROM state.audit WHERE number = 2")
    assert run("verify").exit_code == 0, "by itself the shorter log is whole"
    found = run("verify", "--anchors", str(kept))
    assert found.exit_code == 1
    assert "ends at 1" in found.output


def test_an_edit_ends_with_one(url: str):
    run("disclosures", "1")
    with open_store(url) as store, store.writing() as connection:
        connection.execute("ALTER TABLE state.audit DISABLE TRIGGER USER")
        connection.execute("UPDATE state.audit SET who = 'nobody'")
    found = run("verify")
    assert found.exit_code == 1
    assert "Entry 1" in found.output


def test_a_purge_asks_to_be_sure_then_removes_and_is_written_down(url: str):
    words = ["purge", "1", "--because", "a parent asked"]
    assert CliRunner().invoke(app, words).exit_code != 0
    with open_store(url) as store:
        assert store.resolve_student("1")
    assert CliRunner().invoke(app, [*words, "--yes"]).exit_code == 0
    with open_store(url) as store, pytest.raises(NotFound):
        store.resolve_student("1")
    assert "1 entries, whole" in run("verify").output
