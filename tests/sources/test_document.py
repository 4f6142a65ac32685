"""docs/csv.md says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from edupulse.school.kind import Kind
from edupulse.school.records import KINDS
from edupulse.sources.document import csv_document

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "csv.md"


def test_the_document_in_the_repository_is_the_generated_one() -> None:
    assert DOCUMENT.read_text() == csv_document(), (
        "run: python -m edupulse.sources.document > docs/csv.md"
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_of_every_kind_is_documented(kind: Kind) -> None:
    section = csv_document().split(f"## `{kind.file}`")[1].split("\n## ")[0]
    assert [f"| `{f.name}` |" in section for f in kind.fields] == [True] * len(kind.fields)
