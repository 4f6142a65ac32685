"""The doctor tells what is there from what is missing, and never a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edupulse.cli.doctor import State, doctor, examined
from edupulse.store.sealing import index_key
from edupulse.store.store import open_store

app = typer.Typer()
app.command()(doctor)


def found(what: str) -> tuple[State, str]:
    return next((one.state, one.found) for one in examined() if one.what == what)


def test_it_ends_with_one_and_says_what_to_do_when_the_database_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:s3cret@127.0.0.1:1/district")
    result = CliRunner().invoke(app, ["--json"])
    assert result.exit_code == 1
    assert "s3cret" not in result.output
    silent = [one for one in json.loads(result.output) if one["state"] == "missing"]
    assert [one["what"] for one in silent] == ["PostgreSQL"]
    assert silent[0]["to_do"]


def test_a_home_that_is_a_file_is_missing(
    reachable_folder: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = reachable_folder() / "file"
    file.write_text("")
    monkeypatch.setenv("EDUPULSE_HOME", str(file))
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada@127.0.0.1:1/district")
    assert found("EDUPULSE_HOME")[0] is State.MISSING


def test_everything_needed_is_there_where_the_tests_run(postgres_url: str) -> None:
    assert postgres_url
    result = CliRunner().invoke(app, [], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    assert "All that is needed is there." in result.output
    assert "PostgreSQL" in result.output


def test_a_key_that_is_missing_is_missing(
    empty_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = empty_database()
    monkeypatch.setenv("DATABASE_URL", url)
    with open_store(url) as store, store.writing() as connection:
        index_key(connection)
    assert found("keys of names")[0] is State.OK
    monkeypatch.setenv("EDUPULSE_KEYS", "A" * 43 + "=")
    assert found("keys of names")[0] is State.MISSING
