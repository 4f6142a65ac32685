from __future__ import annotations

import pytest

from edupulse.features.catalog import FEATURES, INDEX
from edupulse.model.baselines.rules import AbcRules, LevelRules
from edupulse.risk.wording import RULES_IN_WORDS, factor_in_words, shown
from panel.random_windows import random_windows

MISSING_WORK = FEATURES[INDEX["missing_work_rate_d20"]]


def test_a_factor_states_the_fact_and_what_is_typical():
    text = factor_in_words(MISSING_WORK, 0.5, 0.08, 0.62, None)
    assert text.startswith("50% of the work due")
    assert "typical 8%" in text
    assert text.endswith("raised the score.")


def test_a_value_of_an_earlier_week_is_said_to_be_so():
    assert "in week 2026-W07" in factor_in_words(MISSING_WORK, 0.5, None, -0.1, "2026-W07")
    assert "not recorded" in factor_in_words(MISSING_WORK, 0.5, None, -0.1, None)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_no_factor_claims_a_cause(feature):
    for contribution in (0.3, -0.3):
        text = factor_in_words(feature, feature.high, feature.low, contribution, None)
        assert not {"caused", "because", "due to"} & set(text.lower().split())
        assert "caus" not in text
        assert ("raised" in text) == (contribution > 0)
        assert shown(feature, feature.high) in text


@pytest.mark.parametrize("rules", [AbcRules(), LevelRules()])
def test_every_indicator_of_every_rule_set_has_words(rules):
    assert set(rules.indicators(random_windows(3)).names) <= set(RULES_IN_WORDS)
