"""Scoring: who speaks, what is stored, and that nothing is invented where nobody can speak."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from edupulse.model.checkpoint import Checkpoint
from edupulse.pipeline.scoring import Scoring, score, score_students
from edupulse.pipeline.speaking import SIMULATED_CAVEAT, voice_of
from edupulse.risk.risk import Risk, RulesResult
from edupulse.school.errors import BadInput, NotFound, NotReady
from edupulse.store.checkpoints import register, retire_champion
from edupulse.store.store import Store, open_store
from pipeline.small_champion import (
    FIRST_WEEK,
    IN_SEASON,
    LATE_IN_THE_YEAR,
    NOW,
    SCHOOLS,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

NUMBERS = ("risk_score", "interval", "risk_category", "diagnostics")


@pytest.fixture(scope="module")
def database(
    empty_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Checkpoint]:
    """An imported district with a champion: its address, and the checkpoint."""
    url = empty_database()
    checkpoint = small_checkpoint(tmp_path_factory.mktemp("checkpoints"))
    with open_store(url) as store:
        import_frames(store, tmp_path_factory.mktemp("small") / "csv", small_district())
        let_serve(store, checkpoint)
    return url, checkpoint


@pytest.fixture
def checkpoint(database: tuple[str, Checkpoint]) -> Checkpoint:
    return database[1]


@pytest.fixture
def store(database: tuple[str, Checkpoint]) -> Iterator[Store]:
    """The district with its champion and without any answer given before."""
    with open_store(database[0]) as opened:
        with opened.writing() as connection:
            connection.execute("DELETE FROM state.risks")
        let_serve(opened, database[1])
        yield opened


def stored(store: Store) -> pl.DataFrame:
    return store.latest_risks()


def risks_of(scoring: Scoring) -> dict[int, Risk]:
    found = {line.student: line.said for line in scoring.lines}
    return {student: said for student, said in found.items() if isinstance(said, Risk)}


def test_everyone_enrolled_is_on_the_list_once_and_the_riskiest_come_first(store: Store) -> None:
    scoring = score(store, IN_SEASON, explained=3)
    risks = risks_of(scoring)
    assert sorted(risks) == store.students_at(IN_SEASON).tolist()
    scores = [risk.risk_score for risk in risks.values() if risk.risk_score is not None]
    assert len(set(scores)) > 10
    assert scores == sorted(scores, reverse=True)
    assert {risk.state for risk in list(risks.values())[: len(scores)]} == {"scored"}


def test_only_the_first_are_explained(store: Store) -> None:
    risks = list(risks_of(score(store, IN_SEASON, explained=3)).values())
    assert any(risk.factors for risk in risks[:3])
    assert not any(risk.factors for risk in risks[3:])


def test_a_student_alone_is_told_what_the_list_says(store: Store) -> None:
    """Law 2."""
    risks = risks_of(score(store, IN_SEASON, explained=4))
    for student, listed in list(risks.items())[:4]:
        (line,) = score_students(store, [student], IN_SEASON)
        assert isinstance(line.said, Risk)
        assert line.said.risk_score == pytest.approx(listed.risk_score, abs=1e-6)
        assert line.said.horizon == listed.horizon
        assert [f.feature for f in line.said.factors] == [f.feature for f in listed.factors]


def test_blocks_of_students_change_no_risk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 2: the list of blocks of seven is the list of one block."""
    whole = risks_of(score(store, IN_SEASON, explained=0))
    monkeypatch.setattr("edupulse.pipeline.scoring.BLOCK", 7)
    parts = risks_of(score(store, IN_SEASON, explained=0))
    assert whole.keys() == parts.keys()
    for student, risk in whole.items():
        assert parts[student].risk_score == pytest.approx(risk.risk_score, abs=1e-6)


def test_what_was_said_is_stored_once_and_can_be_read_again(
    store: Store, checkpoint: Checkpoint
) -> None:
    first = score(store, IN_SEASON)
    again = score(store, IN_SEASON)
    assert first.saved.stored == len(first.lines) > 20
    assert (again.saved.stored, again.saved.different) == (0, 0)
    kept = {row["student"]: row for row in stored(store).iter_rows(named=True)}
    for student, risk in risks_of(first).items():
        assert kept[student]["risk"] == risk.risk_score
        assert kept[student]["checkpoint"] == checkpoint.version
        assert json.loads(kept[student]["body"])["risk_category"] == risk.risk_category


def test_of_one_school_only_its_students_are_listed(store: Store) -> None:
    everyone = risks_of(score(store, IN_SEASON, explained=0))
    listed = [risks_of(score(store, IN_SEASON, school=school, explained=0)) for school in SCHOOLS]
    assert all(listed)
    assert sorted([*listed[0], *listed[1]]) == sorted(everyone)
    with pytest.raises(NotFound):
        score(store, IN_SEASON, school="nowhere")


def test_late_in_the_year_nobody_gets_a_number(store: Store) -> None:
    """Law 9: facts and a state, and no score."""
    scoring = score(store, LATE_IN_THE_YEAR)
    risks = risks_of(scoring)
    assert {risk.state for risk in risks.values()} == {"out_of_season"}
    assert all(getattr(risk, name) is None for risk in risks.values() for name in NUMBERS)
    assert any(risk.coverage["attendance"] > 0 for risk in risks.values())
    assert stored(store)["risk"].null_count() == len(risks)


def test_in_the_first_week_of_all_data_is_too_thin_for_anyone(store: Store) -> None:
    """Law 9."""
    risks = risks_of(score(store, FIRST_WEEK))
    assert len(risks) > 20
    assert {risk.state for risk in risks.values()} == {"insufficient_data"}
    assert all(getattr(risk, name) is None for risk in risks.values() for name in NUMBERS)


def test_where_no_checkpoint_serves_the_rules_speak_in_their_own_name(store: Store) -> None:
    """Law 9: after the champion has gone, no old number is given."""
    with store.writing() as connection:
        retire_champion(connection, now=NOW, by="a test", because="the rules must speak")
    scoring = score(store, IN_SEASON)
    assert scoring.method == "abc_rules"
    assert scoring.because == "The checkpoint that served was retired: the rules must speak"
    assert all(isinstance(line.said, RulesResult) for line in scoring.lines)
    assert any(line.said.indicators for line in scoring.lines)  # type: ignore[union-attr]
    kept = stored(store)
    assert set(kept["state"]) <= {"rules_only", "insufficient_data", "out_of_season"}
    assert kept["risk"].null_count() == len(kept)


def test_the_rules_that_a_failed_gate_names_speak(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    with open_store(empty_database()) as bare:
        assert score(bare, IN_SEASON).because == "No checkpoint was trained yet."
        with bare.writing() as connection:
            failed = {"serves": False, "instead": "level_rules"}
            register(connection, "sha256:1", created=NOW, folder=str(tmp_path), decision=failed)
        scoring = score(bare, IN_SEASON)
    assert scoring.method == "level_rules"
    assert "did not pass" in str(scoring.because)


def test_a_model_of_simulated_students_scores_real_ones_only_when_forced_and_says_so(
    empty_database: Callable[[], str], tmp_path: Path, checkpoint: Checkpoint
) -> None:
    with open_store(empty_database()) as real:
        import_frames(real, tmp_path / "csv", small_district(12), simulated=False)
        let_serve(real, checkpoint)
        with pytest.raises(NotReady, match="these records are real"):
            score(real, IN_SEASON)
        assert stored(real).is_empty()
        forced = score(real, IN_SEASON, voice=voice_of(real, force_simulated=True))
        assert {risk.caveats for risk in risks_of(forced).values()} == {(SIMULATED_CAVEAT,)}
        assert all(SIMULATED_CAVEAT in body for body in stored(real)["body"])


def test_simulated_students_get_no_caveat_of_simulation(store: Store) -> None:
    assert all(risk.caveats == () for risk in risks_of(score(store, IN_SEASON)).values())


@pytest.mark.parametrize("file", ["network.onnx", "manifest.json", "peers.npy"])
def test_a_damaged_champion_is_an_error_and_stores_nothing(
    store: Store, checkpoint: Checkpoint, tmp_path: Path, file: str
) -> None:
    """Law 9: neither a default score nor rules unasked."""
    aside = tmp_path / "aside"
    shutil.copytree(checkpoint.path, aside)
    try:
        with (checkpoint.path / file).open("ab") as damaged:
            damaged.write(b" ")
        with pytest.raises(BadInput, match="damaged"):
            score(store, IN_SEASON)
        (checkpoint.path / file).unlink()
        with pytest.raises(NotFound, match=file):
            score(store, IN_SEASON)
    finally:
        shutil.rmtree(checkpoint.path)
        shutil.copytree(aside, checkpoint.path)
    assert stored(store).is_empty()


def test_before_anybody_was_enrolled_the_list_is_empty(store: Store) -> None:
    scoring = score(store, FIRST_WEEK - timedelta(days=365))
    assert scoring.lines == ()
    assert stored(store).is_empty()


SCORES_FOR_REAL = """
import sys
from datetime import datetime
for absent in ("torch", "sklearn", "onnx", "scipy"):
    sys.modules[absent] = None
from edupulse.pipeline.scoring import score
from edupulse.store.store import open_store
with open_store(sys.argv[1]) as store:
    scoring = score(store, datetime.fromisoformat(sys.argv[2]), explained=2)
assert scoring.method == "gru_attention" and scoring.lines[0].said.factors, scoring.method
"""


def test_a_real_scoring_needs_neither_torch_nor_scikit_learn(
    store: Store, database: tuple[str, Checkpoint]
) -> None:
    words = [sys.executable, "-c", SCORES_FOR_REAL, database[0], IN_SEASON.isoformat()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_score_needs_no_name_and_so_no_key(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDUPULSE_KEYS", "A" * 43 + "=")
    assert risks_of(score(store, IN_SEASON, explained=2))
    with pytest.raises(NotReady, match="that key is not here"):
        store.student_names([1])
