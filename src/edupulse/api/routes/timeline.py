"""The facts behind a student's features, the newest first, with strengths and facts before all."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, TypeAdapter

from edupulse.api.instants import Instant
from edupulse.api.paging import Cursor, Limit, cursor_after, typed_key
from edupulse.api.security import asks
from edupulse.api.student import AsOf, StudentId
from edupulse.api.wiring import StoreHere
from edupulse.casework import timeline as of_student
from edupulse.casework.disclosures import Asking
from edupulse.risk.risk import Fact

router = APIRouter(tags=["timeline"])

KEY: TypeAdapter[tuple[Instant, NonNegativeInt]] = TypeAdapter(tuple[Instant, NonNegativeInt])
"""The instant of the first page, so that all pages tell of one, and how many events came before."""


class _Event(BaseModel):
    on: date = Field(description="The day.")
    text: str = Field(description="The fact in words.")


class _OfCourse(_Event):
    course: str | None = Field(description="Title of the course.")
    subject: str | None = Field(description="`ela`, `math`, `science`, `social_studies`, `other`.")


class Absence(_Event):
    """A day, or a part of one, that was missed; or a late arrival."""

    kind: Literal["absence"] = Field(description="What this is.")
    status: str = Field(description="`excused`, `unexcused`, `absent` (unknown) or `tardy`.")
    fraction: float = Field(description="Part of the day missed, 0 to 1.")
    reason: str | None = Field(description="As given, for those who see names; it may hold some.")


class Mark(_OfCourse):
    """One score in a gradebook."""

    kind: Literal["mark"] = Field(description="What this is.")
    category: str | None = Field(description="`assessment` or `practice`.")
    points: float | None = Field(description="Points earned.")
    points_possible: float | None = Field(description="Points possible.")
    status: str = Field(description="`scored`, `missing`, `late` or `excused`.")


class CourseGrade(_OfCourse):
    """What a school posted for a course."""

    kind: Literal["course_grade"] = Field(description="What this is.")
    percent: float | None = Field(description="The percent.")
    code: str | None = Field(description="The letter or standards mark.")
    final: bool = Field(description="The term's, not one on the way.")


class Incident(_Event):
    """What the student did; nothing of anybody else. One that was overturned is not here."""

    kind: Literal["incident"] = Field(description="What this is.")
    behavior: str = Field(description="What was done, in the district's word.")
    severity: int | None = Field(description="1 to 5, by behavior; null: not known.")


class Exclusion(_Event):
    """Days of instruction lost to discipline."""

    kind: Literal["exclusion"] = Field(description="What this is.")
    exclusion: str = Field(description="`in_school`, `out_of_school` or `expulsion`.")
    days: float | None = Field(description="Instructional days; null: open.")


class EnrollmentChange(_Event):
    """A student came to a school or left it."""

    kind: Literal["enrollment"] = Field(description="What this is.")
    change: Literal["entered", "left"] = Field(description="Which of both.")
    school: str | None = Field(description="The school's name.")
    grade_level: int = Field(description="−1 pre-K, 0 K, 1 to 12.")
    exit_type: str | None = Field(None, description="How it ended, where it ended.")


Event = Annotated[
    Absence | Mark | CourseGrade | Incident | Exclusion | EnrollmentChange,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Any] = TypeAdapter(Event)


class FactBefore(BaseModel):
    """One of the few facts that are told first, whatever any model makes of it."""

    model_config = ConfigDict(from_attributes=True)

    feature: str = Field(description="The feature of the catalog.")
    modality: str = Field(description="`attendance`, `grades` or `discipline`.")
    value: float = Field(description="Its newest observed value.")
    typical: float | None = Field(description="What is typical of the grade; null: not known.")
    text: str = Field(description="Both in words.")


class Timeline(BaseModel):
    """One page of events; the first begins with the strengths and the facts."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"as_of": "2026-03-16T06:00:00Z", "strengths": [], "facts": [],
         "items": [
             {"kind": "absence", "on": "2026-03-13", "text": "Absent, excused.",
              "status": "excused", "fraction": 1.0, "reason": None}
         ],
         "next": None}
    ]})  # fmt: skip

    as_of: datetime = Field(description="The instant from whose knowledge all of it is told.")
    strengths: list[FactBefore] | None = Field(
        description="Facts better than typical of the grade; null after the first page, and where "
        "no checkpoint serves that knows what is typical."
    )
    facts: list[FactBefore] | None = Field(
        description="The facts that are told first; null after the first page."
    )
    items: list[Event] = Field(description="What happened, the newest first.")
    next: str | None = Field(None, description="Give it as `cursor`; null on the last page.")


@router.get("/students/{student_id}/timeline")
def timeline(
    asking: Annotated[Asking, asks("students:read")],
    store: StoreHere,
    student_id: StudentId,
    as_of: AsOf = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Timeline:
    """Absences, marks, grades, incidents, exclusions and enrollments as known at the instant.

    A later page goes on as of the first one's instant. Each page is a disclosure.
    """
    key = typed_key(cursor, KEY)
    when, begin = key or (as_of, 0)
    end, first = begin + limit, begin == 0
    told = of_student.timeline(store, asking, str(student_id), when, with_facts=first)
    return Timeline(
        as_of=told.as_of,
        strengths=_facts(told.strengths),
        facts=_facts(told.facts),
        items=[_event(event) for event in told.events[begin:end]],
        next=cursor_after(told.as_of.isoformat(), end) if end < len(told.events) else None,
    )


def _facts(facts: tuple[Fact, ...] | None) -> list[FactBefore] | None:
    return None if facts is None else [FactBefore.model_validate(fact) for fact in facts]


def _event(event: of_student.Event) -> Any:
    plain = {"on": event.on, "kind": event.kind, "text": event.text, **event.details}
    return EVENT.validate_python(plain)
