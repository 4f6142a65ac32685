"""What the routes about students share: how one is named in a path, as of when, and in answers."""

from __future__ import annotations

from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, Field, TypeAdapter

from edupulse.api.instants import Instant
from edupulse.api.paging import Page, cursor_after, typed_key
from edupulse.casework.caseload import Names

StudentId = Annotated[UUID, Path(description="The student's `student_id`.")]

AsOf = Annotated[
    Instant | None,
    Query(description="What was known at this instant, with its time zone; none: now."),
]

SchoolId = Annotated[
    str | None, Query(max_length=200, description="The district's id of one school; none: all.")
]

STUDENT: dict[str, Any] = {
    "student_id": "8c1f6a1e-5b0e-5d0a-9b1a-0d9a3c1f7e21",
    "local_id": "100234",
    "first_name": "Ada",
    "last_name": "Example",
}
"""A student who is in examples alone."""


class Called(BaseModel):
    """A student, and what he or she is called where the caller sees names."""

    student_id: UUID = Field(description="Ours; the same for ever.")
    local_id: str | None = Field(description="The district's own number; null: not to be seen.")
    first_name: str | None = Field(description="Null: not on record, or not to be seen.")
    last_name: str | None = Field(description="Null: not on record, or not to be seen.")


class _WithId(Protocol):
    @property
    def student_id(self) -> UUID: ...


Listed = TypeVar("Listed", bound=_WithId)
_KEY: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


def after(cursor: str | None) -> UUID | None:
    """The student after whom a list goes on. Raises BadInput for no cursor of ours."""
    key = typed_key(cursor, _KEY)
    return None if key is None else key[0]


def page_of(students: list[Listed], more: bool) -> Page[Listed]:
    """A page of a list that goes by `student_id`."""
    end = cursor_after(str(students[-1].student_id)) if more else None
    return Page(items=students, next=end)


def called(student_id: UUID, names: Names) -> dict[str, Any]:
    """The fields of `Called`."""
    return {
        "student_id": student_id,
        "local_id": names.local_id,
        "first_name": names.first_name,
        "last_name": names.last_name,
    }
