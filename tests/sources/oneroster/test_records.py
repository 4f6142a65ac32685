"""OneRoster's tables as records: what each row becomes, and what is said of the others."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edupulse.school.errors import BadInput
from edupulse.school.records import (
    ATTENDANCE,
    CALENDAR,
    COURSE_GRADES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    MARKS,
    SCALES,
    SCHOOLS,
    SECTION_STAFF,
    SECTION_STUDENTS,
    SECTIONS,
    STAFF,
    STUDENTS,
    TERMS,
)
from edupulse.sources.mapping import EVERY, DistrictMapping, SchoolDays
from sources.oneroster.tables import (
    Row,
    delivery_of,
    enrolled,
    notes,
    reasons,
    records,
    result,
    small,
    values,
)

MIDDLE = "2025-10-10"


def said(**tables: dict[str, str]) -> DistrictMapping:
    return DistrictMapping(tables={"oneroster": tables})


def changed(table: str, at: int, **cells: str) -> dict[str, list[Row]]:
    tables = small()
    tables[table][at] |= cells
    return tables


def with_rows(**rows: list[Row]) -> dict[str, list[Row]]:
    return {**small(), **rows}


def test_a_school_is_an_org_of_that_type_and_the_mapping_says_what_it_records(
    tmp_path: Path,
) -> None:
    mapping = DistrictMapping(schools={EVERY: {"records_excuse": "true"}})
    [row] = records(delivery_of(tmp_path, small(), mapping), SCHOOLS).rows(named=True)
    assert (row["school_id"], row["name"]) == ("h", "High School")
    assert (row["records_excuse"], row["records_incidents"]) == (True, False)


def test_sessions_are_terms_of_the_schools_whose_classes_name_them(tmp_path: Path) -> None:
    delivery = delivery_of(tmp_path, small())
    assert values(delivery, TERMS, "school_id", "term_id", "school_year", "grading") == [
        ("h", "f", 2026, True),
        ("h", "s", 2026, True),
        ("h", "y", 2026, False),
    ]


def test_the_sessions_below_a_classs_year_are_terms_too(tmp_path: Path) -> None:
    tables = small()
    for row in tables["classes"]:
        row["termSourcedIds"] = "y"
    del tables["lineItems"]
    terms = values(delivery_of(tmp_path, tables), TERMS, "term_id", "grading")
    assert terms == [("f", True), ("s", True), ("y", False)]


def test_a_session_without_a_parent_is_within_the_only_year_that_holds_its_days(
    tmp_path: Path,
) -> None:
    tables = small()
    for row in tables["academicSessions"]:
        row |= {"parentSourcedId": "", "schoolYear": ""}
    assert values(delivery_of(tmp_path, tables), TERMS, "term_id", "school_year") == [
        ("f", 2026),
        ("s", 2026),
        ("y", 2026),
    ]


def test_an_end_on_which_the_next_session_begins_is_exclusive(tmp_path: Path) -> None:
    tables = changed("academicSessions", 1, endDate="2026-01-05")
    assert values(delivery_of(tmp_path, tables), TERMS, "term_id", "ends_on")[0] == (
        "f",
        date(2026, 1, 4),
    )


def test_users_are_students_or_staff_by_their_role(tmp_path: Path) -> None:
    tables = small()
    for role in ("parent", "administrator", ""):
        tables["users"].append({**tables["users"][2], "sourcedId": role or "none", "role": role})
    delivery = delivery_of(tmp_path, tables)
    assert values(delivery, STUDENTS, "student_id", "last_name") == [("1", "F1"), ("2", "F2")]
    assert values(delivery, STAFF, "staff_id", "role", "school_id", "login") == [
        ("administrator", None, "h", "usert"),
        ("t", "teacher", "h", "usert"),
    ]
    told = notes(delivery)
    assert told["users.csv", "have a role that we keep nothing of"] == 1
    assert told["users.csv", "have no role: left out"] == 1
    assert told["oneroster.roles", "'administrator' is in no table"] == 1


def test_roles_of_1_2_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    tables = small()
    for row in tables["users"]:
        del row["role"], row["orgSourcedIds"]
    tables["roles"] = [
        {"sourcedId": f"{user}-{role}", "userSourcedId": user, "role": role, "orgSourcedId": org}
        for user, role, org in [
            ("1", "student", "h"),
            ("2", "student", "h"),
            ("t", "teacher", "h"),
            ("t", "districtAdministrator", "d"),
        ]
    ]
    delivery = delivery_of(tmp_path, tables)
    assert values(delivery, STUDENTS, "student_id") == [("1",), ("2",)]
    assert values(delivery, STAFF, "staff_id", "role", "school_id") == [
        ("t", "district_admin", None),
        ("t", "teacher", "h"),
    ]


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"asian": "true"}, "Asian"),
        ({"asian": "TRUE", "white": "1"}, "Two or more races"),
        ({"demographicRaceTwoOrMoreRaces": "true"}, "Two or more races"),
        ({"black": "", "hispanicOrLatinoEthnicity": "true", "white": "true"}, "Hispanic or Latino"),
        ({"white": "false"}, None),
    ],
)
def test_race_and_ethnicity_are_one_word_for_the_audit(
    tmp_path: Path, flags: dict[str, str], word: str | None
) -> None:
    row = {"sourcedId": "1", "birthDate": "2010-05-30", "sex": "female", **flags}
    delivery = delivery_of(tmp_path, with_rows(demographics=[row]))
    assert values(delivery, DEMOGRAPHICS, "student_id", "race_ethnicity", "sex") == [
        ("1", word, "female")
    ]
    assert values(delivery, STUDENTS, "student_id", "birth_date")[0] == ("1", date(2010, 5, 30))


def test_a_class_is_a_section_with_its_subject_by_sced_or_by_name(tmp_path: Path) -> None:
    delivery = delivery_of(tmp_path, small())
    assert values(delivery, SECTIONS, "section_id", "term_id", "title", "subject") == [
        ("alg-f", "f", "Algebra I", "math"),
        ("eng-s", "s", "English I", "ela"),
    ]


@pytest.mark.parametrize(
    ("cells", "mapping", "subject"),
    [
        ({"subjects": "Latin"}, {}, None),
        ({"subjects": "Latin"}, {"Latin": "other"}, "other"),
        ({"courseCode": "L1", "subjects": "English"}, {"L1": "other"}, "other"),
        ({"subjectCodes": "01001,02052"}, {}, "ela"),
        ({"subjectCodes": "ENGL"}, {}, "ela"),
        ({"subjectCodes": "04101"}, {}, "social_studies"),
    ],
)
def test_a_subject_is_never_guessed(
    tmp_path: Path, cells: dict[str, str], mapping: dict[str, str], subject: str | None
) -> None:
    tables = changed("courses", 1, **cells)
    delivery = delivery_of(tmp_path, tables, said(subjects=mapping))
    assert values(delivery, SECTIONS, "section_id", "subject")[1] == ("eng-s", subject)
    assert bool(delivery.words.unmapped) == (subject is None)


def test_a_class_of_several_sessions_has_no_one_term(tmp_path: Path) -> None:
    delivery = delivery_of(tmp_path, changed("classes", 0, termSourcedIds="f,s"))
    assert values(delivery, SECTIONS, "section_id", "term_id")[0] == ("alg-f", None)
    assert values(delivery, SECTION_STUDENTS, "student_id", "section_id", "left_on")[0] == (
        "1",
        "alg-f",
        date(2026, 5, 29),
    )


def test_students_and_teachers_of_classes_are_told_apart(tmp_path: Path) -> None:
    delivery = delivery_of(tmp_path, small())
    assert values(delivery, SECTION_STAFF, "section_id", "staff_id") == [("alg-f", "t")]
    assert values(delivery, SECTION_STUDENTS, "student_id", "section_id", "entered_on") == [
        ("1", "alg-f", date(2025, 8, 18)),
        ("1", "eng-s", date(2026, 1, 5)),
        ("2", "alg-f", date(2025, 8, 18)),
    ]


def stays(tmp_path: Path, *rows: Row, **how: Any) -> list[tuple[Any, ...]]:
    """What the enrollments of student 1 become."""
    delivery = delivery_of(tmp_path, with_rows(enrollments=list(rows)), **how)
    return values(delivery, ENROLLMENTS, "entered_on", "left_on", "retracted")


def test_who_stays_to_a_sessions_end_is_enrolled_to_the_years_end(tmp_path: Path) -> None:
    first, year_end = date(2025, 8, 18), date(2026, 5, 29)
    assert stays(tmp_path / "a", enrolled("e", "alg-f", "1")) == [(first, year_end, False)]
    ended = enrolled("e", "alg-f", "1", endDate="2025-12-19")
    assert stays(tmp_path / "b", ended) == [(first, year_end, False)]


def test_a_class_cut_short_and_no_later_one_is_an_exit(tmp_path: Path) -> None:
    cut = enrolled("e", "alg-f", "1", endDate=MIDDLE, beginDate="2025-09-01")
    assert stays(tmp_path / "a", cut) == [(date(2025, 9, 1), date(2025, 10, 10), False)]
    later = enrolled("e2", "eng-s", "1")
    assert stays(tmp_path / "b", cut, later) == [(date(2025, 9, 1), date(2026, 5, 29), False)]


def test_a_student_all_of_whose_classes_are_deleted_is_not_enrolled(tmp_path: Path) -> None:
    gone = enrolled("e", "alg-f", "1", status="tobedeleted")
    assert stays(tmp_path / "a", gone) == [(date(2025, 8, 18), date(2026, 5, 29), True)]
    other = enrolled("e2", "alg-f", "1", beginDate="2025-09-01")
    assert stays(tmp_path / "b", gone, other) == [(date(2025, 9, 1), date(2026, 5, 29), False)]


def test_without_a_grade_a_student_is_not_enrolled_unless_the_district_takes_it_from_classes(
    tmp_path: Path,
) -> None:
    tables = changed("users", 0, grades="")
    for row in tables["classes"]:
        row["grades"] = "9"
    delivery = delivery_of(tmp_path, tables)
    [(_, _, field, why)] = reasons(delivery, ENROLLMENTS)
    assert field == "grade_level"
    assert "users.csv says no grade" in why
    by_classes = delivery_of(tmp_path, tables, said(settings={"grade levels": "classes"}))
    assert values(by_classes, ENROLLMENTS, "student_id", "grade_level") == [("1", 9), ("2", 9)]


def test_the_mapping_has_the_calendar_and_the_scale_that_onerosters_lacks(tmp_path: Path) -> None:
    week = SchoolDays(("*",), date(2025, 8, 18), date(2025, 8, 24), ("mon", "tue"), frozenset())
    mapping = DistrictMapping(calendar=(week,), scales={EVERY: {"A": {"percent": "95"}}})
    delivery = delivery_of(tmp_path, small(), mapping)
    days = values(delivery, CALENDAR, "school_id", "date", "instructional")
    assert [day.day for _, day, held in days if held] == [18, 19]
    assert len(days) == 7
    assert values(delivery, SCALES, "school_id", "code", "percent") == [("h", "A", 95_000)]
    assert not delivery_of(tmp_path / "b", small()).has(CALENDAR)


def test_results_are_marks_by_their_status(tmp_path: Path) -> None:
    rows = [
        result("a", "1", "8.5"),
        result("b", "2", "", "not submitted"),
        result("c", "3", "", "exempt"),
        result("d", "4", "3", "partially graded"),
        result("e", "5", "7", "", late="true"),
        result("f", "6", "", "", missing="true"),
        result("g", "7", "9", "redone"),
    ]
    delivery = delivery_of(tmp_path, with_rows(results=rows))
    assert values(delivery, MARKS, "student_id", "points", "points_possible", "status") == [
        ("1", 8_500, 10_000, "scored"),
        ("2", None, 10_000, "missing"),
        ("3", None, 10_000, "excused"),
        ("4", None, 10_000, None),
        ("5", 7_000, 10_000, "late"),
        ("6", None, 10_000, "missing"),
    ]
    assert [why for _, _, _, why in reasons(delivery, MARKS)] == [
        "a score status that no table has"
    ]


def test_a_mark_is_known_since_the_later_of_its_result_and_its_line_item(tmp_path: Path) -> None:
    tables = changed("lineItems", 0, dateLastModified="2025-11-01T00:00:00Z")
    tables["results"][0]["dateLastModified"] = "2025-10-01T00:00:00Z"
    tables["results"][1]["dateLastModified"] = "2025-12-01T00:00:00Z"
    known = values(delivery_of(tmp_path, tables), MARKS, "student_id", "known_at")
    assert [(student, when.month) for student, when in known] == [("1", 11), ("2", 12)]


def test_marks_are_gone_with_their_line_item(tmp_path: Path) -> None:
    tables = changed("lineItems", 0, status="tobedeleted")
    assert values(delivery_of(tmp_path, tables), MARKS, "student_id", "retracted") == [
        ("1", True),
        ("2", True),
    ]


def test_a_result_without_its_line_item_is_named(tmp_path: Path) -> None:
    rows = [result("a", "1", "8.5", lineItemSourcedId="nowhere")]
    assert reasons(delivery_of(tmp_path, with_rows(results=rows)), MARKS) == [
        ("results.csv", 2, "assignment_id", "no such line item in these files")
    ]


def test_a_code_of_a_scale_in_percent_is_a_mark_and_other_codes_are_not_observed(
    tmp_path: Path,
) -> None:
    scale = {
        "sourcedId": "sc",
        "title": "Letters",
        "type": "Percent",
        "orgSourcedId": "h",
        "scoreScaleValue": "{A:95},{B:85},{C:70-79}",
    }
    rows = [
        result(name, student, "", textScore=name, scoreScaleSourcedId="sc")
        for name, student in (("A", "1"), ("C", "2"))
    ]
    delivery = delivery_of(tmp_path, with_rows(results=rows, scoreScales=[scale]))
    assert values(delivery, MARKS, "student_id", "points", "points_possible")[0] == (
        "1",
        95_000,
        100_000,
    )
    assert values(delivery, MARKS, "student_id", "points")[1] == ("2", None)
    assert values(delivery, SCALES, "code", "percent") == [("A", 95_000), ("B", 85_000)]


def test_a_category_that_the_district_calls_final_holds_course_grades(tmp_path: Path) -> None:
    delivery = delivery_of(tmp_path, small(), said(categories={"Homework": "final"}))
    assert values(delivery, MARKS, "student_id") == []
    assert values(delivery, COURSE_GRADES, "student_id", "percent", "posted_on", "term_id") == [
        ("1", 85_000, date(2025, 9, 8), "f")
    ]
    assert not delivery_of(tmp_path / "b", small()).has(COURSE_GRADES)


def attended(name: str, what: str, **more: str) -> Row:
    row = {
        "sourcedId": name,
        "studentSourcedId": "1",
        "schoolSourcedId": "h",
        "attendanceDate": "2025-09-08",
        "attendanceStatus": what,
    }
    return {**row, **more}


def test_attendance_of_days_is_as_it_is_said(tmp_path: Path) -> None:
    rows = [
        attended("a", "Excused Absence"),
        attended("b", "tardy", attendanceDate="2025-09-09T08:00:00Z"),
        attended("c", "Partial", attendanceDate="2025-09-10", fraction="0.4"),
        attended("d", "Partial", attendanceDate="2025-09-11"),
        attended("e", "X", attendanceDate="2025-09-12"),
    ]
    delivery = delivery_of(tmp_path, with_rows(attendance=rows))
    assert values(delivery, ATTENDANCE, "date", "status", "fraction") == [
        (date(2025, 9, 8), "excused", 1_000),
        (date(2025, 9, 9), "tardy", 0),
        (date(2025, 9, 10), "absent", 400),
    ]
    assert [(line, field) for _, line, field, _ in reasons(delivery, ATTENDANCE)] == [
        (5, "fraction"),
        (6, "status"),
    ]
    assert delivery.words.unmapped == {("attendance", "X"): 1}


def test_absences_from_classes_are_the_part_of_the_classes_enrolled_in(tmp_path: Path) -> None:
    tables = changed("classes", 1, termSourcedIds="f")
    tables["attendance"] = [
        attended("a", "Absent", classSourcedId="alg-f"),
        attended("b", "Absent", classSourcedId="alg-f", studentSourcedId="2"),
        attended("c", "Absent", classSourcedId="alg-f", studentSourcedId="3"),
    ]
    delivery = delivery_of(tmp_path, tables)
    assert values(delivery, ATTENDANCE, "student_id", "status", "fraction") == [
        ("1", "absent", 500),
        ("2", "absent", 1_000),
    ]
    [(_, _, field, why)] = reasons(delivery, ATTENDANCE)
    assert field == "fraction"
    assert "how many the student had that day is unknown" in why


def test_where_all_is_recorded_absences_are_the_part_of_the_periods_recorded(
    tmp_path: Path,
) -> None:
    mapping = DistrictMapping(schools={"h": {"attendance_recording": "all"}})
    rows = [
        attended("a", "Present", period="1"),
        attended("b", "Unexcused", period="2"),
        attended("c", "Present", period="3"),
        attended("d", "Unexcused", period="4"),
        attended("e", "Present", period="1", attendanceDate="2025-09-09"),
    ]
    delivery = delivery_of(tmp_path, with_rows(attendance=rows), mapping)
    assert values(delivery, ATTENDANCE, "date", "status", "fraction") == [
        (date(2025, 9, 8), "unexcused", 500),
        (date(2025, 9, 9), "present", 0),
    ]


def test_guids_are_one_whatever_their_case_and_braces(tmp_path: Path) -> None:
    guid = "6F4283DC-F831-4437-A9A3-E030C7AF0493"
    tables = changed("users", 0, sourcedId=guid)
    tables["enrollments"] = [enrolled("e", "alg-f", "{" + guid.lower() + "}")]
    delivery = delivery_of(tmp_path, tables)
    assert values(delivery, STUDENTS, "student_id")[1] == (guid.lower(),)
    assert values(delivery, ENROLLMENTS, "student_id", "grade_level") == [(guid.lower(), 9)]


def test_what_a_set_does_not_have_is_not_delivered(tmp_path: Path) -> None:
    tables = small()
    del tables["results"], tables["enrollments"]
    delivery = delivery_of(tmp_path, tables)
    assert not {"marks", "attendance", "incidents", "enrollments"} & delivery.kinds
    assert list(delivery.batches(MARKS)) == []


def test_dates_of_modification_are_when_it_was_known_unless_the_district_denies_it(
    tmp_path: Path,
) -> None:
    rows = [result("a", "1", "8", dateLastModified="2025-09-20T10:00:00.000Z", status="active")]
    delivery = delivery_of(tmp_path, with_rows(results=rows))
    [(known,)] = values(delivery, MARKS, "known_at")
    assert known.isoformat() == "2025-09-20T10:00:00+00:00"
    tables = with_rows(results=rows)
    tables["lineItems"][0]["dateLastModified"] = "2025-09-20"
    denied = delivery_of(tmp_path, tables, said(settings={"dateLastModified": "ignore"}))
    assert values(denied, MARKS, "known_at", "known_local") == [(None, None)]


def test_a_mapping_of_a_table_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no table of this source"):
        delivery_of(tmp_path, small(), said(role={"x": "student"}))


def test_ids_are_those_of_the_districts_other_systems_where_it_says_so(tmp_path: Path) -> None:
    tables = changed("users", 0, identifier="S-1001")
    tables["orgs"][1]["identifier"] = "017"
    by_number = said(settings={"student ids": "identifier", "school ids": "identifier"})
    delivery = delivery_of(tmp_path, tables, by_number)
    assert values(delivery, STUDENTS, "student_id") == [("2",), ("S-1001",)]
    assert values(delivery, MARKS, "student_id") == [("2",), ("S-1001",)]
    assert values(delivery, ENROLLMENTS, "student_id", "school_id") == [
        ("2", "017"),
        ("S-1001", "017"),
    ]
    assert values(delivery, SCHOOLS, "school_id") == [("017",)]


@pytest.mark.parametrize(
    ("name", "word", "what"),
    [
        ("student ids", "classes", "Known are sourcedId, identifier"),
        ("student id", "identifier", "Did you mean student ids?"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(
    tmp_path: Path, name: str, word: str, what: str
) -> None:
    with pytest.raises(BadInput) as refused:
        delivery_of(tmp_path, small(), said(settings={name: word}))
    assert what in str(refused.value)
    assert refused.value.field == f'oneroster.settings."{name}"'
