"""Third-party OneRoster and OEA files, from their CSV to records on the database."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.school.errors import ImportRefused
from edupulse.sources.csv_folder import csv_folder
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.oneroster.delivery import oneroster_csv
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder
from sources.oneroster.tables import delivery_of, small

NOW = datetime(2022, 6, 30, 12, tzinfo=UTC)
BY_CLASSES = DistrictMapping(tables={"oneroster": {"settings": {"grade levels": "classes"}}})


@pytest.fixture
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


def came(report: ImportReport) -> dict[str, tuple[int, int, int]]:
    """Read, new and rejected by kind."""
    return {file.kind: (file.read, file.new, file.rejected) for file in report.files}


def test_the_1_1_set_comes_in_with_its_short_rows_named(
    store: Store, interop_data: Path, tmp_path: Path
) -> None:
    path = interop_data / "oneroster" / "v1p1-grandbend"
    report = intake(store, oneroster_csv(path), now=NOW, home=tmp_path)
    assert came(report) == {
        "schools": (1, 1, 0),
        "terms": (3, 3, 0),
        "students": (10, 8, 2),
        "demographics": (8, 8, 0),
        "staff": (0, 0, 0),
        "enrollments": (8, 8, 0),
        "sections": (2, 2, 0),
        "section_staff": (4, 0, 4),
        "section_students": (20, 20, 0),
    }
    told = {(bad.file, bad.reason, bad.rows) for bad in report.rejected_for}
    assert told == {
        ("users.csv", "18 cells expected, as in the header", 2),
        ("enrollments.csv", "no such staff on record", 4),
    }
    again = intake(store, oneroster_csv(path), now=NOW, home=tmp_path)
    assert not again.changed


def test_the_1_0_set_comes_in_where_the_district_takes_grades_from_classes(
    store: Store, interop_data: Path, tmp_path: Path
) -> None:
    path = interop_data / "oneroster" / "v1p0-grandbend"
    report = intake(store, oneroster_csv(path, BY_CLASSES), now=NOW, home=tmp_path)
    assert came(report)["enrollments"] == (8, 8, 0)
    # Without dates, the two rows of a student in a class (one a semester) are one and the same.
    assert came(report)["section_students"] == (20, 10, 0)
    assert came(report)["staff"] == (2, 2, 0)
    assert not report.rejected_for
    key = store.resolve_student("604863")
    [row] = store.known([key], NOW).frames["enrollments"].rows(named=True)
    assert (row["grade_level"], str(row["entered_on"])) == (9, "2020-08-17")


def test_words_that_no_table_has_are_written_beside_the_report_as_a_mapping(
    store: Store, tmp_path: Path
) -> None:
    tables = small()
    tables["categories"][0]["title"] = "Hausaufgabe"
    report = intake(store, delivery_of(tmp_path / "set", tables), now=NOW, home=tmp_path)
    assert report.folder is not None
    suggested = tomllib.loads((report.folder / "mapping-suggested.toml").read_text())
    assert suggested == {"oneroster": {"categories": {"Hausaufgabe": ""}}}
    assert "oneroster.categories: 'Hausaufgabe' is in no table (1)" in report.notes


def test_a_set_of_headers_alone_is_no_error_and_changes_nothing(
    store: Store, interop_data: Path, tmp_path: Path
) -> None:
    path = interop_data / "oneroster" / "v1p1-nicelion"
    report = intake(store, oneroster_csv(path), now=NOW, home=tmp_path)
    assert not report.changed
    assert all(counts == (0, 0, 0) for counts in came(report).values())


@pytest.fixture
def oea(interop_data: Path) -> Path:
    return interop_data / "oea" / "batch1"


def test_attendance_without_a_roster_is_refused_whole_with_its_reason(
    store: Store, oea: Path, tmp_path: Path
) -> None:
    with pytest.raises(ImportRefused, match="rows are bad, so nothing was imported"):
        intake(store, oneroster_csv(oea), now=NOW, home=tmp_path)
    rejected = next((tmp_path / "imports").glob("*/rejected.csv"))
    assert "no such student on record" in rejected.read_text()


def test_beside_a_roster_every_day_and_grade_of_oea_comes_in(
    store: Store, oea: Path, tmp_path: Path
) -> None:
    intake(
        store, csv_folder(write_folder(tmp_path / "roster", roster_of(oea))), now=NOW, home=tmp_path
    )
    report = intake(store, oneroster_csv(oea), now=NOW, historical=True, limit=1, home=tmp_path)
    assert came(report)["attendance"] == (12_000, 12_000, 0)
    assert came(report)["demographics"] == (100, 100, 0)
    # Marks that name a term, and no set or column that says when they were posted.
    assert came(report)["course_grades"] == (1_044, 0, 1_044)


def roster_of(oea: Path) -> dict[str, str]:
    """Schools, students and enrollments for the ids that OEA's files name, made for the test."""
    with (oea / "studentattendance.csv").open(encoding="utf-8-sig") as file:
        placed = {(row["student_id"], row["school_id"]) for row in csv.DictReader(file)}
    with (oea / "studentdemographics.csv").open(encoding="utf-8-sig") as file:
        others = {row["SIS ID"] for row in csv.DictReader(file)}
    students = sorted({student for student, _ in placed} | others)
    schools = sorted({school for _, school in placed})
    return {
        "schools": "\n".join(["school_id,name", *(f"{school},{school}" for school in schools)]),
        "students": "\n".join(["student_id", *students]),
        "enrollments": "\n".join(
            ["student_id,school_id,grade_level,entered_on"]
            + [f"{student},{school},9,2022-01-03" for student, school in sorted(placed)]
        ),
    }
