"""Each kind of record, defined once: this gives the CSV check, the table, the frame and the docs.

A record says what happened (`occurred_on`) and carries when the district's system told us
(`known_at`). `KINDS` is in the order in which kinds refer to each other: schools first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from edupulse.school.fields import Day, Field, Flag, Milli, Ref, Text, Whole, Word
from edupulse.school.kind import Always, AtImport, Kind, OnDay, Revision, SchoolDaysAfter

ALWAYS = datetime(1900, 1, 1, tzinfo=UTC)
"""The `known_at` of what counts as known from the beginning (calendars, terms, scales)."""

SIMULATED_MARKER = "SIMULATED.txt"
"""A file of this name in a folder of records says that its students are not real."""

COVERED = ("attendance", "marks", "course_grades", "incidents")
GRADE_LEVEL = Whole(-1, 12)
SUBJECTS = ("ela", "math", "science", "social_studies", "other")
CORE_SUBJECTS = SUBJECTS[:4]

_STUDENT = Field("student_id", Ref("student"), "The district's own number.", required=True)
_SCHOOL = Field("school_id", Ref("school"), "The district's own code of the school.", required=True)
_SECTION = Field("section_id", Ref("section"), "The district's own section id.", required=True)
_STAFF = Field("staff_id", Ref("staff"), "The district's own staff number.", required=True)


def _records(what: str) -> Field:
    return Field(f"records_{what}", Flag(), f"Does the school record {what} at all?", default=False)


SCHOOLS = Kind(
    "schools",
    "A school, and what it records at all.",
    (
        _SCHOOL,
        Field("name", Text(), "Its name.", required=True),
        Field("timezone", Text(64), "IANA time zone; empty: the district's."),
        Field(
            "attendance_recording",
            Word(("exceptions", "all")),
            "Are only absences and tardies written, or every day?",
            default="exceptions",
        ),
        Field("passing_percent", Milli(0, 100), "The passing mark.", default=60_000),
        *(_records(w) for w in ("excuse", "tardies", "partial_days", "gradebook", "incidents")),
    ),
    key=("school_id",),
    known=Always(),
)
COVERAGE = Kind(
    "coverage",
    "From when to when a kind of record of a school was observed.",
    (
        _SCHOOL,
        Field("kind", Word(COVERED), "Which kind of record.", required=True),
        Field("observed_from", Day(), "First observed day.", required=True),
        Field("observed_through", Day(), "Last observed day.", required=True),
    ),
    key=("school_id", "kind", "observed_from"),
    known=Always(),
)
CALENDAR = Kind(
    "calendar",
    "Which days were instructional days of a school.",
    (
        _SCHOOL,
        Field("date", Day(), "The day.", required=True),
        Field("instructional", Flag(), "Was school held?", required=True),
    ),
    key=("school_id", "date"),
    known=Always(),
)
TERMS = Kind(
    "terms",
    "A grading period of a school.",
    (
        _SCHOOL,
        Field("term_id", Text(100), "The school's own id of the term.", required=True),
        Field("begins_on", Day(), "First day.", required=True),
        Field("ends_on", Day(), "Last day.", required=True),
        Field("name", Text(), "Its name."),
        Field("school_year", Whole(1900, 2200), "The year in which the school year ends."),
        Field("grading", Flag(), "Are course grades posted for it?", default=True),
    ),
    key=("school_id", "term_id"),
    known=Always(),
)
SCALES = Kind(
    "scales",
    "What a letter or standards mark is worth.",
    (
        _SCHOOL,
        Field("code", Text(50), "The letter or mark.", required=True),
        Field("percent", Milli(0, 200), "Its percent."),
        Field("gpa_points", Milli(0, 10), "Its grade points, unweighted."),
        Field("passing", Flag(), "Does it pass?"),
    ),
    key=("school_id", "code"),
    known=Always(),
)
STUDENTS = Kind(
    "students",
    "A student. Names serve people's screens alone.",
    (
        _STUDENT,
        Field("first_name", Text(sealed=True), "First name."),
        Field("last_name", Text(sealed=True), "Last name."),
        Field("birth_date", Day(), "Date of birth."),
    ),
    key=("student_id",),
    known=Always(),
)
STUDENT_IDS = Kind(
    "student_ids",
    "A merged or changed student number.",
    (
        Field("old_student_id", Ref("student"), "The number that is no more.", required=True),
        Field("student_id", Ref("student"), "The number that took its place.", required=True),
    ),
    key=("old_student_id",),
    known=Always(),
)
DEMOGRAPHICS = Kind(
    "demographics",
    "For the fairness audit only; never an input of a score.",
    (
        _STUDENT,
        Field("race_ethnicity", Text(100), "As the district names it."),
        Field("sex", Text(50), "As the district names it."),
        Field("english_learner", Flag(), "Is an English learner."),
        Field("disability", Flag(), "Has an identified disability."),
        Field("low_income", Flag(), "Is from a low-income household."),
        Field("home_language", Text(100), "The language spoken at home."),
    ),
    key=("student_id",),
    known=AtImport(),
    apart=True,
)
GUARDIANS = Kind(
    "guardians",
    "Who may be told, and may they see records?",
    (
        _STUDENT,
        Field("guardian_id", Text(100), "The district's own id of the guardian.", required=True),
        Field("name", Text(sealed=True), "Name."),
        Field("email", Text(320, sealed=True, sought=True), "E-mail address."),
        Field("phone", Text(50, sealed=True), "Phone number."),
        Field("language", Text(100), "Preferred language."),
        Field("relationship", Text(100), "Relationship to the student."),
        Field("may_see_records", Flag(), "May see the student's records.", default=False),
    ),
    key=("student_id", "guardian_id"),
    known=AtImport(),
    apart=True,
)
STAFF = Kind(
    "staff",
    "A member of staff.",
    (
        _STAFF,
        Field("name", Text(sealed=True), "Name."),
        Field("email", Text(320, sealed=True, sought=True), "E-mail address."),
        Field(
            "login",
            Text(320, sealed=True, sought=True),
            "The identity provider's subject or e-mail.",
        ),
        Field(
            "role",
            Word(("teacher", "counselor", "school_admin", "district_admin", "analyst")),
            "What the person does.",
        ),
        Field("school_id", Ref("school"), "At which school; empty: the district."),
    ),
    key=("staff_id", "school_id"),
    known=Always(),
)
CASELOADS = Kind(
    "caseloads",
    "Which students a member of staff looks after.",
    (
        _STAFF,
        _STUDENT,
        Field("from", Day(), "First day."),
        Field("to", Day(), "Last day; empty: open."),
    ),
    key=("staff_id", "student_id", "from"),
    known=Always(),
)
ENROLLMENTS = Kind(
    "enrollments",
    "A student at a school, in a grade level.",
    (
        _STUDENT,
        _SCHOOL,
        Field("grade_level", GRADE_LEVEL, "−1 pre-K, 0 K, 1 to 12.", required=True),
        Field("entered_on", Day(), "First day.", required=True),
        Field("left_on", Day(), "Last day; empty: still enrolled."),
        Field(
            "exit_type",
            Word(("promoted", "graduated", "transferred", "dropped_out", "other")),
            "How it ended.",
        ),
        Field("primary", Flag(), "Is it the student's main school?", default=True),
    ),
    key=("student_id", "school_id", "entered_on"),
    known=OnDay("entered_on"),
    occurred_on="entered_on",
    revision=Revision(("left_on", "exit_type"), OnDay("left_on")),
)
SECTIONS = Kind(
    "sections",
    "A class that meets: a course in a term.",
    (
        _SECTION,
        _SCHOOL,
        Field("term_id", Text(100), "Its term; empty: the whole year."),
        Field("title", Text(), "Title of the course."),
        Field("subject", Word(SUBJECTS), "Our word for the subject."),
        Field("sced_code", Text(20), "SCED course code, where the subject is not given."),
        Field("credits", Milli(0, 100), "Credits.", default=1_000),
    ),
    key=("section_id",),
    known=Always(),
)
SECTION_STAFF = Kind(
    "section_staff",
    "Who teaches a section, co-teachers too.",
    (_SECTION, _STAFF),
    key=("section_id", "staff_id"),
    known=Always(),
)
SECTION_STUDENTS = Kind(
    "section_students",
    "A student in a section.",
    (
        _SECTION,
        _STUDENT,
        Field("entered_on", Day(), "First day."),
        Field("left_on", Day(), "Last day; empty: still there."),
    ),
    key=("section_id", "student_id", "entered_on"),
    known=OnDay("entered_on"),
    occurred_on="entered_on",
    revision=Revision(("left_on",), OnDay("left_on")),
)
ATTENDANCE = Kind(
    "attendance",
    "What was noted of a student's day.",
    (
        _STUDENT,
        Field("date", Day(), "The day.", required=True),
        Field(
            "status",
            Word(("present", "excused", "unexcused", "absent", "tardy")),
            "What was noted; `absent`: the reason is unknown.",
            required=True,
        ),
        Field("school_id", Ref("school"), "Empty: the primary enrollment's school."),
        Field(
            "fraction",
            Milli(0, 1),
            "Part of the day missed; empty: 1 for an absence, 0 for present and tardy.",
        ),
        Field("reason", Text(), "The reason given."),
    ),
    key=("student_id", "school_id", "date", "status"),
    known=OnDay("date"),
    occurred_on="date",
    coverage="attendance",
)
MARKS = Kind(
    "marks",
    "One score in a section's gradebook.",
    (
        _STUDENT,
        _SECTION,
        Field("assignment_id", Text(100), "The gradebook's own id.", required=True),
        Field("due_on", Day(), "When it was due.", required=True),
        Field("category", Word(("assessment", "practice")), "What it is."),
        Field("points", Milli(0, 100_000), "Points earned."),
        Field("points_possible", Milli(0, 100_000), "Points possible."),
        Field("status", Word(("scored", "missing", "late", "excused")), "Empty: scored."),
        Field("weight", Milli(0, 1_000), "Weight of this mark.", default=1_000),
        Field("category_weight", Milli(0, 1_000), "Weight of its category."),
    ),
    key=("student_id", "section_id", "assignment_id"),
    known=SchoolDaysAfter("due_on", 5),
    occurred_on="due_on",
    coverage="marks",
)
COURSE_GRADES = Kind(
    "course_grades",
    "The percent or letter that a school posts for a student in a section.",
    (
        _STUDENT,
        _SECTION,
        Field("posted_on", Day(), "When it was posted.", required=True),
        Field("percent", Milli(0, 200), "The percent."),
        Field("code", Text(50), "The letter or standards mark (see scales)."),
        Field("term_id", Text(100), "Its term; required where the section has none."),
        Field("kind", Word(("progress", "final")), "What it is.", default="final"),
    ),
    key=("student_id", "section_id", "term_id", "kind"),
    known=OnDay("posted_on"),
    occurred_on="posted_on",
    coverage="course_grades",
)
INCIDENTS = Kind(
    "incidents",
    "One discipline event and the student's part in it.",
    (
        Field("incident_id", Text(100), "The district's own id.", required=True),
        _STUDENT,
        Field("date", Day(), "The day.", required=True),
        Field("behavior", Text(100), "What was done.", required=True),
        Field("severity", Whole(1, 5), "1 to 5, by behavior; empty: from the behavior table."),
        Field(
            "role",
            Word(("perpetrator", "victim", "witness")),
            "The student's part.",
            default="perpetrator",
        ),
        Field("school_id", Ref("school"), "Empty: the primary enrollment's school."),
        Field("overturned", Flag(), "Was it taken back?", default=False),
    ),
    key=("incident_id", "student_id"),
    known=OnDay("date"),
    occurred_on="date",
    revision=Revision(("overturned",), AtImport()),
    coverage="incidents",
)
EXCLUSIONS = Kind(
    "exclusions",
    "Days of instruction lost to discipline.",
    (
        Field("incident_id", Text(100), "The incident that led to it.", required=True),
        _STUDENT,
        Field(
            "kind",
            Word(("in_school", "out_of_school", "expulsion")),
            "Where the days were spent.",
            required=True,
        ),
        Field("begins_on", Day(), "First day.", required=True),
        Field("days", Milli(0, 400), "Instructional days; empty: open."),
    ),
    key=("incident_id", "student_id", "begins_on"),
    known=OnDay("begins_on"),
    occurred_on="begins_on",
    coverage="incidents",
)

KINDS: tuple[Kind, ...] = (
    SCHOOLS,
    COVERAGE,
    CALENDAR,
    TERMS,
    SCALES,
    STUDENTS,
    STUDENT_IDS,
    DEMOGRAPHICS,
    GUARDIANS,
    STAFF,
    CASELOADS,
    ENROLLMENTS,
    SECTIONS,
    SECTION_STAFF,
    SECTION_STUDENTS,
    ATTENDANCE,
    MARKS,
    COURSE_GRADES,
    INCIDENTS,
    EXCLUSIONS,
)
KIND_BY_NAME: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in KINDS})

REFERENCE_KINDS = (SCHOOLS, COVERAGE, CALENDAR, TERMS, SCALES, SECTIONS)
"""What features and outcomes read of schools."""

STUDENT_KINDS = (ENROLLMENTS, ATTENDANCE, MARKS, COURSE_GRADES, INCIDENTS, EXCLUSIONS)
"""What features and outcomes read of students; nothing else of a student is ever an input."""
