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


def test_every_command_of_the_readme_is_there() -> None:
    from edupulse.cli import app

    named = {command.name for command in app.registered_commands}
    used = set(re.findall(r"edupulse ([\w-]+)", (ROOT / "README.md").read_text()))
    assert used
    assert used <= named


def test_a_decision_record_is_one_page() -> None:
    records = list((ROOT / "docs/decisions").glob("*.md"))
    assert len(records) >= 10
    assert all(len(record.read_text().splitlines()) <= 70 for record in records)
