"""Retraining: when it runs, that a run cut off goes on from the same instant, and its report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edupulse.model.checkpoint import Checkpoint
from edupulse.model.promotion import DEFAULT_PROMOTION
from edupulse.pipeline import retraining
from edupulse.pipeline.monitoring import Trigger, Watch
from edupulse.pipeline.promoting import settle
from edupulse.pipeline.retraining import REPORTS, UNDER_WAY, retrain
from edupulse.store.checkpoints import decisions
from edupulse.store.store import Store, open_store
from pipeline.small_champion import NOW, let_serve, small_checkpoint

LATER = NOW + timedelta(days=1)
DROPPED = Trigger("calibration_dropped", "calibration slope 0.50 (0.40 to 0.60)")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Checkpoint]:
    root = tmp_path_factory.mktemp("checkpoints")
    return [small_checkpoint(root, seed=seed, serves=seed == 3) for seed in (3, 4)]


@pytest.fixture
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


class Training:
    """Stands in for the training: settles a checkpoint, and is cut off where it shall be."""

    def __init__(self, makes: Checkpoint) -> None:
        self.makes, self.cut_off = makes, ""
        self.asked: list[object] = []

    def __call__(self, store: Store, *_: object, now, by, state, told) -> Checkpoint:
        self.asked.append(now)
        assert state.name == retraining.STATE
        told("Training", 0.0)
        if self.cut_off == "in training":
            raise KeyboardInterrupt
        settle(store, self.makes, (), DEFAULT_PROMOTION, now=now, by=by)
        if self.cut_off == "after the decision":
            raise KeyboardInterrupt
        return self.makes


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch, trained: list[Checkpoint]) -> Training:
    stand_in = Training(trained[1])
    monkeypatch.setattr(retraining, "train_checkpoint", stand_in)
    return stand_in


def sees(monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint, *triggers: Trigger) -> None:
    seen = Watch(NOW, checkpoint.version, 0, None, (), "", triggers)
    monkeypatch.setattr(retraining, "watch", lambda *_: seen)


def test_without_a_reason_nothing_is_done(
    store: Store, training: Training, monkeypatch, trained: list[Checkpoint], tmp_path: Path
) -> None:
    sees(monkeypatch, trained[0])
    done = retrain(store, tmp_path, now=NOW)
    assert (done.checkpoint, done.report, training.asked) == (None, None, [])
    assert not list(tmp_path.iterdir())


def test_a_reason_makes_a_run_and_the_report_says_why_and_what_was_decided(
    store: Store, training: Training, monkeypatch, trained: list[Checkpoint], tmp_path: Path
) -> None:
    let_serve(store, trained[0])
    sees(monkeypatch, trained[0], DROPPED)
    done = retrain(store, tmp_path, now=LATER)
    assert done.checkpoint is training.makes
    [folder] = (tmp_path / REPORTS).iterdir()
    text = (folder / "report.md").read_text()
    assert "calibration dropped: calibration slope 0.50" in text
    assert "is challenger" in text
    assert "It was refused" in text
    plain = json.loads((folder / "report.json").read_text())
    assert plain["served"] == trained[0].version
    assert plain["figures"]["auroc"][0] is not None
    assert not (tmp_path / UNDER_WAY).exists()


@pytest.mark.parametrize("where", ["in training", "after the decision"])
def test_a_run_cut_off_goes_on_from_the_same_instant_and_decides_once(
    store: Store, training: Training, monkeypatch, trained, tmp_path: Path, where: str
) -> None:
    let_serve(store, trained[0])
    sees(monkeypatch, trained[0], DROPPED)
    training.cut_off = where
    with pytest.raises(KeyboardInterrupt):
        retrain(store, tmp_path, now=NOW)
    training.cut_off = ""
    sees(monkeypatch, trained[0])
    done = retrain(store, tmp_path, now=LATER)
    assert done.resumed
    assert training.asked == [NOW, NOW]
    assert done.report is not None
    assert done.report.triggers == (DROPPED,)
    with store.writing() as connection:
        about = [one for one in decisions(connection) if one.checkpoint == training.makes.version]
    assert [one.action for one in about] == ["refused"]


def test_a_person_may_ask_for_one(
    store: Store, training: Training, monkeypatch, trained: list[Checkpoint], tmp_path: Path
) -> None:
    sees(monkeypatch, trained[0])
    let_serve(store, trained[0])
    done = retrain(store, tmp_path, now=NOW, always=True)
    assert done.report is not None
    assert done.report.triggers[0].name == "asked_for"
