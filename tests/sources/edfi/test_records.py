"""From Ed-Fi resources to records: each case by a few resources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from edupulse.school.errors import BadInput
from edupulse.school.records import (
    ATTENDANCE,
    CALENDAR,
    COURSE_GRADES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    EXCLUSIONS,
    INCIDENTS,
    MARKS,
    SCALES,
    SECTION_STAFF,
    SECTION_STUDENTS,
    SECTIONS,
    STAFF,
    TERMS,
)
from edupulse.sources.edfi.delivery import EdFi
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.mapping import WEEKDAYS, DistrictMapping, SchoolDays
from sources.edfi.interchange import (
    OTHER_SECTION,
    SECTION,
    Content,
    day,
    in_section,
    notes,
    period,
    records,
    rejected,
    uri,
    write_xml,
)

Given = Callable[..., EdFi]


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    """Makes the delivery of some resources, written as XML: element name to contents."""
    made: list[EdFi] = []

    def given(mapping: DistrictMapping | None = None, **elements: list[Content]) -> EdFi:
        for name, contents in elements.items():
            write_xml(tmp_path / f"{name}.xml", name, contents)
        made.append(edfi_folder(tmp_path, Words(mapping)))
        return made[-1]

    yield given
    for delivery in made:
        delivery.close()


def own(**tables: dict[str, str]) -> DistrictMapping:
    """A district's own words."""
    return DistrictMapping(tables={"edfi": tables})


def statuses(delivery: EdFi) -> list[tuple[str, str, int]]:
    frame = records(delivery, ATTENDANCE).select(
        pl.col("date").cast(pl.String), pl.col("status").cast(pl.String), "fraction"
    )
    return sorted(frame.iter_rows())


def test_events_of_a_day_are_statuses_with_the_part_missed(given: Given) -> None:
    delivery = given(
        StudentSchoolAttendanceEvent=[
            day("2025-09-01", "Excused Absence"),
            day("2025-09-02", "Unexcused Absence", eventDuration=0.5),
            day("2025-09-03", "Tardy", eventDuration=0.1),
            day("2025-09-04", "Partial", eventDuration=0.33),
            day("2025-09-05", "In Attendance"),
        ]
    )
    assert statuses(delivery) == [
        ("2025-09-01", "excused", 1000),
        ("2025-09-02", "unexcused", 500),
        ("2025-09-03", "tardy", 0),
        ("2025-09-04", "absent", 330),
        ("2025-09-05", "present", 0),
    ]
    assert rejected(delivery) == []


def test_a_part_of_a_day_without_a_duration_is_not_guessed(given: Given) -> None:
    delivery = given(StudentSchoolAttendanceEvent=[day("2025-09-01", "Partial")])
    assert statuses(delivery) == []
    [(field, reason)] = rejected(delivery)
    assert field == "fraction"
    assert "EventDuration" in reason


def test_what_no_table_has_is_rejected_counted_and_suggested(given: Given) -> None:
    delivery = given(
        StudentSchoolAttendanceEvent=[
            day("2025-09-01", "Excused Absense"),
            day("2025-09-02", "Excused Absense"),
            day("2025-09-03", "Zzz"),
        ]
    )
    assert statuses(delivery) == []
    assert rejected(delivery) == [("status", "a category that no table has")] * 3
    assert notes(delivery)["'Excused Absense' is in no table"] == 2
    assert '"Excused Absense" = "excused"' in delivery.words.suggestions()
    assert '"Zzz" = ""' in delivery.words.suggestions()


def test_a_district_has_its_own_words(given: Given) -> None:
    delivery = given(
        own(attendance={"Excused Absense": "excused", "Partial": "absent"}),
        StudentSchoolAttendanceEvent=[
            day("2025-09-01", "EXCUSED ABSENSE "),
            day("2025-09-02", "Partial"),
        ],
    )
    assert [row[1:] for row in statuses(delivery)] == [("excused", 1000), ("absent", 1000)]


def test_reading_a_kind_twice_counts_what_is_unmapped_once(given: Given) -> None:
    delivery = given(StudentSchoolAttendanceEvent=[day("2025-09-01", "Zzz")])
    statuses(delivery)
    statuses(delivery)
    assert delivery.words.unmapped == {("attendance", "Zzz"): 1}
    assert notes(delivery)["'Zzz' is in no table"] == 1


def test_a_tardy_told_by_the_day_and_by_a_section_is_one(given: Given) -> None:
    delivery = given(
        StudentSchoolAttendanceEvent=[day("2025-09-01", "Tardy")],
        StudentSectionAttendanceEvent=[
            period("2025-09-01", "Tardy"),
            period("2025-09-01", "Tardy", OTHER_SECTION),
            period("2025-09-02", "Tardy"),
        ],
    )
    assert statuses(delivery) == [("2025-09-01", "tardy", 0), ("2025-09-02", "tardy", 0)]
    assert delivery.ledger.read(ATTENDANCE) == 4


def test_absences_from_sections_are_the_part_of_those_the_student_had(given: Given) -> None:
    delivery = given(
        StudentSectionAttendanceEvent=[
            period("2025-09-01", "Unexcused Absence"),
            period("2025-09-02", "Unexcused Absence"),
            period("2025-09-02", "Unexcused Absence", OTHER_SECTION),
            period("2025-12-01", "Excused Absence"),
            period("2025-12-02", "In Attendance"),
        ],
        StudentSectionAssociation=[
            in_section(),
            in_section(OTHER_SECTION, endDate="2025-11-30"),
        ],
    )
    assert statuses(delivery) == [
        ("2025-09-01", "unexcused", 500),
        ("2025-09-02", "unexcused", 1000),
        ("2025-12-01", "excused", 1000),
    ]


SESSION = {
    "sessionName": "Fall",
    "schoolReference": {"schoolId": 1},
    "schoolYear": "2025-2026",
    "beginDate": "2025-09-01",
    "endDate": "2025-12-19",
    "totalInstructionalDays": 5,
}


def test_who_sits_in_a_section_without_an_end_sits_there_to_the_end_of_its_session(
    given: Given,
) -> None:
    spring = {**OTHER_SECTION, "sessionName": "Spring"}
    delivery = given(
        Session=[SESSION],
        StudentSectionAttendanceEvent=[
            period("2025-12-19", "Unexcused Absence"),
            period("2026-01-12", "Unexcused Absence", spring),
        ],
        StudentSectionAssociation=[
            in_section(),
            in_section(OTHER_SECTION, endDate="2025-11-03"),
            in_section({**SECTION, "sectionIdentifier": "B"}, "2026-01-05"),
            in_section(spring, "2026-01-05"),
        ],
    )
    assert statuses(delivery) == [
        ("2025-12-19", "unexcused", 1000),
        ("2026-01-12", "unexcused", 500),
    ]
    assert records(delivery, SECTION_STUDENTS)["left_on"].to_list() == [
        date(2025, 12, 19),
        date(2025, 11, 3),
        None,
        None,
    ]


def test_an_absence_from_a_section_of_unknown_schedule_is_not_guessed(given: Given) -> None:
    delivery = given(StudentSectionAttendanceEvent=[period("2025-09-01", "Unexcused Absence")])
    assert statuses(delivery) == []
    [(field, reason)] = rejected(delivery)
    assert (field, "unknown" in reason) == ("fraction", True)


def test_where_the_day_tells_of_an_absence_its_sections_do_not_count(given: Given) -> None:
    delivery = given(
        StudentSchoolAttendanceEvent=[day("2025-09-01", "Excused Absence", eventDuration=1)],
        StudentSectionAttendanceEvent=[
            period("2025-09-01", "Unexcused Absence"),
            period("2025-09-01", "Tardy"),
        ],
        StudentSectionAssociation=[in_section()],
    )
    assert statuses(delivery) == [("2025-09-01", "excused", 1000), ("2025-09-01", "tardy", 0)]


def calendar_date(day: str, *events: str, calendar: str = "C", school: int = 1) -> Content:
    return {
        "date": day,
        "calendarReference": {"calendarCode": calendar, "schoolId": school, "schoolYear": 2026},
        "calendarEvents": [{"calendarEventDescriptor": uri("CalendarEvent", e)} for e in events],
    }


def test_days_are_instructional_by_the_schools_own_calendar(given: Given) -> None:
    def calendar(code: str, kind: str) -> Content:
        return {
            "calendarCode": code,
            "schoolReference": {"schoolId": 1},
            "schoolYear": "2025-2026",
            "calendarTypeDescriptor": uri("CalendarType", kind),
        }

    delivery = given(
        Calendar=[calendar("C", "School"), calendar("S", "Staff")],
        CalendarDate=[
            calendar_date("2025-09-01", "Holiday"),
            calendar_date("2025-09-02", "Instructional day", "Other"),
            calendar_date("2025-09-03", "Other"),
            calendar_date("2025-09-04", "Student late arrival/early dismissal"),
            calendar_date("2025-09-01", "Instructional day", calendar="S"),
        ],
    )
    days = records(delivery, CALENDAR).sort("date").select("date", "instructional").rows()
    assert days == [
        (date(2025, 9, 1), False),
        (date(2025, 9, 2), True),
        (date(2025, 9, 4), True),
    ]
    assert notes(delivery)["days with no event that is mapped: left out"] == 1


OF_TWO = {"schoolReference": {"schoolId": 2}}
SCHOOL = {"schoolId": 1, "nameOfInstitution": "One"}


def test_the_districts_days_hold_where_the_schools_calendar_says_nothing(given: Given) -> None:
    said = SchoolDays(("*",), date(2025, 9, 1), date(2025, 9, 5), WEEKDAYS[:5], frozenset())
    delivery = given(
        DistrictMapping(calendar=(said,)),
        School=[SCHOOL],
        CalendarDate=[calendar_date("2025-09-01", "Holiday")],
        Session=[SESSION, {**SESSION, "sessionName": "Of another school", **OF_TWO}],
    )
    days = records(delivery, CALENDAR)
    assert days.filter("instructional")["date"].to_list() == [date(2025, 9, d) for d in range(2, 6)]
    assert days.height == delivery.ledger.read(CALENDAR) == 5
    assert (
        notes(delivery)[
            "sessions with another number of instructional days than their TotalInstructionalDays"
        ]
        == 2
    )


def test_letters_are_worth_what_the_district_says(given: Given) -> None:
    scale = {"*": {"A": {"percent": "95", "passing": "true"}}, "2": {"A": {"percent": "90"}}}
    schools = [SCHOOL, {"schoolId": 2, "nameOfInstitution": "Two"}]
    delivery = given(DistrictMapping(scales=scale), School=schools)
    assert records(delivery, SCALES).select("school_id", "code", "percent", "passing").rows() == [
        ("1", "A", 95_000, True),
        ("2", "A", 90_000, None),
    ]
    assert not given(School=schools).has(SCALES)


def test_grading_periods_are_terms_and_grades_are_posted_for_them(given: Given) -> None:
    reference = {
        "gradingPeriodDescriptor": uri("GradingPeriod", "First Nine Weeks"),
        "gradingPeriodName": "Q1",
        "schoolId": 1,
        "schoolYear": 2026,
    }

    def grade(kind: str, **more: object) -> Content:
        return {
            "studentSectionAssociationReference": {
                "studentUniqueId": "7",
                "beginDate": "2025-09-01",
                **SECTION,
            },
            "gradingPeriodReference": reference,
            "gradeTypeDescriptor": uri("GradeType", kind),
            **more,
        }

    delivery = given(
        GradingPeriod=[
            {
                "gradingPeriodDescriptor": reference["gradingPeriodDescriptor"],
                "gradingPeriodName": "Q1",
                "schoolReference": {"schoolId": 1},
                "schoolYear": "2025-2026",
                "beginDate": "2025-09-01",
                "endDate": "2025-10-31",
            }
        ],
        Grade=[
            grade("Grading Period", numericGradeEarned=88.5),
            grade("Progress Report", letterGradeEarned="B", currentGradeAsOfDate="2025-10-01"),
            grade("Semester", numericGradeEarned=90),
        ],
    )
    [term] = records(delivery, TERMS).select("term_id", "begins_on", "school_year").rows()
    assert term == ("2026/Q1", date(2025, 9, 1), 2026)
    posted = records(delivery, COURSE_GRADES).select("kind", "posted_on", "percent", "code")
    assert posted.rows() == [
        ("final", date(2025, 10, 31), 88_500, None),
        ("progress", date(2025, 10, 1), None, "B"),
    ]
    assert set(records(delivery, COURSE_GRADES)["term_id"]) == {"2026/Q1"}
    assert any("Semester" in what for what in notes(delivery))


def test_gradebook_entries_are_marks(given: Given) -> None:
    entry = {"gradebookEntryIdentifier": "a1", "namespace": "uri://x"}
    undue = {"gradebookEntryIdentifier": "a2", "namespace": "uri://x"}

    def mark(of: Content, status: str, late: str = "Not Late", **more: object) -> Content:
        return {
            "gradebookEntryReference": of,
            "studentReference": {"studentUniqueId": "7"},
            "submissionStatusDescriptor": uri("SubmissionStatus", status),
            "assignmentLateStatusDescriptor": uri("AssignmentLateStatus", late),
            **more,
        }

    delivery = given(
        GradebookEntry=[
            {
                **entry,
                "sectionReference": SECTION,
                "dueDate": "2025-09-10",
                "dateAssigned": "2025-09-08",
                "gradebookEntryTypeDescriptor": uri("GradebookEntryType", "Quiz"),
                "maxPoints": 20,
            },
            {**undue, "sectionReference": SECTION, "dateAssigned": "2025-09-12"},
        ],
        StudentGradebookEntry=[
            mark(entry, "Graded", "Late", pointsEarned=15),
            mark(undue, "Graded", numericGradeEarned="74.00"),
            {**mark(entry, "Not Submitted"), "studentReference": {"studentUniqueId": "8"}},
            {**mark(entry, "Exempt"), "studentReference": {"studentUniqueId": "9"}},
            mark({"gradebookEntryIdentifier": "a3", "namespace": "uri://x"}, "Graded"),
        ],
    )
    marks = records(delivery, MARKS).select(
        "student_id", "due_on", "category", "points", "points_possible", "status"
    )
    assert marks.rows() == [
        ("7", date(2025, 9, 10), "assessment", 15_000, 20_000, "late"),
        ("7", date(2025, 9, 12), None, 74_000, 100_000, "scored"),
        ("8", date(2025, 9, 10), "assessment", None, 20_000, "missing"),
        ("9", date(2025, 9, 10), "assessment", None, 20_000, "excused"),
    ]
    assert rejected(delivery) == [("assignment_id", "no GradebookEntry has this identifier")]
    assert notes(delivery)["without a due date: taken as due on the day assigned"] == 1


def incident(identifier: str, *behaviors: str) -> Content:
    return {
        "incidentIdentifier": identifier,
        "schoolReference": {"schoolId": 1},
        "incidentDate": "2025-10-01",
        "behaviors": [{"behaviorDescriptor": uri("Behavior", b)} for b in behaviors],
    }


def acted(identifier: str, behavior: str, *roles: str, student: str = "7") -> Content:
    code = "disciplineIncidentParticipationCode"
    return {
        "studentReference": {"studentUniqueId": student},
        "disciplineIncidentReference": {"incidentIdentifier": identifier, "schoolId": 1},
        "behaviorDescriptor": uri("Behavior", behavior),
        f"{code}s": [{f"{code}Descriptor": uri("X", role)} for role in roles],
    }


def test_an_incident_is_the_gravest_behavior_of_a_student_in_it(given: Given) -> None:
    delivery = given(
        own(behaviors={"Level 1": "1", "Level 4": "4"}),
        DisciplineIncident=[incident("1", "Level 1", "Level 4"), incident("2", "Fighting")],
        StudentDisciplineIncidentBehaviorAssociation=[
            acted("1", "Level 1", "Perpetrator"),
            acted("1", "Level 4", "Perpetrator"),
            acted("2", "Fighting"),
        ],
        StudentDisciplineIncidentNonOffenderAssociation=[
            {k: v for k, v in acted("1", "", "Victim", student="8").items() if "behav" not in k},
            {k: v for k, v in acted("1", "", "Witness").items() if "behav" not in k},
        ],
    )
    found = records(delivery, INCIDENTS).select(
        "incident_id", "student_id", "behavior", "severity", "role", "date"
    )
    on = date(2025, 10, 1)
    assert found.rows() == [
        ("1/1", "7", "Level 4", 4, "perpetrator", on),
        ("1/1", "8", "Level 1", 1, "victim", on),
        ("1/2", "7", "Fighting", 4, "perpetrator", on),
    ]


def test_actions_that_cost_no_days_are_no_exclusions(given: Given) -> None:
    def action(identifier: str, begins: str, *disciplines: str, **more: object) -> Content:
        reference = "studentDisciplineIncidentBehaviorAssociation"
        return {
            "disciplineActionIdentifier": identifier,
            "disciplineDate": begins,
            "disciplines": [{"disciplineDescriptor": uri("Discipline", d)} for d in disciplines],
            "studentReference": {"studentUniqueId": "7"},
            "responsibilitySchoolReference": {"schoolId": 1},
            f"{reference}Reference": {"incidentIdentifier": "1", "schoolId": 1},
            **more,
        }

    delivery = given(
        DisciplineAction=[
            action("1", "2025-10-02", "In School Suspension", disciplineActionLength=2),
            action("2", "2025-10-02", "Out of School Suspension", actualDisciplineActionLength=1),
            action("3", "2025-10-03", "Community Service"),
            action("4", "2025-10-06", "Bread and water"),
        ]
    )
    [only] = records(delivery, EXCLUSIONS).select("incident_id", "kind", "begins_on", "days").rows()
    assert only == ("1/1", "out_of_school", date(2025, 10, 2), 1_000)
    assert rejected(delivery) == [("kind", "a discipline that no table has")]
    said = notes(delivery)
    assert said["no exclusion (removal, service, none): left out"] == 1
    assert (
        said["of the same student and first day as another: the same days, told by one record"] == 1
    )


def test_enrollments_end_as_the_table_says(given: Given) -> None:
    def stay(student: str, level: str, **more: object) -> Content:
        return {
            "studentReference": {"studentUniqueId": student},
            "schoolReference": {"schoolId": 1},
            "entryDate": "2025-09-01",
            "entryGradeLevelDescriptor": uri("GradeLevel", level),
            **more,
        }

    def left(how: str) -> Content:
        return {
            "exitWithdrawDate": "2025-11-03",
            "exitWithdrawTypeDescriptor": uri("ExitWithdrawType", how),
        }

    delivery = given(
        StudentSchoolAssociation=[
            stay("1", "Ninth grade", primarySchool=True),
            stay("2", "Kindergarten", **left("Dropout")),
            stay("3", "Preschool", **left("Withdrawn")),
            stay("4", "First grade", **left("No show")),
            stay("5", "Ungraded"),
        ]
    )
    rows = records(delivery, ENROLLMENTS).select("student_id", "grade_level", "exit_type").rows()
    assert rows == [("1", 9, None), ("2", 0, "dropped_out"), ("3", -1, None)]
    assert rejected(delivery) == [("grade_level", "a grade level that no table has")]
    assert delivery.words.unmapped == {
        ("exit_types", "Withdrawn"): 1,
        ("grade_levels", "Ungraded"): 1,
    }


def test_demographics_are_what_the_organizations_of_a_student_say(given: Given) -> None:
    def said(student: str, organization: int = 9, **more: object) -> Content:
        return {
            "studentReference": {"studentUniqueId": student},
            "educationOrganizationReference": {"educationOrganizationId": organization},
            **more,
        }

    def races(*names: str) -> list[Content]:
        return [{"raceDescriptor": uri("Race", name)} for name in names]

    delivery = given(
        StudentEducationOrganizationAssociation=[
            said("1", races=races("White", "Asian"), sexDescriptor=uri("Sex", "Female")),
            said("2", races=races("White"), hispanicLatinoEthnicity=True),
            said("3", races=races("Black - African American")),
            said("3", 1, limitedEnglishProficiencyDescriptor=uri("X", "Limited")),
            said(
                "4",
                studentCharacteristics=[
                    {"studentCharacteristicDescriptor": uri("X", "Economic Disadvantaged")}
                ],
                limitedEnglishProficiencyDescriptor=uri("X", "NotLimited"),
            ),
        ]
    )
    found = records(delivery, DEMOGRAPHICS).select(
        "student_id", "race_ethnicity", "sex", "english_learner", "disability", "low_income"
    )
    assert sorted(found.rows()) == [
        ("1", "Two or more races", "Female", None, None, None),
        ("2", "Hispanic or Latino", None, None, None, None),
        ("3", "Black or African American", None, True, None, None),
        ("4", None, None, False, None, True),
    ]


def test_staff_have_the_role_of_current_assignments_and_none_that_nobody_said(
    given: Given,
) -> None:
    def person(number: str) -> Content:
        return {"staffUniqueId": number, "firstName": "F", "lastSurname": number}

    def assigned(number: str, where: int, what: str, **more: object) -> Content:
        return {
            "staffReference": {"staffUniqueId": number},
            "educationOrganizationReference": {"educationOrganizationId": where},
            "staffClassificationDescriptor": uri("StaffClassification", what),
            **more,
        }

    def teaches(number: str, **more: object) -> Content:
        return {"staffReference": {"staffUniqueId": number}, "sectionReference": SECTION, **more}

    delivery = given(
        School=[SCHOOL],
        Session=[SESSION],
        Staff=[person(n) for n in "12345"],
        StaffEducationOrganizationAssignmentAssociation=[
            assigned("1", 1, "Secondary Teacher", endDate="2026-06-30"),
            assigned("1", 9, "School Counselor"),
            assigned("2", 1, "Teacher", endDate="2025-10-01"),
            assigned("3", 1, "Principal"),
            assigned("4", 1, "Counselor"),
            assigned("4", 1, "Teacher"),
        ],
        StaffSectionAssociation=[
            teaches("1", endDate="2025-12-19"),
            teaches("2", endDate="2025-10-01"),
            teaches("4"),
        ],
    )
    found = records(delivery, STAFF).select("staff_id", "role", "school_id").rows()
    assert sorted(found, key=str) == [
        ("1", "counselor", None),
        ("1", "teacher", "1"),
        ("2", None, None),
        ("3", None, None),
        ("4", "teacher", "1"),
        ("5", None, None),
    ]
    assert delivery.words.unmapped == {("staff_roles", "Principal"): 1}
    assert '"Principal" = ""' in delivery.words.suggestions()
    [batch] = delivery.batches(STAFF)
    assert batch.gone is not None
    assert batch.gone.rows() == [("2", "1")]
    assert sorted(records(delivery, SECTION_STAFF)["staff_id"]) == ["1", "4"]


def test_sections_have_the_subject_of_their_course(given: Given) -> None:
    course = {"courseCode": "ALG-1", "educationOrganizationId": 1}
    offering = {
        key: SECTION[key] for key in ("localCourseCode", "schoolId", "schoolYear", "sessionName")
    }
    delivery = given(
        Course=[
            {
                "courseCode": "ALG-1",
                "educationOrganizationReference": {"educationOrganizationId": 1},
                "courseTitle": "Algebra",
                "academicSubjects": [
                    {"academicSubjectDescriptor": uri("AcademicSubject", "Mathematics")}
                ],
            }
        ],
        CourseOffering=[
            {
                "localCourseCode": "ALG-1",
                "schoolReference": {"schoolId": 1},
                "sessionReference": {"schoolId": 1, "schoolYear": 2026, "sessionName": "Fall"},
                "courseReference": course,
            }
        ],
        Section=[
            {"sectionIdentifier": "ALG", "courseOfferingReference": offering, "sectionName": "A 1"},
            {
                "sectionIdentifier": "B" * 200,
                "courseOfferingReference": {**offering, "localCourseCode": "?"},
            },
        ],
    )
    first, second = records(delivery, SECTIONS).select("section_id", "title", "subject").rows()
    assert first == ("1/2026/Fall/ALG-1/ALG", "A 1", "math")
    assert len(second[0]) == 100
    assert second[1:] == (None, None)


def test_a_folder_without_xml_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no XML"):
        edfi_folder(tmp_path)


def test_kinds_without_a_resource_are_not_there(given: Given) -> None:
    delivery = given(StudentSchoolAttendanceEvent=[day("2025-09-01", "Tardy")])
    assert delivery.kinds == {"attendance"}
    assert list(delivery.batches(MARKS)) == []
