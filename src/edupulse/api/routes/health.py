"""Is the service alive, and can it answer?"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from edupulse.api.problems import MEDIA_TYPE
from edupulse.api.wiring import AnsweringHere
from edupulse.pipeline.speaking import Rules, voice_of
from edupulse.school.errors import DatabaseDown, EduPulseError, NotReady
from edupulse.store.asking import ROLE, Asker
from edupulse.store.store import Store

router = APIRouter(tags=["health"])

PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
"""Where the service is asked too much at once to say more."""


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


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Alive:
    """The process is alive; nothing else is asked."""
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses={503: {"model": Ready, "content": {MEDIA_TYPE: PROBLEM}}})
async def readyz(response: Response, answering: AnsweringHere) -> Ready:
    """Whether the service can answer. Without a checkpoint it can: by the rules, named as such."""
    try:
        serving, missing = await run_in_threadpool(_speaks, answering.store)
    except EduPulseError as error:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Ready(ready=False, missing=[error.problem], serving="nothing")
    if not await answering.answers.answer():
        missing.append("The cache does not answer: the same answers come, slower.")
    return Ready(ready=True, missing=missing, serving=serving)


def _require_second_lock(store: Store) -> None:
    """Raises NotReady where the service's role does not answer: nobody is shown anything then."""
    try:
        with store.writing_as(Asker(datetime.now(UTC))):
            return
    except DatabaseDown as error:
        raise NotReady(f"By the login of {ROLE}: {error.problem}", error.to_do) from None


def _speaks(store: Store) -> tuple[str, list[str]]:
    """The hash of what serves, or `rules`, and what is missing."""
    store.require_keys()
    _require_second_lock(store)
    voice = voice_of(store)
    if isinstance(voice, Rules):
        return "rules", [f"No checkpoint serves: the rules do. {voice.because}"]
    return voice.assessor.version, []
