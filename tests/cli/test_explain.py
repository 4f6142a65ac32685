"""`edupulse explain`: facts and strengths first; and where there is no score, why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edupulse.cli import main
from edupulse.model.checkpoint import read_checkpoint
from edupulse.pipeline.scoring import score
from edupulse.risk.facts import FIRST_TOLD
from edupulse.store.checkpoints import retire_champion
from edupulse.store.store import Store, open_store
from pipeline.small_champion import (
    FIRST_WEEK,
    IN_SEASON,
    LATE_IN_THE_YEAR,
    NOW,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

Ran = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def district(
    empty_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Store]]:
    """A small district with a champion: its address, and its store."""
    url = empty_database()
    checkpoint = small_checkpoint(tmp_path_factory.mktemp("checkpoints"))
    with open_store(url) as store:
        import_frames(store, tmp_path_factory.mktemp("small") / "csv", small_district())
        let_serve(store, checkpoint)
        yield url, store


@pytest.fixture
def ran(
    district: tuple[str, Store],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ran:
    monkeypatch.setenv("DATABASE_URL", district[0])

    def ran(student: str, as_of: datetime, *words: str) -> tuple[int, str, str]:
        when = as_of.isoformat()
        monkeypatch.setattr("sys.argv", ["edupulse", "explain", student, "--as-of", when, *words])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, beside = capsys.readouterr()
        return code, out, " ".join(beside.split())

    return ran


@pytest.fixture
def told(ran: Ran) -> Callable[[str, datetime], dict[str, Any]]:
    def told(student: str, as_of: datetime) -> dict[str, Any]:
        code, out, beside = ran(student, as_of, "--json")
        assert code == 0, beside
        found: dict[str, Any] = json.loads(out)
        return found

    return told


@pytest.fixture(scope="module")
def first(district: tuple[str, Store]) -> tuple[str, Any]:
    """The number of the student first on the list, and the risk that the list gives."""
    _, store = district
    line = score(store, IN_SEASON, explained=1).lines[0]
    number = store.student_names([line.student])["local_id"].item()
    return number, line.said


@pytest.fixture
def retired(district: tuple[str, Store], first: tuple[str, Any]) -> Iterator[None]:
    """While the champion is retired."""
    _, store = district
    champion = store.champion()
    assert champion is not None
    with store.writing() as connection:
        retire_champion(connection, now=NOW, by="a test", because="the rules must speak")
    yield
    let_serve(store, read_checkpoint(Path(champion.folder)))


def test_facts_and_strengths_stand_before_the_score(ran: Ran, first: tuple[str, Any]) -> None:
    code, page, _ = ran(first[0], IN_SEASON)
    assert code == 0
    order = [page.index(f"\n{head}\n") for head in ("Facts", "Strengths", "Score", "What and when")]
    assert order == sorted(order)
    assert "No cause is claimed" in page
    assert "caused" not in page
    assert "attention" not in page.replace("gru_attention", "")


def test_attention_is_shown_only_where_asked_for_and_labelled(
    ran: Ran, first: tuple[str, Any]
) -> None:
    _, page, _ = ran(first[0], IN_SEASON, "--diagnostics")
    _, asked = page.split("Diagnostics of the network: no explanation")
    weights = asked.split("oldest week first:")[1].rstrip(" .\n").split()
    assert len(weights) == 20
    _, page, _ = ran(first[0], LATE_IN_THE_YEAR, "--diagnostics")
    assert "there are no diagnostics" in page


def test_a_student_is_told_what_the_list_says(
    told: Callable[..., dict[str, Any]], first: tuple[str, Any]
) -> None:
    """Law 2."""
    number, listed = first
    account = told(number, IN_SEASON)
    assert account["risk"]["risk_score"] == pytest.approx(listed.risk_score, abs=1e-6)
    factors = [factor["feature"] for factor in account["risk"]["factors"]]
    assert factors == [factor.feature for factor in listed.factors]
    assert account["no_score"] is account["rules"] is None
    assert account["risk"]["stretches"]


def test_facts_are_told_in_one_order_with_what_is_typical(
    told: Callable[..., dict[str, Any]], first: tuple[str, Any]
) -> None:
    facts = told(first[0], IN_SEASON)["facts"]
    names = [fact["feature"] for fact in facts]
    assert names == [name for name in FIRST_TOLD if name in names]
    assert any(fact["typical"] is not None for fact in facts)
    assert all("score" not in fact["text"] for fact in facts)


def test_out_of_season_there_are_facts_and_rules_and_the_reason(
    ran: Ran, told: Callable[..., dict[str, Any]], first: tuple[str, Any]
) -> None:
    account = told(first[0], LATE_IN_THE_YEAR)
    assert account["no_score"].startswith("Out of season")
    assert account["risk"]["risk_score"] is None
    assert account["rules"]["method"] == "abc_rules"
    _, page, _ = ran(first[0], LATE_IN_THE_YEAR)
    assert "\nScore\n" not in page
    assert "By the rules (abc_rules), without a score" in page


def test_too_little_data_is_said_to_be_so(
    district: tuple[str, Store], told: Callable[..., dict[str, Any]]
) -> None:
    store = district[1]
    enrolled = store.students_at(FIRST_WEEK)[:1].tolist()
    number = store.student_names(enrolled)["local_id"].item()
    account = told(number, FIRST_WEEK)
    assert account["no_score"].startswith("Insufficient data: enrolled for")
    assert account["risk"]["risk_score"] is None


def test_an_unknown_student_and_one_not_enrolled_are_errors(
    ran: Ran, first: tuple[str, Any]
) -> None:
    code, out, beside = ran("nobody", IN_SEASON)
    assert (code, out) == (2, "")
    assert "no such student" in beside
    code, out, beside = ran(first[0], FIRST_WEEK.replace(year=2020))
    assert (code, out) == (2, "")
    assert "was not enrolled on that day" in beside
    assert "What to do:" in beside


def test_without_a_champion_the_rules_speak_in_their_own_name(
    district: tuple[str, Store],
    ran: Ran,
    told: Callable[..., dict[str, Any]],
    first: tuple[str, Any],
) -> None:
    store = district[1]
    champion = store.champion()
    with store.writing() as connection:
        retire_champion(connection, now=NOW, by="a test", because="the rules must speak")
    try:
        account = told(first[0], IN_SEASON)
        _, page, _ = ran(first[0], IN_SEASON)
    finally:
        assert champion is not None
        with store.writing() as connection:
            connection.execute("SELECT 1")
    assert account["risk"] is None
    assert "the rules must speak" in account["no_score"]
    assert all(fact["typical"] is None for fact in account["facts"])
    assert "By the rules (abc_rules), without a score" in page
    assert "%" not in page.split("No score")[1].split("By the rules")[0]
