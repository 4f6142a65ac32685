"""The groups of the audit reach the model as labels, and what it says is judged by them."""

from __future__ import annotations

import numpy as np

from edupulse.model.evaluation import Prediction
from edupulse.pipeline.fairness import judge_fairness
from edupulse.pipeline.material import Material
from edupulse.pipeline.subgroups import AUDITED
from model.planted_rows import planted_labels
from panel.random_windows import random_windows

WINDOWS = random_windows(400, seed=2)
OUTCOMES = planted_labels(WINDOWS)
TEST = Material(WINDOWS, OUTCOMES)


def labels(name: str) -> dict[str, np.ndarray]:
    half = np.where(np.arange(400) % 2 == 0, "a", "b")
    return {name: half, "school": np.full(400, "H01"), "disability": np.full(400, "")}


def test_attributes_are_crossed_and_probed_and_places_are_not() -> None:
    prediction = Prediction("one", OUTCOMES.truth, OUTCOMES.truth)
    groups = {**labels(AUDITED[0]), AUDITED[1]: np.where(np.arange(400) < 200, "c", "d")}
    found = judge_fairness(prediction, TEST, groups, threshold=0.4, replicates=5)
    assert found is not None
    assert (found.method, found.threshold) == ("one", 0.4)
    assert {one.grouping for one in found.groups} == {*AUDITED[:2], "school"}
    assert {one.grouping for one in found.intersections} == {f"{AUDITED[0]} × {AUDITED[1]}"}
    assert {one.grouping for one in found.proxies} == set(AUDITED[:2])


def test_without_a_risk_or_a_group_on_record_nothing_is_judged() -> None:
    ranked = Prediction("rules", OUTCOMES.truth)
    assert judge_fairness(ranked, TEST, labels(AUDITED[0]), threshold=0.3, replicates=5) is None
    risk = Prediction("one", OUTCOMES.truth, OUTCOMES.truth)
    nothing = {"disability": np.full(400, "")}
    assert judge_fairness(risk, TEST, nothing, threshold=0.3, replicates=5) is None
