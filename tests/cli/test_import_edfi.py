"""`edupulse import --from edfi`, as a person runs it: a folder and a service, with a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edupulse.cli import app
from edupulse.school.errors import BadInput
from edupulse.sources.web import Service
from sources.edfi.interchange import day, write_xml
from sources.edfi.ods import CREDENTIALS, Ods, serving

MAPPING = """
[schools."*"]
timezone = "America/Chicago"
records_tardies = true

[edfi.attendance]
"Skipped" = "unexcused"
"""
SCHOOL = {"schoolId": 1, "nameOfInstitution": "One"}


@pytest.fixture
def mapping(
    tmp_path: Path, empty_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("DATABASE_URL", empty_database())
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    return path


@pytest.fixture
def service() -> Iterator[tuple[Ods, Service]]:
    ods = Ods()
    ods.put("schools", SCHOOL)
    ods.put("students", {"studentUniqueId": "7"})
    ods.put("studentSchoolAttendanceEvents", {"id": "e", **day("2025-09-01", "Skipped")})
    with serving(ods) as opened:
        yield ods, opened


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["import", *words, "--from", "edfi"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def counts(said: str, kind: str) -> dict[str, str]:
    """The row of a kind in the printed table, by column."""
    [head] = [line for line in said.splitlines() if line.startswith("┃")]
    [row] = [line for line in said.splitlines() if line.startswith(f"│ {kind} ")]
    return dict(zip(head.replace("┃", " ").split(), row.replace("│", " ").split(), strict=True))


def test_a_folder_of_xml(tmp_path: Path, mapping: Path) -> None:
    folder = tmp_path / "xml"
    folder.mkdir()
    write_xml(folder / "a.xml", "School", [SCHOOL])
    write_xml(folder / "b.xml", "Student", [{"studentUniqueId": "7"}])
    events = [day("2025-09-01", "Skipped"), day("2025-09-02", "Zzz")]
    write_xml(folder / "c.xml", "StudentSchoolAttendanceEvent", events)
    said = run(str(folder), "--mapping", str(mapping))
    found = counts(said, "attendance")
    assert (found["read"], found["new"], found["rejected"]) == ("2", "1", "1")
    assert "a category that no table has" in said
    assert "'Zzz' is in no table (1)" in said


def test_a_service_whole_and_then_its_changes(
    mapping: Path, service: tuple[Ods, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    ods, opened = service
    monkeypatch.setenv("EDUPULSE_SOURCE_KEY", CREDENTIALS.key)
    monkeypatch.setenv("EDUPULSE_SOURCE_SECRET", CREDENTIALS.secret)
    assert "--since 3" in run(opened.base, "--mapping", str(mapping))
    ods.delete(
        "studentSchoolAttendanceEvents",
        "e",
        {"studentUniqueId": "7", "schoolId": 1, "eventDate": "2025-09-01"},
    )
    said = run(opened.base, "--mapping", str(mapping), "--since", "3")
    assert counts(said, "attendance")["retracted"] == "1"


@pytest.mark.usefixtures("mapping")
def test_without_the_key_in_the_environment_it_is_asked_for(
    service: tuple[Ods, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDUPULSE_SOURCE_KEY", raising=False)
    with pytest.raises(BadInput, match="are not set"):
        run(service[1].base)
