"""`docs/features.md` says what the catalog says."""

from __future__ import annotations

from pathlib import Path

from edupulse.features.catalog import FEATURES, INDEX
from edupulse.features.document import document

DOCS = Path(__file__).resolve().parents[2] / "docs" / "features.md"


def test_the_document_is_up_to_date():
    assert DOCS.read_text(encoding="utf-8") == document(), (
        "run: python -m edupulse.features.document > docs/features.md"
    )


def test_every_feature_says_its_value_in_words():
    for feature in FEATURES:
        assert "{" not in feature.in_words(feature.high)
        assert feature.in_words(feature.low) != feature.in_words(feature.high)


def test_good_news_is_named_only_where_nobody_disputes_it():
    absences, gpa, volatility = (
        FEATURES[INDEX[name]]
        for name in ("absence_rate_ytd", "gpa_term", "attendance_volatility_w8")
    )
    assert absences.is_better(0.02, than=0.05)
    assert not absences.is_better(0.05, than=0.05)
    assert gpa.is_better(3.1, than=2.9)
    assert not gpa.is_better(2.0, than=2.9)
    assert not volatility.is_better(0.1, than=0.2)
    assert not volatility.is_better(0.2, than=0.1)
    assert {feature.better for feature in FEATURES} == {"higher", "lower", "neither"}


def test_a_change_that_rounds_to_nothing_has_no_minus():
    change = FEATURES[INDEX["absence_change_d20"]]
    assert "by +0 points" in change.in_words(-0.2)
