"""The checklist gate: may this model serve, or do the rules of practice?"""

from __future__ import annotations

from dataclasses import dataclass

from edupulse.model.evaluation import Evaluation

RULES = ("abc_rules", "level_rules")
BOOSTING = ("boosting_last_week", "boosting_20_weeks")


@dataclass(frozen=True)
class GatePolicy:
    """The limits of outcomes.md, "The checklist gate"."""

    precision_margin: float = 0.02
    slope: tuple[float, float] = (0.8, 1.2)
    mean_error: float = 0.02


@dataclass(frozen=True)
class Check:
    """One question of the gate, its answer, and the numbers behind it in a sentence."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Decision:
    """Whether `method` serves; `instead` names the rules that serve where it does not."""

    method: str
    serves: bool
    instead: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that were not passed."""
        return tuple(check.name for check in self.checks if not check.passed)


def decide(evaluation: Evaluation, method: str, policy: GatePolicy | None = None) -> Decision:
    """Put one evaluated method through the gate.

    Raises `NotFound` where the evaluation lacks the method or every rule set.
    """
    limits = policy or GatePolicy()
    rules = [name for name in RULES if name in evaluation.methods] or [RULES[0]]
    best_rule = max(rules, key=lambda name: _value(evaluation, name, "average_precision"))
    checks = (
        _beats_rules(evaluation, method, best_rule),
        _not_inferior_at_capacity(evaluation, method, rules, limits),
        _slope(evaluation, method, limits),
        _mean_error(evaluation, method, limits),
        *_as_good_as_boosting(evaluation, method),
    )
    return Decision(method, all(check.passed for check in checks), best_rule, checks)


def _beats_rules(evaluation: Evaluation, method: str, rule: str) -> Check:
    ours, theirs = (_value(evaluation, name, "average_precision") for name in (method, rule))
    reason = f"average precision {ours:.3f}, of {rule} {theirs:.3f}"
    return Check("beats_the_rules", ours > theirs, reason)


def _not_inferior_at_capacity(
    evaluation: Evaluation, method: str, rules: list[str], limits: GatePolicy
) -> Check:
    rule = max(rules, key=lambda name: _value(evaluation, name, "precision_10"))
    gain = evaluation.difference(method, rule, "precision_10")
    reason = (
        f"precision at 10 % minus {rule}: {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}),"
        f" must stay above {-limits.precision_margin:+.3f}"
    )
    return Check("not_inferior_at_capacity", gain.low > -limits.precision_margin, reason)


def _slope(evaluation: Evaluation, method: str, limits: GatePolicy) -> Check:
    slope = evaluation.result(method).metrics.get("calibration_slope")
    low, high = limits.slope
    if slope is None:
        return Check("calibration_slope", False, "the method has no calibrated risk")
    reason = f"calibration slope {slope.value:.2f}, allowed {low} to {high}"
    return Check("calibration_slope", low <= slope.value <= high, reason)


def _mean_error(evaluation: Evaluation, method: str, limits: GatePolicy) -> Check:
    error = evaluation.result(method).metrics.get("mean_error")
    if error is None:
        return Check("mean_error", False, "the method has no calibrated risk")
    reason = f"mean risk minus rate {error.value:+.3f}, allowed ±{limits.mean_error}"
    return Check("mean_error", abs(error.value) <= limits.mean_error, reason)


def _as_good_as_boosting(evaluation: Evaluation, method: str) -> list[Check]:
    """No network over gradient boosting unless as good within the interval."""
    checks = []
    for other in BOOSTING:
        if other not in evaluation.methods or other == method:
            continue
        gain = evaluation.difference(method, other, "average_precision")
        reason = (
            f"average precision minus {other}: {gain.value:+.3f}"
            f" ({gain.low:+.3f} to {gain.high:+.3f})"
        )
        checks.append(Check(f"as_good_as_{other}", gain.high >= 0, reason))
    return checks


def _value(evaluation: Evaluation, method: str, metric: str) -> float:
    return evaluation.result(method).metrics[metric].value
