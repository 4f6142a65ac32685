"""`edupulse features` shows what the features say, from a real database."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from builders import weekdays
from edupulse.cli.features import features
from edupulse.features.catalog import NAMES
from edupulse.pipeline.intake import intake
from edupulse.school.errors import NotFound
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import open_store

DAYS = weekdays("2025-08-18", "2025-12-19")
FILES = {
    "schools": "school_id,name\nnorth,North High",
    "calendar": "\n".join(
        ["school_id,date,instructional", *(f"north,{day.isoformat()},true" for day in DAYS)]
    ),
    "students": "student_id\n0007",
    "enrollments": "student_id,school_id,grade_level,entered_on\n0007,north,9,2025-08-18",
    "attendance": "student_id,date,status\n"
    "0007,2025-08-18,present\n0007,2025-11-10,unexcused\n0007,2025-12-19,present",
}

app = typer.Typer()
app.command()(features)


@pytest.fixture
def _district(empty_database, tmp_path, monkeypatch):
    url = empty_database()
    monkeypatch.setenv("DATABASE_URL", url)
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text + "\n", encoding="utf-8")
    with open_store(url) as store:
        intake(store, csv_folder(tmp_path), now=datetime(2026, 1, 2, tzinfo=UTC))


def shown(*arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.usefixtures("_district")
def test_a_student_is_shown_as_a_table_json_and_csv():
    table = shown("0007", "--as-of", "2025-11-14")
    assert all(name in table for name in NAMES)
    assert "0.80" in table
    assert "not observed" in table
    told = json.loads(shown("0007", "--as-of", "2025-11-14", "--format", "json"))
    assert told["weeks"][-1]["features"]["attendance_rate_w"] == pytest.approx(0.8)
    assert told["weeks"][-1]["features"]["gpa_term"] is None
    rows = list(csv.reader(io.StringIO(shown("0007", "--as-of", "2025-11-14", "--format", "csv"))))
    assert rows[0] == ["week", *NAMES]
    assert rows[-1][0] == "2025-11-10"
    with pytest.raises(NotFound):
        shown("0008", "--as-of", "2025-11-14")
    with pytest.raises(NotFound):
        shown("0007", "--as-of", "2025-08-01")
