"""Who is enrolled, as far as the caller may see: the roster, and one student's page."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.paging import Cursor, Limit, Page
from edupulse.api.security import asks
from edupulse.api.student import (
    STUDENT,
    AsOf,
    Called,
    SchoolId,
    StudentId,
    after,
    called,
    page_of,
)
from edupulse.api.wiring import StoreHere
from edupulse.casework.access import Part
from edupulse.casework.caseload import Seat, roster
from edupulse.casework.disclosures import Asking
from edupulse.casework.record import student_page

router = APIRouter(tags=["students"])

GradeLevel = Annotated[
    int | None, Query(ge=-1, le=12, description="−1 pre-K, 0 K, 1 to 12; none: all.")
]


class Student(Called):
    """A student who is enrolled today."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        STUDENT | {"school_id": "H01", "grade_level": 9, "entered_on": "2026-08-24"}
    ]})  # fmt: skip

    school_id: str = Field(description="The district's id of the school; the primary one's.")
    grade_level: int = Field(description="−1 pre-K, 0 K, 1 to 12.")
    entered_on: date = Field(description="Since when.")


class Enrollment(BaseModel):
    """A student at a school, in a grade level."""

    model_config = ConfigDict(from_attributes=True)

    school_id: str = Field(description="The district's id of the school.")
    school: str = Field(description="Its name.")
    grade_level: int = Field(description="−1 pre-K, 0 K, 1 to 12.")
    entered_on: date = Field(description="First day.")
    left_on: date | None = Field(description="Last day; null while open.")
    exit_type: str | None = Field(
        description="`promoted`, `graduated`, `transferred`, `dropped_out` or `other`."
    )
    primary: bool = Field(description="Is it the student's main school?")


class StudentRecord(Called):
    """One student: who it is, where enrolled, and how much is known; no figure, no score."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        STUDENT | {
            "sees": ["facts", "names", "scores"],
            "enrollments": [
                {"school_id": "H01", "school": "Example High", "grade_level": 9,
                 "entered_on": "2026-08-24", "left_on": None, "exit_type": None, "primary": True}
            ],
            "state": "scored", "enrolled_days": 61, "days_left": 119,
            "coverage": {"attendance": 1.0, "grades": 0.9, "discipline": 1.0},
            "observed_through": {"attendance": "2026-11-25", "marks": "2026-11-20"},
        }
    ]})  # fmt: skip

    sees: list[Part] = Field(description="What of this student the caller may see here.")
    enrollments: list[Enrollment] = Field(description="As known at the instant, the newest first.")
    state: str = Field(
        description="`scored`: enough is known for a score; `insufficient_data`, `out_of_season` "
        "(too late in the year) and `not_enrolled`: there is none."
    )
    enrolled_days: int = Field(description="Instructional days enrolled this school year.")
    days_left: int = Field(description="Instructional days that the school year still holds.")
    coverage: dict[str, float] = Field(
        description="By modality, the part of the last 20 weeks in which anything was observed."
    )
    observed_through: dict[str, date] = Field(
        description="By kind of record, the last day that the school's records cover."
    )


@router.get("/students")
def students(
    asking: Annotated[Asking, asks("students:read")],
    store: StoreHere,
    school: SchoolId = None,
    grade_level: GradeLevel = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Student]:
    """The students enrolled today whom the caller may see. Each one shown is a disclosure.

    In the order of `student_id`, which tells nothing of a student.
    """
    seats, more = roster(
        store, asking, after(cursor), limit, school=school, grade_level=grade_level
    )
    return page_of([_student(seat) for seat in seats], more)


def _student(seat: Seat) -> Student:
    return Student(
        **called(seat.student_id, seat.names),
        school_id=seat.school_id,
        grade_level=seat.grade_level,
        entered_on=seat.entered_on,
    )


@router.get("/students/{student_id}")
def student(
    asking: Annotated[Asking, asks("students:read")],
    store: StoreHere,
    student_id: StudentId,
    as_of: AsOf = None,
) -> StudentRecord:
    """One student: identity as far as the caller may see it, enrollment, and how much is known."""
    page = student_page(store, asking, str(student_id), as_of)
    return StudentRecord(
        **called(page.student_id, page.names),
        sees=sorted(page.parts),
        enrollments=[Enrollment.model_validate(one) for one in page.enrollments],
        state=page.state,
        enrolled_days=page.enrolled_days,
        days_left=page.days_left,
        coverage=dict(page.coverage),
        observed_through=dict(page.observed_through),
    )
