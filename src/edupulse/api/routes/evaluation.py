"""How well what serves has done: when it was trained, and on what has come true since."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.figures import JudgementTold, judgement_told
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.casework.track_record import Judgement, track_record

router = APIRouter(tags=["evaluation"])


class Evaluation(BaseModel):
    """The track record of what serves."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"serving": None, "at_training": None, "live": None, "live_as_of": None,
         "live_outcomes": None, "unknown": ["No checkpoint serves: the rules do."]}
    ]})  # fmt: skip

    serving: str | None = Field(description="The checkpoint that serves; null: the rules do.")
    at_training: JudgementTold | None = Field(
        description="On the test period that it was promoted by."
    )
    live: JudgementTold | None = Field(
        description="On outcomes that closed since it learned, beside the rules; made nightly."
    )
    live_as_of: datetime | None = Field(description="What was known when the live one was made.")
    live_outcomes: int | None = Field(description="On how many outcomes the live one rests.")
    unknown: list[str] = Field(description="What is not known yet, and why. Nothing is invented.")


@router.get("/evaluation")
def evaluation(_asking: Annotated[Asking, asks("models:read")], store: StoreHere) -> Evaluation:
    """Live calibration, precision at capacity, lead time and coverage, by school and by group.

    The newest that `edupulse monitor` or `retrain` made; nothing is computed for a request.
    """
    found = track_record(store)
    return Evaluation(
        serving=found.serving.hash if found.serving else None,
        at_training=_told(found.at_training),
        live=_told(found.live),
        live_as_of=found.seen,
        live_outcomes=found.closed,
        unknown=list(found.unknown),
    )


def _told(found: Judgement | None) -> JudgementTold | None:
    return None if found is None else judgement_told(found)
