"""OULAD as records: rules on a small made-up set, and the counts of the real one."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from edupulse.school.errors import BadInput
from edupulse.school.kind import Kind
from edupulse.school.records import (
    ATTENDANCE,
    CALENDAR,
    COURSE_GRADES,
    COVERAGE,
    ENROLLMENTS,
    INCIDENTS,
    KIND_BY_NAME,
    KINDS,
    MARKS,
    SCALES,
    SCHOOLS,
    SECTIONS,
    TERMS,
)
from edupulse.sources.checks import CHECKS
from edupulse.sources.delivery import batch_schema
from edupulse.sources.oulad import Oulad, oulad

START = date(2013, 10, 1)  # J: October
TABLES = {
    "course": """code_module,code_presentation,module_presentation_length
XYZ,2013J,20
XYZ,2013B,20
""",
    "assessment": """code_module,code_presentation,id_assessment,assessment_type,date,weight
XYZ,2013J,1,TMA,4,40.0
XYZ,2013J,2,CMA,8,12.5
XYZ,2013J,3,Exam,,100.0
XYZ,2013J,4,TMA,9,47.5
XYZ,2013B,5,TMA,4,0.0
""",
    "student": """code_module,code_presentation,id_student,gender,disability,final_result
XYZ,2013J,10,F,False,Pass
XYZ,2013J,11,M,True,Withdrawn
XYZ,2013J,12,M,False,Withdrawn
XYZ,2013J,13,F,False,Fail
XYZ,2013B,13,F,False,Withdrawn
""",
    "student_registration": """code_module,code_presentation,id_student,"""
    """date_registration,date_unregistration
XYZ,2013J,10,-30,
XYZ,2013J,11,-3,7
XYZ,2013J,12,-9,-2
XYZ,2013J,13,5,
XYZ,2013B,13,-1,
""",
    "student_assessment": """id_assessment,id_student,date_submitted,is_banked,score
1,10,3,False,80
2,10,11,False,55.5
3,10,19,False,61
2,11,0,True,90
1,12,1,False,70
5,13,4,False,
""",
}


@pytest.fixture
def small(tmp_path: Path) -> Oulad:
    for name, text in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return oulad(tmp_path)


def records(delivery: Oulad, kind: Kind) -> pl.DataFrame:
    [batch] = delivery.batches(kind)
    return batch.frame


def day(number: int) -> date:
    return START + timedelta(days=number)


def end_of(number: int) -> datetime:
    return datetime.combine(day(number), time.max)


def marks_of(delivery: Oulad, student: str) -> list[tuple[object, ...]]:
    mine = records(delivery, MARKS).filter(pl.col("student_id") == student)
    return (
        mine.sort("assignment_id", "known_local")
        .select("assignment_id", "due_on", "status", "points", "known_local")
        .rows()
    )


def test_attendance_and_incidents_are_not_observed(small: Oulad) -> None:
    assert not small.has(ATTENDANCE)
    assert not small.has(INCIDENTS)
    assert list(small.batches(ATTENDANCE)) == []
    assert set(records(small, COVERAGE)["kind"]) == {"marks", "course_grades"}
    assert "records_tardies" not in [
        name for name, value in records(small, SCHOOLS).row(0, named=True).items() if value is True
    ]


def test_a_presentation_is_a_school_whose_weekdays_are_instructional(small: Oulad) -> None:
    days = records(small, CALENDAR).filter(pl.col("school_id") == "XYZ-2013J")
    assert days["date"].to_list() == [
        day(n) for n in range(18) if day(n).weekday() < 5
    ]  # day 19, the 20th, is a Sunday: the last weekday is day 17
    [term] = records(small, TERMS).filter(pl.col("school_id") == "XYZ-2013J").to_dicts()
    assert (term["begins_on"], term["ends_on"], term["school_year"]) == (START, day(17), 2013)


def test_b_begins_in_february(small: Oulad) -> None:
    assert records(small, TERMS)["begins_on"].to_list() == [START, date(2013, 2, 1)]


def test_those_who_registered_early_enter_on_the_first_day(small: Oulad) -> None:
    entered = dict(records(small, ENROLLMENTS).select("student_id", "entered_on").iter_rows())
    assert entered["XYZ-2013J-10"] == START
    assert entered["XYZ-2013J-13"] == day(5)


def test_those_who_withdrew_before_the_start_are_not_enrolled_but_counted(small: Oulad) -> None:
    assert "XYZ-2013J-12" not in records(small, ENROLLMENTS)["student_id"]
    assert "XYZ-2013J-12" not in records(small, MARKS)["student_id"]
    assert {note.what: note.count for note in small.ledger.notes}[
        "registrations withdrawn before the start: not enrolled"
    ] == 1


def test_a_withdrawal_is_a_dropout_known_on_its_day(small: Oulad) -> None:
    versions = records(small, ENROLLMENTS).filter(pl.col("student_id") == "XYZ-2013J-11")
    assert versions.select("left_on", "exit_type", "known_local").rows() == [
        (None, None, end_of(-3)),
        (day(7), "dropped_out", end_of(7)),
    ]


def test_a_score_is_known_when_it_was_handed_in(small: Oulad) -> None:
    assert marks_of(small, "XYZ-2013J-10") == [
        ("1", day(4), "scored", 80_000, end_of(3)),
        ("2", day(8), "missing", None, end_of(8)),
        ("2", day(8), "late", 55_500, end_of(11)),
        ("3", day(17), "scored", 61_000, end_of(19)),
    ]


def test_work_due_after_leaving_or_before_coming_is_not_missing(small: Oulad) -> None:
    assert marks_of(small, "XYZ-2013J-11") == [("1", day(4), "missing", None, end_of(4))]
    assert marks_of(small, "XYZ-2013J-13") == [
        ("2", day(8), "missing", None, end_of(8)),
        ("3", day(17), "missing", None, end_of(17)),
    ]


def test_an_assessment_without_any_result_is_nobodys_missing_work(small: Oulad) -> None:
    assert "4" not in records(small, MARKS)["assignment_id"]


def test_work_handed_in_without_a_score_is_not_missing(small: Oulad) -> None:
    [(_, _, status, points, _)] = marks_of(small, "XYZ-2013B-13")
    assert (status, points) == ("scored", None)


def test_weights_are_kept_unless_a_presentation_has_none(small: Oulad) -> None:
    weights = dict(records(small, MARKS).select("assignment_id", "weight").iter_rows())
    assert weights == {"1": 40_000, "2": 12_500, "3": 100_000, "5": 1_000}


def test_the_final_result_is_a_course_grade_and_a_withdrawal_has_none(small: Oulad) -> None:
    grades = records(small, COURSE_GRADES).select("student_id", "code", "posted_on", "term_id")
    assert grades.rows() == [
        ("XYZ-2013J-10", "Pass", day(17), "2013J"),
        ("XYZ-2013J-13", "Fail", day(17), "2013J"),
    ]
    passing = dict(records(small, SCALES).select("code", "passing").iter_rows())
    assert passing == {"Pass": True, "Distinction": True, "Fail": False}


def test_a_person_who_registered_twice_is_known_for_grouping_only(small: Oulad) -> None:
    persons = dict(small.persons().iter_rows())
    assert persons["XYZ-2013J-13"] == persons["XYZ-2013B-13"] == "13"
    assert all("person_id" not in records(small, KIND_BY_NAME[k]).columns for k in small.kinds)


def test_only_the_presentations_asked_for_are_read(small: Oulad, tmp_path: Path) -> None:
    one = oulad(tmp_path, ["2013B"])
    assert records(one, SCHOOLS)["school_id"].to_list() == ["XYZ-2013B"]
    assert set(records(one, MARKS)["section_id"]) == {"XYZ-2013B"}


def test_a_presentation_that_is_not_there_is_refused(small: Oulad, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"2014J\. Choose from 2013B, 2013J"):
        oulad(tmp_path, ["2014J"])


def test_a_missing_table_is_named(small: Oulad, tmp_path: Path) -> None:
    (tmp_path / "course.csv").unlink()
    with pytest.raises(BadInput, match=r"lacks course\.csv"):
        oulad(tmp_path)


def test_a_cell_that_does_not_fit_is_named(small: Oulad, tmp_path: Path) -> None:
    (tmp_path / "course.csv").write_text(TABLES["course"].replace("XYZ,2013B,20", "XYZ,2013B,long"))
    with pytest.raises(BadInput, match=r"course\.csv, line 3, field module_presentation_length"):
        oulad(tmp_path)


def test_records_are_in_their_schema_and_pass_the_checks(small: Oulad) -> None:
    for kind in KINDS:
        for batch in small.batches(kind):
            assert dict(batch.frame.schema) == batch_schema(kind)
            required = [field.name for field in kind.fields if field.required]
            assert sum(batch.frame.select(required).null_count().row(0)) == 0
            for check in CHECKS.get(kind.name, ()):
                assert batch.frame.filter(check.broken).is_empty()


@pytest.fixture(scope="module")
def real(interop_data: Path) -> Oulad:
    return oulad(interop_data / "oulad")


def test_the_real_set_has_every_registration_once(real: Oulad) -> None:
    assert real.persons()["student_id"].n_unique() == 21_333
    assert records(real, SECTIONS).height == 15
    enrolled = records(real, ENROLLMENTS)
    assert enrolled["student_id"].n_unique() == 21_333 - 1_783
    dropped = enrolled.filter(pl.col("exit_type") == "dropped_out")
    assert dropped.height == 6_324 + 9 - 1_783


def test_the_real_set_has_every_dated_score_that_is_not_banked(real: Oulad) -> None:
    marks = records(real, MARKS)
    handed_in = marks.filter(pl.col("status") != "missing")
    assert handed_in.height == 121_738 - 1_129 - 33
    versions = marks.select("student_id", "section_id", "assignment_id", "known_local")
    assert not versions.is_duplicated().any()


def test_in_the_real_set_nothing_is_known_before_it_happened(real: Oulad) -> None:
    missing = records(real, MARKS).filter(pl.col("status") == "missing")
    assert (missing["known_local"].dt.date() >= missing["due_on"]).all()
    left = records(real, ENROLLMENTS).drop_nulls("left_on")
    assert (left["known_local"].dt.date() >= left["left_on"]).all()
    results = records(real, COURSE_GRADES)
    assert (results["known_local"].dt.date() >= results["posted_on"]).all()
