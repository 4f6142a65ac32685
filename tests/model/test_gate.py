"""The checklist gate, by example."""

from __future__ import annotations

from itertools import combinations

import pytest

from edupulse.model.bootstrap import Estimate
from edupulse.model.evaluation import Difference, Evaluation, Result
from edupulse.model.gate import decide
from edupulse.school.errors import NotFound

GOOD = {
    "average_precision": 0.5,
    "precision_10": 0.6,
    "calibration_slope": 1.05,
    "mean_error": 0.01,
}
RULE = {"average_precision": 0.4, "precision_10": 0.6}


def evaluated(spread: float = 0.01, **methods) -> Evaluation:
    """An evaluation with these values, every interval as wide as `spread` to either side."""

    def around(value: float) -> Estimate:
        return Estimate(value, value - spread, value + spread)

    return Evaluation(
        tuple(
            Result(name, "everyone", 100, 50, 0.2, {k: around(v) for k, v in values.items()})
            for name, values in methods.items()
        ),
        tuple(
            Difference(a, b, "everyone", metric, around(methods[a][metric] - methods[b][metric]))
            for a, b in combinations(methods, 2)
            for metric in methods[a]
            if metric in methods[b]
        ),
        100,
        0,
    )


def failed(decision) -> list[str]:
    return [check.name for check in decision.checks if not check.passed]


def test_a_good_model_serves():
    decision = decide(evaluated(gru=GOOD, abc_rules=RULE), "gru")
    assert decision.serves
    assert failed(decision) == []


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"average_precision": 0.4}, "beats_the_rules"),
        ({"precision_10": 0.58}, "not_inferior_at_capacity"),
        ({"calibration_slope": 0.79}, "calibration_slope"),
        ({"calibration_slope": 1.21}, "calibration_slope"),
        ({"mean_error": -0.021}, "mean_error"),
    ],
)
def test_each_check_can_fail_alone(change, check):
    decision = decide(evaluated(gru={**GOOD, **change}, abc_rules=RULE), "gru")
    assert not decision.serves
    assert failed(decision) == [check]


def test_too_little_data_to_show_non_inferiority_fails():
    assert failed(decide(evaluated(0.05, gru=GOOD, abc_rules=RULE), "gru")) == [
        "not_inferior_at_capacity"
    ]


def test_the_best_rule_set_is_the_one_to_beat_and_serves_instead():
    better = {"average_precision": 0.55, "precision_10": 0.5}
    decision = decide(evaluated(gru=GOOD, abc_rules=RULE, level_rules=better), "gru")
    assert decision.instead == "level_rules"
    assert failed(decision) == ["beats_the_rules"]


def test_no_network_over_gradient_boosting_that_is_clearly_better():
    close = {**GOOD, "average_precision": 0.505}
    better = {**GOOD, "average_precision": 0.53}
    parts = {"gru": GOOD, "abc_rules": RULE}
    assert decide(evaluated(**parts, boosting_20_weeks=close), "gru").serves
    decision = decide(evaluated(**parts, boosting_20_weeks=better), "gru")
    assert failed(decision) == ["as_good_as_boosting_20_weeks"]
    assert decide(evaluated(abc_rules=RULE, boosting_20_weeks=better), "boosting_20_weeks").serves


def test_a_rule_has_no_calibration_and_does_not_pass_as_a_model():
    decision = decide(evaluated(abc_rules=RULE, level_rules=RULE), "level_rules")
    assert not decision.serves


def test_an_unknown_method_is_not_found():
    with pytest.raises(NotFound):
        decide(evaluated(abc_rules=RULE), "gru")
