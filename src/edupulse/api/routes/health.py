"""Is the service alive, and can it answer?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edupulse.school.errors import EduPulseError
from edupulse.store.store import Store

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = Field(default="alive", description="That is all.")


class Ready(BaseModel):
    """Can the service answer, and what is missing?"""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"ready": True, "missing": ["No checkpoint serves: the rules do."], "serving": "rules"}
    ]})  # fmt: skip

    ready: bool = Field(description="False: the service answers 503 to what needs the database.")
    missing: list[str] = Field(description="What is not there, in words.")
    serving: str = Field(description="The checkpoint's hash, or `rules`.")


@router.get("/healthz")
async def healthz() -> Alive:
    """The process is alive; nothing else is asked."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready}})
def readyz(request: Request, response: Response) -> Ready:
    """Whether the service can answer. Without a checkpoint it can: by the rules, named as such."""
    store: Store = request.app.state.store
    try:
        champion = store.champion()
        store.require_keys()
    except EduPulseError as error:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Ready(ready=False, missing=[error.problem], serving="nothing")
    if champion is None:
        missing = ["No checkpoint serves: the rules do."]
        return Ready(ready=True, missing=missing, serving="rules")
    return Ready(ready=True, missing=[], serving=champion.hash)
