"""Trainings: start one, and follow it to its report; its gates decide whether it serves."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.idempotency import once
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.pipeline.running import start_training, training_of
from edupulse.store.runs import Run, RunState

router = APIRouter(tags=["trainings"])


class WantedTraining(BaseModel):
    """When to train."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"always": True}]})

    always: bool = Field(
        False, description="Also where nothing calls for it: no drift, no new closed outcomes."
    )


class Training(BaseModel):
    """One training, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"id": "0d9a3c1f-7e21-4b0e-9b1a-8c1f6a1e5d0a", "state": "running",
         "asked": "2026-03-16T02:00:00Z", "began": "2026-03-16T02:00:01Z", "finished": None,
         "doing": "Training", "part": 0.4, "report": None, "problem": None}
    ]})  # fmt: skip

    id: UUID = Field(description="The training's id.")
    state: RunState = Field(
        description="An interrupted one goes on where it was, if started again."
    )
    asked: datetime = Field(description="When it was asked for.")
    began: datetime | None = Field(description="When it began.")
    finished: datetime | None = Field(description="When it ended.")
    doing: str = Field(description="What it does now.")
    part: float = Field(description="Which part of that is done, 0 to 1.")
    report: dict[str, Any] | None = Field(
        description="`trained`: was there a reason to? Then the checkpoint, figures and decision."
    )
    problem: str | None = Field(description="Why it did not finish, and what to do.")

    @classmethod
    def of(cls, run: Run) -> Training:
        """As the API shows it."""
        return cls(
            id=run.id,
            state=run.state,
            asked=run.asked,
            began=run.began,
            finished=run.finished,
            doing=run.doing,
            part=run.part,
            report=None if run.report is None else dict(run.report),
            problem=run.problem,
        )


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
    return Training.of(
        start_training(store, made, always=always, by=asking.viewer.name, now=asking.at)
    )


@router.get("/trainings/{training_id}")
def follow_a_training(
    _asking: Annotated[Asking, asks("trainings:read")],
    store: StoreHere,
    training_id: Annotated[UUID, Path(description="What its start gave.")],
) -> Training:
    """How far a training is, or what came of it."""
    return Training.of(training_of(store, training_id))
