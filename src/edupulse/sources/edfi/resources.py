"""The Ed-Fi resources that are read, Data Standard 4 and 5: each named value and where it stands.

Column names are ours (`student`, `school`, `year`); the same identity has the same names in each
resource, so that resources can be joined by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edupulse.sources.edfi.resource import Column, Link, Resource

SECTION_KEY = ("school", "year", "session", "course", "section")
"""What identifies a section: a section's own identifier may come again in the next session."""

_STUDENT = Column("student", ("studentReference.studentUniqueId",))
_SCHOOL = Column("school", ("schoolReference.schoolId",))
_STAFF = Column("staff", ("staffReference.staffUniqueId",))
_YEAR = Column("year", ("schoolYearTypeReference.schoolYear", "schoolYear"))


def _one(name: str, *keys: str) -> Column:
    return Column(name, keys)


def _many(name: str, *keys: str) -> Column:
    return Column(name, keys, many=True)


def _section(reference: str = "sectionReference.") -> tuple[Column, ...]:
    return (
        _one("school", f"{reference}schoolId"),
        _one("year", f"{reference}schoolYear"),
        _one("session", f"{reference}sessionName"),
        _one("course", f"{reference}localCourseCode"),
        _one("section", f"{reference}sectionIdentifier"),
    )


_SECTION_REF = _one("section_ref", "sectionReference.@ref")
_SECTION_LINK = Link("section_ref", ("Section", "SectionReference"), SECTION_KEY)
_INCIDENT = (
    _one("incident", "disciplineIncidentReference.incidentIdentifier"),
    _one("school", "disciplineIncidentReference.schoolId"),
    _one("incident_ref", "disciplineIncidentReference.@ref"),
)
_INCIDENT_LINK = Link("incident_ref", ("DisciplineIncident",), ("incident", "school"))
_PERIOD = (
    _one("period", "gradingPeriodReference.gradingPeriod"),
    _one("period_name", "gradingPeriodReference.gradingPeriodName"),
    _one("period_sequence", "gradingPeriodReference.periodSequence"),
    _one("period_year", "gradingPeriodReference.schoolYear"),
    _one("period_school", "gradingPeriodReference.schoolId"),
    _one("period_ref", "gradingPeriodReference.@ref"),
)

SCHOOL = Resource(
    "School",
    "schools",
    (_one("school", "schoolId"), _one("name", "nameOfInstitution")),
)
SESSION = Resource(
    "Session",
    "sessions",
    (
        _SCHOOL,
        _YEAR,
        _one("session", "sessionName"),
        _one("begins", "beginDate"),
        _one("ends", "endDate"),
        _one("days", "totalInstructionalDays"),
    ),
)
GRADING_PERIOD = Resource(
    "GradingPeriod",
    "gradingPeriods",
    (
        _SCHOOL,
        _YEAR,
        _one("period", "gradingPeriod"),
        _one("period_name", "gradingPeriodName"),
        _one("period_sequence", "periodSequence"),
        _one("begins", "beginDate"),
        _one("ends", "endDate"),
        _one("days", "totalInstructionalDays"),
    ),
)
CALENDAR = Resource(
    "Calendar",
    "calendars",
    (_SCHOOL, _YEAR, _one("calendar", "calendarCode"), _one("type", "calendarType")),
)
CALENDAR_DATE = Resource(
    "CalendarDate",
    "calendarDates",
    (
        _one("school", "calendarReference.schoolId"),
        _one("year", "calendarReference.schoolYear"),
        _one("calendar", "calendarReference.calendarCode"),
        _one("date", "date"),
        _many("events", "calendarEvents.calendarEvent", "calendarEvent"),
    ),
)
COURSE = Resource(
    "Course",
    "courses",
    (
        _one("organization", "educationOrganizationReference.educationOrganizationId"),
        _one("code", "courseCode"),
        _one("title", "courseTitle"),
        _many("subjects", "academicSubjects.academicSubject", "academicSubject"),
        _many(
            "codes",
            "identificationCodes.identificationCode",
            "courseIdentificationCode.identificationCode",
        ),
        _many(
            "systems",
            "identificationCodes.courseIdentificationSystem",
            "courseIdentificationCode.courseIdentificationSystem",
        ),
    ),
)
COURSE_OFFERING = Resource(
    "CourseOffering",
    "courseOfferings",
    (
        _SCHOOL,
        _one("year", "sessionReference.schoolYear"),
        _one("session", "sessionReference.sessionName"),
        _one("course", "localCourseCode"),
        _one("title", "localCourseTitle"),
        _one("organization", "courseReference.educationOrganizationId"),
        _one("code", "courseReference.courseCode"),
    ),
)
SECTION = Resource(
    "Section",
    "sections",
    (
        *_section("courseOfferingReference.")[:-1],
        _one("section", "sectionIdentifier"),
        _one("title", "sectionName"),
        _one("credits", "availableCredits", "availableCredits.credits"),
    ),
)
SECTION_REFERENCE = Resource("SectionReference", "", _section(""))
STUDENT = Resource(
    "Student",
    "students",
    (
        _one("student", "studentUniqueId"),
        _one("first_name", "firstName"),
        _one("last_name", "lastSurname"),
        _one("birth_date", "birthDate"),
    ),
)
STUDENT_ORGANIZATION = Resource(
    "StudentEducationOrganizationAssociation",
    "studentEducationOrganizationAssociations",
    (
        _STUDENT,
        _one("organization", "educationOrganizationReference.educationOrganizationId"),
        _one("sex", "sex"),
        _one("hispanic", "hispanicLatinoEthnicity"),
        _many("races", "races.race", "race", "race.race"),
        _one("english", "limitedEnglishProficiency"),
        _many("disabilities", "disabilities.disability", "disability.disability"),
        _many(
            "characteristics",
            "studentCharacteristics.studentCharacteristic",
            "studentCharacteristic.studentCharacteristic",
        ),
    ),
)
ENROLLMENT = Resource(
    "StudentSchoolAssociation",
    "studentSchoolAssociations",
    (
        _STUDENT,
        _SCHOOL,
        _one("entered", "entryDate"),
        _one("grade_level", "entryGradeLevel"),
        _one("left", "exitWithdrawDate"),
        _one("exit_type", "exitWithdrawType"),
        _one("primary", "primarySchool"),
        _one("type", "enrollmentType"),
    ),
)
SECTION_STUDENT = Resource(
    "StudentSectionAssociation",
    "studentSectionAssociations",
    (
        _STUDENT,
        *_section(),
        _SECTION_REF,
        _one("begins", "beginDate"),
        _one("ends", "endDate"),
    ),
    (_SECTION_LINK,),
)
_MAIL = "electronicMail"
STAFF = Resource(
    "Staff",
    "staffs",
    (
        _one("staff", "staffUniqueId"),
        _one("first_name", "firstName"),
        _one("last_name", "lastSurname"),
        _one("login", "loginId"),
        _one("email", f"{_MAIL}s.{_MAIL}Address", f"{_MAIL}.{_MAIL}Address"),
    ),
)
STAFF_ASSIGNMENT = Resource(
    "StaffEducationOrganizationAssignmentAssociation",
    "staffEducationOrganizationAssignmentAssociations",
    (
        _STAFF,
        _one("organization", "educationOrganizationReference.educationOrganizationId"),
        _one("role", "staffClassification"),
        _one("ends", "endDate"),
    ),
)
STAFF_SECTION = Resource(
    "StaffSectionAssociation",
    "staffSectionAssociations",
    (_STAFF, *_section(), _SECTION_REF, _one("ends", "endDate")),
    (_SECTION_LINK,),
)
SCHOOL_ATTENDANCE = Resource(
    "StudentSchoolAttendanceEvent",
    "studentSchoolAttendanceEvents",
    (
        _STUDENT,
        _SCHOOL,
        _one("date", "eventDate"),
        _one("category", "attendanceEventCategory"),
        _one("duration", "eventDuration"),
        _one("reason", "attendanceEventReason"),
    ),
)
SECTION_ATTENDANCE = Resource(
    "StudentSectionAttendanceEvent",
    "studentSectionAttendanceEvents",
    (
        _STUDENT,
        *_section(),
        _SECTION_REF,
        _one("date", "eventDate"),
        _one("category", "attendanceEventCategory"),
        _one("duration", "eventDuration"),
        _one("reason", "attendanceEventReason"),
    ),
    (_SECTION_LINK,),
)
GRADEBOOK_ENTRY = Resource(
    "GradebookEntry",
    "gradebookEntries",
    (
        _one("entry", "gradebookEntryIdentifier"),
        _one("namespace", "namespace"),
        *_section(),
        _SECTION_REF,
        _one("assigned", "dateAssigned"),
        _one("due", "dueDate"),
        _one("type", "gradebookEntryType"),
        _one("possible", "maxPoints"),
    ),
    (_SECTION_LINK,),
)
STUDENT_GRADEBOOK_ENTRY = Resource(
    "StudentGradebookEntry",
    "studentGradebookEntries",
    (
        _STUDENT,
        _one("entry", "gradebookEntryReference.gradebookEntryIdentifier"),
        _one("namespace", "gradebookEntryReference.namespace"),
        _one("entry_ref", "gradebookEntryReference.@ref"),
        _one("points", "pointsEarned"),
        _one("numeric", "numericGradeEarned"),
        _one("letter", "letterGradeEarned"),
        _one("status", "submissionStatus"),
        _one("lateness", "assignmentLateStatus"),
    ),
    (Link("entry_ref", ("GradebookEntry",), ("entry", "namespace")),),
)
GRADE = Resource(
    "Grade",
    "grades",
    (
        _one("student", "studentSectionAssociationReference.studentUniqueId"),
        *_section("studentSectionAssociationReference."),
        _one("enrolled_ref", "studentSectionAssociationReference.@ref"),
        _one("section_ref", "studentSectionAssociationReference.sectionReference.@ref"),
        *_PERIOD,
        _one("type", "gradeType"),
        _one("numeric", "numericGradeEarned"),
        _one("letter", "letterGradeEarned"),
        _one("as_of", "currentGradeAsOfDate"),
    ),
    (
        Link("enrolled_ref", ("StudentSectionAssociation",), ("student", *SECTION_KEY)),
        _SECTION_LINK,
        Link("period_ref", ("GradingPeriod",), ("period", "period_name", "period_sequence")),
    ),
)
_ROLES = _many(
    "roles",
    "disciplineIncidentParticipationCodes.disciplineIncidentParticipationCode",
    "disciplineIncidentParticipationCode",
)
INCIDENT = Resource(
    "DisciplineIncident",
    "disciplineIncidents",
    (
        _SCHOOL,
        _one("incident", "incidentIdentifier"),
        _one("date", "incidentDate"),
        _many("behaviors", "behaviors.behavior", "behavior.behavior"),
    ),
)
BEHAVIOR = Resource(
    "StudentDisciplineIncidentBehaviorAssociation",
    "studentDisciplineIncidentBehaviorAssociations",
    (
        _STUDENT,
        *_INCIDENT,
        _one("behavior", "behavior"),
        _ROLES,
    ),
    (_INCIDENT_LINK,),
)
NON_OFFENDER = Resource(
    "StudentDisciplineIncidentNonOffenderAssociation",
    "studentDisciplineIncidentNonOffenderAssociations",
    (
        _STUDENT,
        *_INCIDENT,
        _ROLES,
    ),
    (_INCIDENT_LINK,),
)
_ACTED_ON = "studentDisciplineIncidentBehaviorAssociation"
ACTION = Resource(
    "DisciplineAction",
    "disciplineActions",
    (
        _STUDENT,
        _one("action", "disciplineActionIdentifier"),
        _one("school", "responsibilitySchoolReference.schoolId"),
        _one("date", "disciplineDate"),
        _one("length", "disciplineActionLength"),
        _one("actual", "actualDisciplineActionLength"),
        _many("disciplines", "disciplines.discipline", "discipline"),
        _many(
            "incidents",
            f"{_ACTED_ON}s.{_ACTED_ON}Reference.incidentIdentifier",
            f"{_ACTED_ON}Reference.incidentIdentifier",
        ),
        _many(
            "incident_schools",
            f"{_ACTED_ON}s.{_ACTED_ON}Reference.schoolId",
            f"{_ACTED_ON}Reference.schoolId",
        ),
        _many("behavior_refs", f"{_ACTED_ON}Reference.@ref"),
        _many("incident_refs", f"{_ACTED_ON}Reference.disciplineIncidentReference.@ref"),
    ),
)

RESOURCES: tuple[Resource, ...] = (
    SCHOOL,
    SESSION,
    GRADING_PERIOD,
    CALENDAR,
    CALENDAR_DATE,
    COURSE,
    COURSE_OFFERING,
    SECTION,
    SECTION_REFERENCE,
    STUDENT,
    STUDENT_ORGANIZATION,
    ENROLLMENT,
    SECTION_STUDENT,
    STAFF,
    STAFF_ASSIGNMENT,
    STAFF_SECTION,
    SCHOOL_ATTENDANCE,
    SECTION_ATTENDANCE,
    GRADEBOOK_ENTRY,
    STUDENT_GRADEBOOK_ENTRY,
    GRADE,
    INCIDENT,
    BEHAVIOR,
    NON_OFFENDER,
    ACTION,
)
BY_ELEMENT: Mapping[str, Resource] = MappingProxyType({r.element: r for r in RESOURCES})
