"""Trainings: start one, and follow it to its report; its gates decide whether it serves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.following import EXAMPLE, RunTold
from edupulse.api.idempotency import once
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.pipeline.running import start_training, training_of

router = APIRouter(tags=["trainings"])


class WantedTraining(BaseModel):
    """When to train."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"always": True}]})

    always: bool = Field(
        False, description="Also where nothing calls for it: no drift, no new closed outcomes."
    )


class Training(RunTold):
    """One training, and how far it is; an interrupted one, started again, goes on where it was.

    Its report says whether there was a reason to train (`trained`), and then which checkpoint came
    of it, with its figures and the decision.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"doing": "training"}]})


@router.post("/trainings", status_code=HTTPStatus.ACCEPTED)
@once
def start_a_training(
    made: UUID,
    asking: Annotated[Asking, asks("trainings:write")],
    store: StoreHere,
    wanted: WantedTraining,
) -> Training:
    """Train in the background on all outcomes that have closed, one training at a time."""
    always = wanted.always
    return Training.model_validate(
        start_training(store, made, always=always, by=asking.viewer.name, now=asking.at)
    )


@router.get("/trainings/{training_id}")
def follow_a_training(
    _asking: Annotated[Asking, asks("trainings:read")],
    store: StoreHere,
    training_id: Annotated[UUID, Path(description="What its start gave.")],
) -> Training:
    """How far a training is, or what came of it."""
    return Training.model_validate(training_of(store, training_id))
