"""A candidate beside what serves: what is decided, what is written down, and the way back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edupulse.model.checkpoint import Checkpoint
from edupulse.model.gate import Check
from edupulse.model.promotion import DEFAULT_PROMOTION
from edupulse.panel.definition import OFF_TRACK
from edupulse.panel.outcomes import Outcomes
from edupulse.pipeline.material import Material
from edupulse.pipeline.promoting import Candidate, beside_serving, own_checks, settle
from edupulse.risk.bands import DEFAULT_POLICY
from edupulse.store.checkpoints import champion, decisions, rollback
from edupulse.store.store import Store, open_store
from panel.random_windows import random_windows
from pipeline.small_champion import NOW, let_serve, small_checkpoint

GOOD, BAD = Check("good", True, "as it must be"), Check("bad", False, "too little")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Checkpoint]:
    """Two checkpoints that passed their gates."""
    root = tmp_path_factory.mktemp("checkpoints")
    return [small_checkpoint(root, seed=seed, serves=True) for seed in (3, 4)]


@pytest.fixture
def address(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with open_store(address) as opened:
        yield opened


def serving(store: Store) -> str | None:
    found = store.champion()
    return None if found is None else found.hash


def test_what_passes_every_check_serves_and_what_fails_one_does_not(
    store: Store, trained: list[Checkpoint]
) -> None:
    first, second = trained
    settle(store, first, (), DEFAULT_PROMOTION, now=NOW, by="a training")
    assert serving(store) == first.version
    refused = settle(store, second, (GOOD, BAD), DEFAULT_PROMOTION, now=NOW, by="a training")
    assert (serving(store), refused.status) == (first.version, "challenger")
    with store.writing() as connection:
        [no, yes] = decisions(connection)
    assert (no.action, no.before, no.because) == (
        "refused", first.version, "it did not pass bad",
    )  # fmt: skip
    assert no.grounds["checks"][1:] == [vars(GOOD), vars(BAD)]
    assert no.grounds["policy"]["precision_margin"] == DEFAULT_PROMOTION.precision_margin
    assert (yes.action, yes.by) == ("promoted", "a training")


def test_a_process_that_runs_sees_a_promotion_and_a_rollback_at_once(
    store: Store, address: str, trained: list[Checkpoint]
) -> None:
    """No restart: who serves is asked of the database each time."""
    first = trained[0]
    with open_store(address) as service:
        for one in trained:
            settle(store, one, (), DEFAULT_PROMOTION, now=NOW, by="a training")
            assert serving(service) == one.version
        with store.writing() as connection:
            rollback(connection, now=NOW, by="ada", because="it was wrong")
        assert serving(service) == first.version
        with service.writing() as connection:
            assert champion(connection).folder == str(first.path)


def candidate(noise: float = 0.0, seed: int = 5) -> Candidate:
    """Risks that are right, but for the noise, about random students of one group of two."""
    draw = np.random.default_rng(seed)
    windows = random_windows(3000, seed=seed)
    truth = draw.beta(1, 2, len(windows))
    off_track = draw.random(len(windows)) < truth
    nothing = np.zeros(len(windows), np.bool_)
    day = np.full(len(windows), np.datetime64("2025-05-20", "D"))
    outcomes = Outcomes(
        known=~nothing,
        off_track=off_track,
        severity=off_track.astype(np.int8),
        chronic_absence=off_track,
        course_failure=nothing,
        withdrawal=nothing,
        courses_posted=~nothing,
        first=day,
        last=day,
        closes_at=day.astype("datetime64[us]"),
        came_on=day,
    )
    risk = np.clip(truth + noise * draw.normal(size=len(windows)), 0.01, 0.99)
    logits = np.log(risk / (1 - risk))
    groups = {"g": np.where(windows.student % 2 == 0, "a", "b").astype(np.str_)}
    everything = np.ones((len(windows), 2), np.bool_)
    return Candidate(Material(windows, outcomes), logits, risk, everything, groups, DEFAULT_POLICY)


def failed(checks: tuple[Check, ...]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def test_a_candidate_holds_its_bands_and_sets_or_does_not() -> None:
    assert failed(own_checks(candidate(), DEFAULT_PROMOTION)) == []
    wrong = candidate()
    wrong = replace(wrong, risk=wrong.risk**0.3, in_set=wrong.in_set & False)
    assert failed(own_checks(wrong, DEFAULT_PROMOTION)) == ["bands_hold", "sets_cover"]


def test_a_better_candidate_passes_beside_what_serves(
    store: Store, trained: list[Checkpoint]
) -> None:
    assert beside_serving(store, candidate(), OFF_TRACK.to_json(), DEFAULT_PROMOTION) == ()
    let_serve(store, trained[0])
    checks = beside_serving(store, candidate(), OFF_TRACK.to_json(), DEFAULT_PROMOTION)
    assert [check.name for check in checks] == [
        "precision_kept", "calibration_kept", "no_group_missed_more",
    ]  # fmt: skip
    assert failed(checks) == []


def test_where_the_two_cannot_be_compared_a_person_must_choose(
    store: Store, trained: list[Checkpoint]
) -> None:
    let_serve(store, trained[0])
    other = {**OFF_TRACK.to_json(), "version": "another"}
    [check] = beside_serving(store, candidate(), other, DEFAULT_PROMOTION)
    assert (check.name, check.passed) == ("comparable", False)
    early = candidate()
    windows = replace(early.test.windows, as_of=early.test.windows.as_of - np.timedelta64(90, "D"))
    early = replace(early, test=Material(windows, early.test.outcomes))
    [check] = beside_serving(store, early, OFF_TRACK.to_json(), DEFAULT_PROMOTION)
    assert (check.name, check.passed) == ("comparable", False)


def test_what_serves_but_cannot_be_opened_stands_in_nobodys_way(
    store: Store, trained: list[Checkpoint], tmp_path: Path
) -> None:
    let_serve(store, trained[0])
    shutil.move(trained[0].path, tmp_path / "away")
    try:
        [check] = beside_serving(store, candidate(), OFF_TRACK.to_json(), DEFAULT_PROMOTION)
    finally:
        shutil.move(tmp_path / "away", trained[0].path)
    assert (check.name, check.passed) == ("comparable", True)
