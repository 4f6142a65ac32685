"""The tables of OneRoster that are read, and what their columns are called in each version.

A column's name is compared in lower case without blanks, `_`, `-` and `.`, so `SourcedId`,
`sourced_id` and `Sourced ID` are one. Columns under `metadata.` are the vendors' own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edupulse.school.kind import Kind
from edupulse.school.records import (
    ATTENDANCE,
    COURSE_GRADES,
    DEMOGRAPHICS,
    MARKS,
    SCALES,
    SCHOOLS,
    SECTION_STUDENTS,
    SECTIONS,
    STUDENTS,
    TERMS,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: for which kind its unreadable rows count, and its columns.

    `columns` is our name to what it may be called, `required` those that a file must have; columns
    whose name ends in `id` or `ids` hold ids of OneRoster. `others` are further names of the file.
    """

    name: str
    kind: Kind
    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...] = ("id",)
    others: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The columns that hold an id, or a list of ids."""
        return tuple(name for name in self.columns if name.endswith(("id", "ids")))


_EVERY: dict[str, tuple[str, ...]] = {
    "id": ("sourcedId",),
    "status": ("status",),
    "modified": ("dateLastModified",),
}


def plain(name: str) -> str:
    """A column's name as it is compared."""
    return re.sub(r"[\s_\-.]+", "", name).casefold()


def _table(
    name: str,
    kind: Kind,
    columns: dict[str, tuple[str, ...] | str],
    required: tuple[str, ...] = ("id",),
    others: tuple[str, ...] = (),
) -> Table:
    listed = {key: (said,) if isinstance(said, str) else said for key, said in columns.items()}
    every = {key: names for key, names in _EVERY.items() if key not in listed}
    return Table(
        name,
        kind,
        MappingProxyType(
            {key: tuple(plain(n) for n in names) for key, names in (every | listed).items()}
        ),
        required,
        others,
    )


ORGS = _table(
    "orgs",
    SCHOOLS,
    {"name": "name", "type": "type", "identifier": "identifier"},
    ("id", "name", "type"),
)
SESSIONS = _table(
    "academicSessions",
    TERMS,
    {
        "title": "title",
        "type": "type",
        "begins": "startDate",
        "ends": "endDate",
        "parent_id": "parentSourcedId",
        "year": "schoolYear",
    },
    ("id", "type", "begins", "ends"),
)
COURSES = _table(
    "courses",
    SECTIONS,
    {
        "title": "title",
        "code": "courseCode",
        "year_id": ("schoolYearSourcedId", "schoolYearId"),
        "subjects": "subjects",
        "subject_codes": "subjectCodes",
    },
)
CLASSES = _table(
    "classes",
    SECTIONS,
    {
        "title": "title",
        "grades": ("grades", "grade"),
        "course_id": "courseSourcedId",
        "type": "classType",
        "school_id": "schoolSourcedId",
        "term_ids": ("termSourcedIds", "termSourcedId"),
        "subjects": "subjects",
        "subject_codes": "subjectCodes",
    },
    ("id", "school_id"),
)
USERS = _table(
    "users",
    STUDENTS,
    {
        "org_ids": ("orgSourcedIds", "orgSourcedId"),
        "role": "role",
        "username": "username",
        "given": "givenName",
        "family": "familyName",
        "identifier": "identifier",
        "email": "email",
        "grades": ("grades", "grade"),
    },
)
ROLES = _table(
    "roles",
    STUDENTS,
    {
        "user_id": "userSourcedId",
        "role": "role",
        "type": "roleType",
        "org_id": "orgSourcedId",
    },
    ("id", "user_id", "role", "org_id"),
)
ENROLLED = _table(
    "enrollments",
    SECTION_STUDENTS,
    {
        "class_id": "classSourcedId",
        "school_id": "schoolSourcedId",
        "user_id": "userSourcedId",
        "role": "role",
        "begins": "beginDate",
        "ends": "endDate",
    },
    ("id", "class_id", "user_id", "role"),
)
DEMOGRAPHIC = _table(
    "demographics",
    DEMOGRAPHICS,
    {
        "id": ("sourcedId", "userSourcedId", "SIS ID"),
        "birth_date": "birthDate",
        "sex": "sex",
        "american_indian": "americanIndianOrAlaskaNative",
        "asian": "asian",
        "black": "blackOrAfricanAmerican",
        "pacific": "nativeHawaiianOrOtherPacificIslander",
        "white": "white",
        "several": "demographicRaceTwoOrMoreRaces",
        "hispanic": "hispanicOrLatinoEthnicity",
        "race": "FederalRaceCategory",
        "language": "PrimaryLanguage",
        "low_income": "LowIncome",
    },
    others=("studentdemographics",),
)
CATEGORIES = _table("categories", MARKS, {"title": "title", "weight": "weight"}, ("id", "title"))
LINE_ITEMS = _table(
    "lineItems",
    MARKS,
    {
        "title": "title",
        "due": "dueDate",
        "class_id": "classSourcedId",
        "category_id": "categorySourcedId",
        "term_id": ("gradingPeriodSourcedId", "academicSessionSourcedId"),
        "most": "resultValueMax",
    },
    ("id", "class_id"),
)
RESULTS = _table(
    "results",
    MARKS,
    {
        "item_id": "lineItemSourcedId",
        "student_id": "studentSourcedId",
        "said": "scoreStatus",
        "score": "score",
        "scored": "scoreDate",
        "text": "textScore",
        "scale_id": "scoreScaleSourcedId",
        "late": "late",
        "missing": "missing",
    },
    ("id", "item_id", "student_id"),
)
SCORE_SCALES = _table(
    "scoreScales",
    SCALES,
    {
        "title": "title",
        "type": "type",
        "org_id": "orgSourcedId",
        "class_id": "classSourcedId",
        "values": "scoreScaleValue",
    },
    ("id", "values"),
)
ATTENDED = _table(
    "attendance",
    ATTENDANCE,
    {
        "id": ("sourcedId", "id"),
        "student_id": ("studentSourcedId", "userSourcedId", "student_id"),
        "school_id": ("schoolSourcedId", "orgSourcedId", "school_id"),
        "class_id": ("classSourcedId", "section_id"),
        "date": ("attendanceDate", "date"),
        "said": ("attendanceStatus", "attendanceCode", "attendanceType", "code"),
        "period": "period",
        "fraction": ("fraction", "portion"),
        "reason": ("reason", "comment"),
    },
    ("student_id", "date", "said"),
    others=("attendances", "studentattendance"),
)
SECTION_MARKS = _table(
    "sectionMarks",
    COURSE_GRADES,
    {
        "id": ("sourcedId", "id"),
        "student_id": ("studentSourcedId", "userSourcedId", "student_id"),
        "class_id": ("classSourcedId", "section_id"),
        "term_id": ("gradingPeriodSourcedId", "academicSessionSourcedId", "term_id"),
        "percent": ("percent", "numeric_grade_earned"),
        "code": ("letter", "alpha_grade_earned"),
        "final": "is_final_grade",
        "posted": ("posted_on", "datePosted"),
    },
    ("student_id", "class_id"),
    others=("studentsectionmark",),
)

TABLES = (
    ORGS,
    SESSIONS,
    COURSES,
    CLASSES,
    USERS,
    ROLES,
    ENROLLED,
    DEMOGRAPHIC,
    CATEGORIES,
    LINE_ITEMS,
    RESULTS,
    SCORE_SCALES,
    ATTENDED,
    SECTION_MARKS,
)

OUT_OF_SCOPE = (
    "classresources",
    "courseresources",
    "resources",
    "userresources",
    "userprofiles",
    "lineitemlearningobjectiveids",
    "lineitemscorescales",
    "resultlearningobjectiveids",
    "resultscorescales",
)
"""Tables of the standard that hold nothing that we keep."""
