import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text())
    missing = [
        link for link in links if "://" not in link and not (document.parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md", "docs/privacy.md"])
def test_every_command_of_a_guide_is_there(document: str) -> None:
    from edupulse.cli import app

    named = {command.name for command in app.registered_commands}
    named |= {group.name for group in app.registered_groups}
    used = set(re.findall(r"edupulse ([a-z][\w-]+)", (ROOT / document).read_text()))
    assert used
    assert used <= named


def test_a_decision_record_is_one_page() -> None:
    records = list((ROOT / "docs/decisions").glob("*.md"))
    assert len(records) >= 10
    assert all(len(record.read_text().splitlines()) <= 70 for record in records)
