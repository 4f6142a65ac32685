"""`docs/features.md` says what the catalog says."""

from __future__ import annotations

from pathlib import Path

from edupulse.features.catalog import FEATURES
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
