"""Whom the caller may see, and what of each: the rights themselves."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.paging import Cursor, Limit, Page
from edupulse.api.security import asks
from edupulse.api.student import STUDENT, after, page_of
from edupulse.api.wiring import StoreHere
from edupulse.casework import caseload as of_viewer
from edupulse.casework.access import Part
from edupulse.casework.disclosures import Asking

router = APIRouter(tags=["caseload"])


class Permitted(BaseModel):
    """A student whom the caller may see."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"student_id": STUDENT["student_id"], "sees": ["facts", "names", "scores"]}
    ]})  # fmt: skip

    student_id: UUID = Field(description="The student.")
    sees: list[Part] = Field(description="What of this student the caller may see.")


@router.get("/caseload")
def caseload(
    asking: Annotated[Asking, asks("students:read")],
    store: StoreHere,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Permitted]:
    """All whom the caller may see, enrolled or not, and what of each.

    Nothing of a record is shown but that it is there; that, too, is a disclosure of each.
    """
    found, more = of_viewer.caseload(store, asking, after(cursor), limit)
    items = [Permitted(student_id=one.student_id, sees=sorted(one.parts)) for one in found]
    return page_of(items, more)
