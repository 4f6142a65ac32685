from __future__ import annotations

import pytest

from edupulse.features.catalog import FAMILIES, FEATURES, INDEX
from edupulse.model.baselines.rules import AbcRules, LevelRules
from edupulse.risk.wording import (
    FAMILIES_IN_WORDS,
    RULES_IN_WORDS,
    fact_in_words,
    factor_in_words,
    no_score_in_words,
    shown,
    stretch_in_words,
    typical_in_words,
)
from panel.random_windows import random_windows

MISSING_WORK = FEATURES[INDEX["missing_work_rate_d20"]]


def in_words(feature, value, typical, contribution, week=None, same_grade=True):
    usual = typical_in_words(feature, typical, same_grade)
    return factor_in_words(fact_in_words(feature, value, week), usual, contribution)


def test_a_factor_states_the_fact_and_what_is_typical():
    text = in_words(MISSING_WORK, 0.5, 0.08, 0.62)
    assert text.startswith("50% of the work due")
    assert "typical 8% in this grade" in text
    assert text.endswith("raised the score.")


def test_a_value_of_an_earlier_week_is_said_to_be_so():
    assert "in week 2026-W07" in in_words(MISSING_WORK, 0.5, None, -0.1, "2026-W07")
    assert "not recorded" in in_words(MISSING_WORK, 0.5, None, -0.1)


def test_a_typical_percent_is_said_to_be_one():
    english = FEATURES[INDEX["ela_percent"]]
    assert "typical 86 % in this grade" in in_words(english, 18, 86.2, 0.3)


def test_peers_of_all_grades_are_not_called_the_grade():
    assert "in this grade" not in in_words(MISSING_WORK, 0.5, 0.08, 0.62, same_grade=False)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_no_factor_claims_a_cause(feature):
    for contribution in (0.3, -0.3):
        text = in_words(feature, feature.high, feature.low, contribution)
        assert not {"caused", "because", "due to"} & set(text.lower().split())
        assert "caus" not in text
        assert ("raised" in text) == (contribution > 0)
        assert shown(feature, feature.high) in text


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_words(family):
    text = stretch_in_words(family, "2026-W05", "2026-W05", -0.1)
    assert text == f"{FAMILIES_IN_WORDS[family].capitalize()} of week 2026-W05 lowered the score."


@pytest.mark.parametrize("rules", [AbcRules(), LevelRules()])
def test_every_indicator_of_every_rule_set_has_words(rules):
    assert set(rules.indicators(random_windows(3)).names) <= set(RULES_IN_WORDS)


def test_a_state_without_a_score_says_why():
    assert no_score_in_words("scored", 90, 90) is None
    assert "holds 12 more school days" in no_score_in_words("out_of_season", 90, 12)
    assert "enrolled for 3 school days" in no_score_in_words("insufficient_data", 3, 90)
