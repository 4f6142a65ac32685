"""The rules of practice fire where they should, and never on what was not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.features.catalog import NAMES
from edupulse.model.baselines.rules import AbcRules, LevelRules
from model.planted_rows import Rows, random_rows


def student(**features: float) -> Rows:
    """One row of which nothing is observed but these features of the last week."""
    rows = random_rows(1)
    values, observed = np.full_like(rows.values, np.nan), np.zeros_like(rows.observed)
    for name, value in features.items():
        values[0, -1, NAMES.index(name)] = value
        observed[0, -1, NAMES.index(name)] = True
    return replace(rows, values=values, observed=observed, held=np.ones_like(rows.held))


def fired(rules, **features):
    found = rules.indicators(student(**features))
    return {name for name, flag in zip(found.names, found.flagged[0], strict=True) if flag}


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"absence_rate_ytd": 0.1}, {"absent_10_percent"}),
        ({"absence_rate_ytd": 0.099}, set()),
        ({"exclusion_days_ytd": 0.5}, {"suspended"}),
        ({"exclusion_days_ytd": 0.0, "failing_share": 0.0}, set()),
        ({"failing_share": 0.2}, {"failing_a_course"}),
    ],
)
def test_each_abc_indicator_fires_at_its_limit(features, expected):
    assert fired(AbcRules(), **features) == expected


def test_levels_add_up():
    assert fired(LevelRules(), absence_rate_ytd=0.16) == {
        "attendance_below_95",
        "attendance_below_90",
        "attendance_below_85",
    }
    assert fired(LevelRules(), incident_rate_d45=100 * 5 / 45) == {"incidents_5"}
    assert fired(LevelRules(), failing_share=0.3) == {"failing_a_course", "failing_a_quarter"}


def test_forty_five_days_come_before_the_year_where_excuses_are_recorded():
    recent = {"unexcused_rate_d45": 0.02, "excused_rate_d45": 0.01}
    assert fired(LevelRules(), absence_rate_ytd=0.3, **recent) == set()


def test_what_was_not_observed_has_not_fired_and_is_counted():
    rows = student(absence_rate_ytd=0.2)
    hidden = replace(rows, observed=rows.observed & False)
    found = AbcRules().indicators(hidden)
    assert found.count.tolist() == [0]
    assert (~found.observed).sum() == 3
    assert AbcRules().score(hidden) < AbcRules().score(rows)


def test_ranked_by_indicators_then_absence_then_lowest_percent():
    order = [
        student(absence_rate_ytd=0.0, lowest_percent=90),
        student(absence_rate_ytd=0.0, lowest_percent=70),
        student(absence_rate_ytd=0.05, lowest_percent=95),
        student(failing_share=0.5),
        student(failing_share=0.5, absence_rate_ytd=0.05),
        student(failing_share=0.5, absence_rate_ytd=0.15),
    ]
    scores = [AbcRules().score(row)[0] for row in order]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)
