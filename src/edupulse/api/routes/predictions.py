"""Stored predictions: what was said, whether it comes out again, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from edupulse.api.idempotency import once_about
from edupulse.api.instants import Instant
from edupulse.api.paging import Cursor, Limit, Page, cursor_after, typed_key
from edupulse.api.said import Said, said_of
from edupulse.api.security import asks
from edupulse.api.student import StudentId
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.casework.predictions import answer_back, open_prediction, predictions_of
from edupulse.pipeline.accounts import Caller
from edupulse.pipeline.replaying import replay
from edupulse.store.store import Store

router = APIRouter(tags=["predictions"])

CURSOR = TypeAdapter(tuple[Instant, UUID])

PredictionId = Annotated[UUID, Path(description="The `prediction_id`.")]

MayRead = Annotated[Asking, asks("predictions:read")]


class Replayed(BaseModel):
    """A stored prediction computed once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"prediction_id": "5d0f9a52-1c1f-5a56-9d2e-0a4b8f6f7d10", "same": True,
         "why": "The same comes out again.", "then": 0.41, "now": 0.41}
    ]})  # fmt: skip

    prediction_id: UUID = Field(description="Which.")
    same: bool = Field(description="Does the same come out, within 1e-6?")
    why: str = Field(description="In words; where it differs, the reason.")
    then: float | None = Field(
        default=None, description="The risk as it was said; absent: no score."
    )
    now: float | None = Field(default=None, description="The risk as it comes out now.")


class Feedback(BaseModel):
    """What became of the student, or why one disagrees."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"outcome": "on_track", "reason": "Caught up in math by the end of the term."},
        {"reason": "The absences were a hospital stay, excused since."},
    ]})  # fmt: skip

    outcome: Literal["off_track", "on_track"] | None = Field(
        default=None,
        description="What was seen; left out: one only disagrees, or corrects in words.",
    )
    reason: str = Field(min_length=1, max_length=2000, description="In a sentence or two.")


class Heard(BaseModel):
    """That it was written down; what was said before stays, and the newest counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"prediction_id": "5d0f9a52-1c1f-5a56-9d2e-0a4b8f6f7d10", "given": "2026-03-17T08:30:00Z"}
    ]})  # fmt: skip

    prediction_id: UUID = Field(description="Of which prediction.")
    given: datetime = Field(description="When.")


@router.get("/predictions/{prediction_id}", response_model_exclude_none=True)
def prediction(asking: MayRead, store: StoreHere, prediction_id: PredictionId) -> Said:
    """What was said, as of when and by which checkpoint."""
    risk, student_id = open_prediction(store, asking, prediction_id)
    return said_of(risk, prediction_id, student_id)


@router.get("/students/{student_id}/predictions", response_model_exclude_none=True)
def history(
    asking: MayRead,
    store: StoreHere,
    student_id: StudentId,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Said]:
    """What was said of one student, the newest as-of first."""
    before = typed_key(cursor, CURSOR)
    whose, found = predictions_of(store, asking, str(student_id), before, limit + 1)
    items = [said_of(risk, UUID(id_), whose) for id_, risk in found[:limit]]
    last = items[-1] if len(found) > limit else None
    after = cursor_after(last.as_of.isoformat(), str(last.prediction_id)) if last else None
    return Page(items=items, next=after)


def _seen(store: Store, asking: Asking, given: Mapping[str, Any]) -> object:
    return open_prediction(store, asking, given["prediction_id"])


@router.post("/predictions/{prediction_id}/replay", response_model_exclude_none=True)
@once_about(_seen)
def replay_prediction(
    asking: Annotated[Asking, asks("predictions:write")],
    store: StoreHere,
    prediction_id: PredictionId,
) -> Replayed:
    """Compute it again from the records as then known: the same or not, and why."""
    open_prediction(store, asking, prediction_id)
    caller = Caller(asking.viewer.name, asking.purpose)
    found = replay(store, str(prediction_id), caller)
    return Replayed(
        prediction_id=prediction_id,
        same=found.same,
        why=found.why,
        then=found.then.risk,
        now=None if found.now is None else found.now.risk,
    )


@router.post("/predictions/{prediction_id}/feedback", status_code=HTTPStatus.CREATED)
@once_about(_seen)
def give_feedback(
    asking: Annotated[Asking, asks("feedback:write")],
    store: StoreHere,
    prediction_id: PredictionId,
    said: Feedback,
) -> Heard:
    """Tell what became of the student, or why one disagrees; the next training learns from it."""
    off_track = None if said.outcome is None else said.outcome == "off_track"
    answer_back(store, asking, prediction_id, off_track=off_track, reason=said.reason)
    return Heard(prediction_id=prediction_id, given=asking.at)
