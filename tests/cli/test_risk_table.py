"""The list names strengths beside factors."""

from __future__ import annotations

from datetime import UTC, datetime

from edupulse.cli.risk_table import _reasons
from edupulse.risk.risk import Factor, Risk


def factor(feature: str, contribution: float) -> Factor:
    return Factor(feature, "grades", contribution, 0.01, 1.0, 2.0, (), f"{feature}.")


def test_strengths_that_are_no_factors_are_listed_after_them_and_none_twice() -> None:
    factors = (factor("gpa_ytd", 0.9), factor("gpa_term", -0.8))
    strengths = tuple(factor(name, -0.1) for name in ("gpa_term", "ela_percent", "math_percent"))
    risk = Risk(
        *("id", datetime(2026, 1, 1, tzinfo=UTC), None, "scored", "gru", "sha", "1", {}),
        factors=factors,
        strengths=strengths,
    )
    assert list(_reasons(risk)) == [
        "▲ gpa_ytd.",
        "▽ gpa_term.",
        "▽ Strength: ela_percent.",
        "▽ Strength: math_percent.",
    ]
