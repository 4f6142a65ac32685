"""Who saw a student's record: what a parent may ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from edupulse.api.paging import Cursor, Limit, Page, cursor_after, typed_key
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking, seen_by

router = APIRouter(tags=["disclosures"])

KEY = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**63)]])


class Disclosure(BaseModel):
    """One look at a record, or an attempt that was refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"number": 4711, "at": "2026-03-16T14:05:00Z", "what": "disclosed",
         "who": "token:9b2f6d1c-0c55-4c0e-8a55-2f1f4f5f7c11", "purpose": "GET /worklist"}
    ]})  # fmt: skip

    number: int = Field(description="The entry of the audit log.")
    at: datetime = Field(description="When.")
    what: str = Field(description="`disclosed`, `denied`, `predicted` and others of the log.")
    who: str = Field(description="By whom: an id, never a name.")
    purpose: str = Field(description="Why, as the one who looked said.")


@router.get("/disclosures")
def disclosures(
    asking: Annotated[Asking, asks("audit:read")],
    store: StoreHere,
    student_id: Annotated[UUID, Query(description="Whose record.")],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Disclosure]:
    """Who saw this student's record, the newest first. To ask is itself a disclosure."""
    before = typed_key(cursor, KEY)
    found, more = seen_by(
        store, asking, str(student_id), before=before[0] if before else None, most=limit
    )
    items = [
        Disclosure(number=e.number, at=e.at, what=e.what, who=e.who, purpose=e.purpose)
        for e in found
    ]
    return Page(items=items, next=cursor_after(items[-1].number) if more else None)
