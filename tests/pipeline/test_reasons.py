"""What makes it time to learn again: each reason by itself, and none where nothing can be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.model.curves import logit
from edupulse.model.evaluation import Evaluation, evaluate
from edupulse.pipeline.monitoring import Trigger, WatchPolicy, reasons
from model.sample_record import Sample, sample

LIMITS = WatchPolicy()


@pytest.fixture(scope="module")
def planted() -> Sample:
    return sample()


def judged(planted: Sample, risk: np.ndarray) -> Evaluation:
    """What that risk would look like beside both rule sets."""
    rule, _, network = planted.said
    said = [rule, replace(rule, name="level_rules"), replace(network, score=risk, risk=risk)]
    return evaluate(said, planted.rows, planted.labels, replicates=60)


def why(planted: Sample, risk: np.ndarray) -> set[str]:
    then = judged(planted, planted.labels.truth)
    return named(reasons(0, judged(planted, risk), then, (), LIMITS))


def named(triggers: tuple[Trigger, ...]) -> set[str]:
    return {one.name for one in triggers}


def test_a_model_that_still_holds_gives_no_reason(planted: Sample) -> None:
    assert why(planted, planted.labels.truth) == set()


def test_risks_that_are_too_high_are_a_reason(planted: Sample) -> None:
    assert why(planted, planted.labels.truth**0.5) == {"calibration_dropped"}


def test_risks_that_are_too_sure_of_themselves_are_a_reason(planted: Sample) -> None:
    sure = 1 / (1 + np.exp(-2 * logit(planted.labels.truth)))
    assert why(planted, sure) == {"calibration_dropped"}


def test_a_list_that_names_the_wrong_students_is_a_reason(planted: Sample) -> None:
    blind = np.random.default_rng(0).permutation(planted.labels.truth)
    assert "precision_dropped" in why(planted, blind)


def test_rules_that_do_better_are_a_reason(planted: Sample) -> None:
    rule, _, network = planted.said
    truth = planted.labels.truth
    wise = [replace(rule, name=name, score=truth) for name in ("abc_rules", "level_rules")]
    blind = replace(network, score=-truth, risk=1 - truth)
    live = evaluate([*wise, blind], planted.rows, planted.labels, replicates=60)
    assert "rules_do_better" in named(reasons(0, live, live, (), LIMITS))


def test_enough_closed_outcomes_are_a_reason_and_one_less_is_none(planted: Sample) -> None:
    then = judged(planted, planted.labels.truth)
    assert named(reasons(LIMITS.enough, None, then, (), LIMITS)) == {"enough_closed"}
    assert reasons(LIMITS.enough - 1, None, then, (), LIMITS) == ()


def test_three_features_that_moved_in_one_school_are_a_reason_in_two_schools_none(
    planted: Sample,
) -> None:
    then = judged(planted, planted.labels.truth)
    moved = tuple(("North", name, 0.4) for name in "abc")
    (found,) = reasons(0, None, then, moved, LIMITS)
    assert found.name == "features_moved"
    assert "school North, 3 features: a (0.40)" in found.reason
    spread = (*moved[:2], ("South", "c", 0.4))
    assert reasons(0, None, then, spread, LIMITS) == ()
