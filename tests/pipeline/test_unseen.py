"""Schools never seen: nothing of a fold's schools, and no student of theirs, teaches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from edupulse.model.baselines.rules import AbcRules
from edupulse.model.evaluation import Prediction
from edupulse.model.track_record import SEEN
from edupulse.panel.outcomes import Outcomes
from edupulse.panel.windows import Windows
from edupulse.pipeline.judging import Parts
from edupulse.pipeline.material import Material
from edupulse.pipeline.unseen import Folds, unseen_schools
from edupulse.school.errors import NotReady
from panel.random_windows import random_windows

SCHOOLS = 5


def part(seed: int, count: int = 600) -> Material:
    """Two rows a student, the schools by student, whose first feature tells what will come."""
    windows = random_windows(count, seed=seed)
    student = (np.arange(count) // 2).astype(np.int32)
    draw = np.random.default_rng(seed)
    windows = replace(windows, student=student, school=(student % SCHOOLS).astype(np.int32))
    signal = np.nan_to_num(windows.values[:, -1, 2])
    off_track = draw.random(count) < 1 / (1 + np.exp(-2 * signal))
    no = np.zeros(count, np.bool_)
    day = np.full(count, np.datetime64("2025-05-20", "D"))
    outcomes = Outcomes(
        ~no, off_track, off_track.astype(np.int8), off_track, no, no, ~no, day, day,
        day.astype("datetime64[us]"), day,
    )  # fmt: skip
    return Material(windows, outcomes)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return Parts(part(1), part(2), part(3))


@dataclass
class Watcher:
    """Remembers who taught it, and ranks by the feature that tells."""

    name: str = "gru_attention"
    logit: bool = True
    taught_by: list[Windows] = field(default_factory=list)
    asked: list[Windows] = field(default_factory=list)

    def fit(self, windows: Windows, outcomes: Outcomes) -> None:  # noqa: ARG002
        self.taught_by.append(windows)

    def score(self, windows: Windows) -> np.ndarray:
        self.asked.append(windows)
        return np.nan_to_num(windows.values[:, -1, 2]).astype(np.float64)


@pytest.fixture(scope="module")
def judged(parts: Parts) -> tuple:
    made: list[Watcher] = []

    def contenders() -> tuple:
        made.append(Watcher())
        return AbcRules(), made[-1]

    windows = parts.test.windows
    score = Watcher().score(windows)
    risk = 1 / (1 + np.exp(-score))
    seen = Prediction("gru_attention", score, risk)
    return unseen_schools(contenders, parts, seen, folds=2, replicates=30), made


def test_neither_a_school_nor_a_student_that_is_judged_taught(parts, judged):
    _, made = judged
    assert len(made) == 2
    for one in made:
        [taught] = one.taught_by
        calibrated, tested = one.asked
        for learned_from in (taught, calibrated):
            assert not set(learned_from.school) & set(tested.school)
            assert not set(learned_from.student) & set(tested.student)
    rows = sum(len(one.asked[1]) for one in made)
    assert rows == len(parts.test)


def test_every_test_row_is_judged_once_and_in_its_place(parts, judged):
    evaluation, _ = judged
    found = evaluation.result("gru_attention")
    assert found.rows == len(parts.test)
    assert found.metrics["auroc"].value > 0.75
    assert evaluation.about["schools"] == "5 schools in 2 folds"


def test_it_stands_beside_what_all_schools_taught(judged):
    evaluation, _ = judged
    cost = evaluation.difference("gru_attention", "gru_attention" + SEEN, "auroc")
    assert cost.low <= cost.value <= cost.high
    assert abs(cost.value) < 0.1
    others = [line for line in evaluation.differences if line.other.endswith(SEEN)]
    assert {line.method for line in others} == {"gru_attention"}


def test_a_student_who_moved_does_not_teach_for_either_school(parts):
    student = parts.train.windows.student
    moved = replace(parts.train.windows, student=np.where(student < 150, student + 1, student))
    division = Folds.of(parts, 2)
    rest = division.others(Material(moved, parts.train.outcomes), 0, parts.test)
    tested = parts.test.windows.student[division.fold(parts.test) == 0]
    assert 0 < len(rest) < (division.fold(parts.train) != 0).sum()
    assert not set(rest.windows.student) & set(tested)


def test_more_folds_than_schools_cannot_be(parts):
    with pytest.raises(NotReady, match="6 folds of schools need as many schools, there are 5"):
        Folds.of(parts, 6)
