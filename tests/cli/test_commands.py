"""Every command teaches what it takes, and tells what is wrong without a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edupulse.cli import app, main
from edupulse.cli.train import network_of
from edupulse.school.errors import BadInput
from edupulse.store import embedded

TOP = typer.main.get_command(app).commands  # type: ignore[attr-defined]
COMMANDS = {
    f"{name} {below}".strip(): command
    for name, top in TOP.items()
    for below, command in {"": top, **getattr(top, "commands", {})}.items()
}

Ran = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def empty(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    """Runs the program as a shell would: its exit code, standard output, and what is beside it."""

    def ran(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["edupulse", *words])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, beside = capsys.readouterr()
        return code, out, " ".join(beside.split())

    return ran


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_says_what_it_does_and_what_each_option_is_for(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    undocumented = [one.name for one in command.params if not getattr(one, "help", None)]
    assert not undocumented


def test_without_a_command_all_of_them_are_listed() -> None:
    listed = CliRunner().invoke(app, ["--help"]).output
    for name, command in TOP.items():
        assert (name in listed) is not command.hidden


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score",), "Nobody was enrolled"),
        (("score", "--as-of", "yesterday"), "yesterday is no date"),
        (("score", "--as-of", ""), "is no date"),
        (("score", "--as-of", "2026-02-30"), "2026-02-30 is no date"),
        (("score", "--as-of", "2026-02-02 [bold]"), "2026-02-02 [bold] is no date"),
        (("score", "--as-of", "2026-02-02T06:00:00"), "no time zone"),
        (("score", "--as-of", "9999-12-31T23:00:00-05:00"), "too far away"),
        (("score", "--as-of", "0001-01-01T00:00:00+05:00"), "too far away"),
        (("score", "--school", "[/]"), "no such school"),
        (("worklist",), "No score of these students is stored"),
        (("feedback", "1", "--as-of", "2026-01-05", "--reason", "seen"), "no such student"),
        (("features", ""), "no such student"),
        (("explain", ""), "no such student"),
        (("explain", "1", "--as-of", "yesterday"), "yesterday is no date"),
        (("features", "' OR true --"), "no such student"),
        (("audit-records",), "No school has recorded incidents"),
        (("evaluate",), "No checkpoint was trained"),
        (("evaluate", "sha256:0"), "No single checkpoint"),
        (("train", "--hidden", "3"), "hidden size of 3"),
        (("train",), "No student can be scored"),
        (("train", "--truth", "/nowhere"), "holds no truth"),
        (("import", "/nowhere"), "/nowhere"),
        (("models", "show", "sha256:0"), "No single checkpoint"),
        (("models", "promote", "sha256:0", "--because", "why"), "No single checkpoint"),
        (("models", "rollback", "--because", "why"), "No checkpoint served before"),
        (("models", "retire", "--because", "why"), "No checkpoint serves"),
        (("models", "add", "/nowhere"), "lacks network.onnx"),
    ],
)
def test_what_cannot_be_done_ends_with_two_and_says_what_to_do(
    ran: Ran, empty: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty)
    code, out, beside = ran(*words)
    assert (code, out) == (2, "")
    assert said in beside
    assert "What to do:" in beside


@pytest.mark.parametrize(
    "words",
    [
        ("score", "--top", "0"),
        ("score", "--format", "xml"),
        ("train", "--hidden", "0"),
        ("import", "folder", "--limit", "2"),
        ("demo", "--students", "10"),
        ("database", "drop"),
        ("models", "promote", "sha256:0"),
        ("no-such-command",),
    ],
)
def test_a_value_that_no_option_has_is_refused_before_anything_is_done(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    code, out, beside = ran(*words)
    assert (code, out) == (2, "")
    assert "Usage" in beside


def test_a_silent_database_is_an_error_that_names_no_password(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:s3cret@127.0.0.1:1/district")
    code, out, beside = ran("score")
    assert (code, out) == (2, "")
    assert "s3cret" not in beside
    assert "Traceback" not in beside


def test_the_embedded_database_is_told_and_stopped(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, reachable_folder: Callable[[], Path]
) -> None:
    home = reachable_folder()
    monkeypatch.setenv("EDUPULSE_HOME", str(home))
    assert "There is no embedded database yet" in ran("database")[1]
    assert not list(home.iterdir())
    embedded.ensure_running(home)
    try:
        assert "runs on 127.0.0.1" in ran("database", "status")[1]
        assert "is stopped" in ran("database", "stop")[1]
        assert "is stopped" in ran("database")[1]
    finally:
        embedded.remove(home)


def test_a_database_of_the_districts_own_is_not_stopped(
    ran: Ran, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty)
    assert "DATABASE_URL names" in ran("database")[1]
    code, _, beside = ran("database", "stop")
    assert code == 2
    assert "neither starts nor stops it" in beside


@pytest.mark.parametrize("hidden", [2, 16, 32, 128])
def test_an_even_size_is_a_network(hidden: int) -> None:
    assert network_of(hidden).hidden == hidden


def test_an_odd_size_cannot_be_shared_by_the_heads() -> None:
    with pytest.raises(BadInput):
        network_of(33)
