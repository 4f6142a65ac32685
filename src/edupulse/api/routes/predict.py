"""Predictions as of now or of a past instant: of one student, or of a list, ranked."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.answering import Answering
from edupulse.api.asked import Ask
from edupulse.api.batches import (
    MOST_IDS,
    MOST_WITH_FACTORS,
    Place,
    Wanted,
    ranked,
    told_again,
)
from edupulse.api.direct import JSON, Direct
from edupulse.api.idempotency import once_about, once_again
from edupulse.api.instants import Instant
from edupulse.api.paging import Cursor, Limit, Page
from edupulse.api.said import Said
from edupulse.api.security import asks
from edupulse.api.wiring import AnsweringHere
from edupulse.casework.disclosures import Asking, open_record
from edupulse.casework.predictions import OF_PREDICTION

SCOPE = "predictions:write"

AsOf = Annotated[
    Instant | None,
    Field(description="From whose knowledge to predict; none: the instant of the asking."),
]


class OneAsked(BaseModel):
    """A question about one student."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"student_id": "0b9c4d7e-52a1-5b0e-8f53-6a2d1c9e7b44", "include_factors": True}
    ]})  # fmt: skip

    student_id: UUID = Field(description="About whom.")
    include_factors: bool = Field(
        default=False, description="Also say what moved the score: slower."
    )
    as_of: AsOf = None


class ManyAsked(BaseModel):
    """A question about many students."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"student_ids": ["0b9c4d7e-52a1-5b0e-8f53-6a2d1c9e7b44"], "include_factors": True,
         "top_k": 10}
    ]})  # fmt: skip

    student_ids: list[UUID] = Field(
        min_length=1, max_length=MOST_IDS, description="About whom; an id named twice counts once."
    )
    include_factors: bool = Field(
        default=False, description="Say what moved the scores of the first."
    )
    top_k: int = Field(
        default=10, ge=0, le=MOST_WITH_FACTORS, description="How many of the first get factors."
    )
    as_of: AsOf = None


async def _answered(request: Request, asking: Asking, asked: OneAsked) -> Response:
    return await predict_one(request.app.state.answering, asking, asked)


router = APIRouter(tags=["predict"])


def direct(prefix: str) -> Direct[OneAsked]:
    """The quick way to `/predict` below a prefix."""
    return Direct(prefix, "/predict", OneAsked, SCOPE, _answered)


@router.post("/predict", response_model=Said)
@once_about(
    lambda store, asking, given: open_record(
        store, asking, str(given["asked"].student_id), OF_PREDICTION
    )
)
async def predict(
    asking: Annotated[Asking, asks(SCOPE)],
    answering: AnsweringHere,
    asked: OneAsked,
) -> Response:
    """Predict one student. The prediction is stored, and the look at it stands in the log."""
    return await predict_one(answering, asking, asked)


async def predict_one(answering: Answering, asking: Asking, asked: OneAsked) -> Response:
    """What both ways to the route end in."""
    ask = Ask(asking, asked.student_id, asked.as_of, asked.include_factors)
    answer = await answering.ask(ask)
    return Response(answer.told, media_type=JSON)


@router.post("/predict/batch", response_model_exclude_none=True)
@once_again(lambda store, asking, _, told: told_again(store, asking, told))
async def predict_batch(
    asking: Annotated[Asking, asks(SCOPE)],
    answering: AnsweringHere,
    asked: ManyAsked,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Place]:
    """Predict a list of students, ranked over the whole list: a result or a problem for each id.

    The next page takes the same body and `next` as `cursor`; it shows what the first one stored.
    """
    wanted = Wanted(
        tuple(dict.fromkeys(asked.student_ids)),
        asked.as_of,
        asked.top_k if asked.include_factors else 0,
    )
    return await ranked(answering, asking, wanted, limit, cursor)
