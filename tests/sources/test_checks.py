"""What must hold between the fields of one record."""

from __future__ import annotations

from pathlib import Path

import pytest

from edupulse.school.records import KIND_BY_NAME
from edupulse.sources.checks import CHECKS
from sources.csv_writing import folder_of, records, rejected

BROKEN = {
    "schools": ("school_id,name,timezone", "x,North,America/Chicago", "x,North,Mars/Base"),
    "coverage": (
        "school_id,kind,observed_from,observed_through",
        "x,marks,2026-01-01,2026-01-01",
        "x,marks,2026-01-02,2026-01-01",
    ),
    "terms": (
        "school_id,term_id,begins_on,ends_on",
        "x,t,2026-01-01,2026-06-01",
        "x,t,2026-06-02,2026-06-01",
    ),
    "student_ids": ("old_student_id,student_id", "a,b", "a,a"),
    "caseloads": (
        "staff_id,student_id,from,to",
        "t,s,2026-01-01,",
        "t,s,2026-01-01,2025-12-31",
    ),
    "enrollments": (
        "student_id,school_id,grade_level,entered_on,left_on",
        "s,x,9,2025-08-20,2025-08-20",
        "s,x,9,2025-08-20,2025-08-19",
    ),
    "section_students": (
        "section_id,student_id,entered_on,left_on",
        "x,s,,2025-08-19",
        "x,s,2025-08-20,2025-08-19",
    ),
    "attendance": (
        "student_id,date,status,fraction",
        "s,2026-03-16,absent,0.5",
        "s,2026-03-16,present,0.5\ns,2026-03-16,excused,0",
    ),
    "course_grades": (
        "student_id,section_id,posted_on,percent",
        "s,x,2026-01-20,87.5",
        "s,x,2026-01-20,",
    ),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_record_at_odds_with_itself_is_rejected(name: str, tmp_path: Path) -> None:
    kind = KIND_BY_NAME[name]
    header, good, bad = BROKEN[name]
    delivery = folder_of(tmp_path, kind, f"{header}\n{good}\n{bad}\n")
    assert records(delivery, kind)["line"].to_list() == [2]
    found = rejected(delivery)
    assert [line for line, _, _ in found] == list(range(3, 4 + bad.count("\n")))
    assert {(field, reason) for _, field, reason in found} == {
        (check.field, check.reason) for check in CHECKS[name]
    }
