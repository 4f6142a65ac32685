"""Whom to see this week: the few with the highest need, those with an open plan last."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.security import asks
from edupulse.api.student import STUDENT, Called, SchoolId, called
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.casework.worklist import Listed, own_week
from edupulse.risk.bands import Band

router = APIRouter(tags=["worklist"])

Capacity = Annotated[int, Query(ge=1, le=500, description="How many can be seen this week.")]


class Fired(BaseModel):
    """An indicator of the rules that fired."""

    name: str = Field(description="The indicator.")
    text: str = Field(description="What it says, in words.")


class WorklistEntry(Called):
    """A student to see this week."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        STUDENT | {
            "prediction_id": "5d0c3f7e-96b5-5b8e-8f0e-1f2f6f0a7c11",
            "as_of": "2026-03-16T06:00:00Z", "method": "gru_attention",
            "worklist_band": "high", "risk_score": 0.41, "indicators": [], "open_plan": False,
        }
    ]})  # fmt: skip

    prediction_id: UUID = Field(description="The stored answer on which this rests.")
    as_of: datetime = Field(description="From whose knowledge that answer was made.")
    method: str = Field(description="The checkpoint's variant, or the rules' name.")
    worklist_band: Band | None = Field(
        description="A band that waits for a second week before it changes; null where rules speak."
    )
    risk_score: float | None = Field(description="The newest risk; null where rules speak.")
    indicators: list[Fired] = Field(description="Where rules speak: what fired.")
    open_plan: bool = Field(description="Has somebody acted already?")


class Worklist(BaseModel):
    """The list of one week, and of how many it was made."""

    by: Literal["checkpoint", "rules"] = Field(
        description="Who ranked: a checkpoint, or the rules, since no checkpoint serves."
    )
    model_version: str | None = Field(description="The checkpoint that serves; null: the rules do.")
    students: int = Field(
        description="Students enrolled today (there) whose scores the caller may see."
    )
    ranked: int = Field(
        description="Those of them with a stored score, or of whom an indicator of the rules fired."
    )
    items: list[WorklistEntry] = Field(description="Whom to see first.")


@router.get("/worklist")
def worklist(
    asking: Annotated[Asking, asks("predictions:read")],
    store: StoreHere,
    capacity: Capacity = 10,
    school: SchoolId = None,
) -> Worklist:
    """Whom to see this week, from the newest stored answers. Each one shown is a disclosure.

    High need and nobody has acted yet comes first. How many can be seen changes nobody's band.
    """
    week = own_week(store, asking, capacity, school)
    return Worklist(
        by="rules" if week.serving is None else "checkpoint",
        model_version=week.serving,
        students=week.students,
        ranked=week.ranked,
        items=[_entry(one) for one in week.listed],
    )


def _entry(one: Listed) -> WorklistEntry:
    fired = one.said["body"].get("indicators", ())
    return WorklistEntry(
        **called(one.student_id, one.names),
        prediction_id=one.said["id"],
        as_of=one.said["as_of"],
        method=one.said["method"],
        worklist_band=one.band,
        risk_score=one.risk,
        indicators=[Fired(**indicator) for indicator in fired],
        open_plan=one.open_plan,
    )
