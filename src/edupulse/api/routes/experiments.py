"""Experiments: which question a challenger is to answer beside the champion, fixed beforehand.

They are registered and listed, no more: nothing is assigned or scored yet, so no result is told.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from edupulse.api.idempotency import once
from edupulse.api.instants import Instant
from edupulse.api.paging import Cursor, Limit, Page, cursor_after, typed_key
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.pipeline import experiments
from edupulse.store.experiments import Experiment, Measure, State, Wanted, listed

router = APIRouter(tags=["experiments"])

ExperimentId = Annotated[UUID, Path(description="The experiment's id.")]
KEY: TypeAdapter[tuple[Instant, UUID]] = TypeAdapter(tuple[Instant, UUID])

WANTED: dict[str, Any] = {
    "name": "Pieces in spring",
    "challenger": "sha256:5f1c0a9e3b7d42688e1f6c2d9a0b4e7f5c3d1a2b6e8f9071c4d5e6f7a8b90c1d",
    "question": "Does the network in pieces find more of those who go off track in spring?",
    "measure": "precision_10", "begins_on": "2026-03-17", "ends_on": "2026-05-29",
}  # fmt: skip
REGISTERED: dict[str, Any] = WANTED | {
    "id": "6f1e2d3c-4b5a-4968-8776-655443322110", "state": "running",
    "champion": "sha256:0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c",
    "by": "token:7c9e6679-7425-40de-944b-e07fc1f90ae7", "registered": "2026-03-16T06:00:00Z",
    "ended": None, "ended_by": None, "reason": "",
}  # fmt: skip


class _Fixed(BaseModel):
    name: str = Field(min_length=1, max_length=200, description="How it is called.")
    challenger: str = Field(
        min_length=1,
        max_length=100,
        description="The checkpoint to be held against the champion, by its hash; to register, the "
        "beginning of one alone is enough. It must have passed its gate, and not serve.",
    )
    question: str = Field(
        min_length=1, max_length=2000, description="What is to be found out; no names."
    )
    measure: Measure = Field(
        description="By what it is to be answered: a metric of the evaluations, by its name there."
    )
    begins_on: date = Field(description="Its first day (UTC); not past when it is registered.")
    ends_on: date = Field(description="Its last day.")


class WantedExperiment(_Fixed):
    """What is fixed before it begins."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, json_schema_extra={"examples": [WANTED]}
    )


class RegisteredExperiment(_Fixed):
    """An experiment of the register. Nothing is assigned or scored yet, so it holds no result."""

    model_config = ConfigDict(json_schema_extra={"examples": [REGISTERED]})

    id: UUID = Field(description="The experiment's id.")
    state: State = Field(
        description="`planned`, `running` or `over`: by its days and its end alone, whatever is or "
        "was done."
    )
    champion: str = Field(description="What served when it was registered, by its hash.")
    by: str = Field(description="Who registered it: an id.")
    registered: datetime = Field(description="When it was registered.")
    ended: datetime | None = Field(description="When it was ended before its last day; else null.")
    ended_by: str | None = Field(description="Who ended it: an id.")
    reason: str = Field(description="Why it was ended; empty where it was not.")

    @classmethod
    def of(cls, one: Experiment, at: datetime) -> RegisteredExperiment:
        """As the API shows it at an instant."""
        return cls(**asdict(one.wanted), **asdict(one), state=one.state_on(at.date()))


class EndedBecause(BaseModel):
    """Why an experiment is ended before its last day."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"reason": "The challenger serves now."}]},
    )

    reason: str = Field(min_length=1, max_length=1000, description="Kept with it; no names.")


@router.post("/experiments", status_code=HTTPStatus.CREATED)
@once
def register_experiment(
    made: UUID,
    asking: Annotated[Asking, asks("models:write")],
    store: StoreHere,
    wanted: WantedExperiment,
) -> RegisteredExperiment:
    """Write down what is to be found out about a challenger, before it begins; it stays so.

    The champion is the checkpoint that serves now. Nothing is assigned or scored yet.
    """
    fixed, by = Wanted(**wanted.model_dump()), asking.viewer.name
    one = experiments.register(store, made, fixed, now=asking.at, by=by)
    return RegisteredExperiment.of(one, asking.at)


@router.get("/experiments")
def list_experiments(
    asking: Annotated[Asking, asks("models:read")],
    store: StoreHere,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[RegisteredExperiment]:
    """Every experiment that was registered, the newest first. None has a result yet."""
    with store.writing() as connection:
        found = listed(connection, after=typed_key(cursor, KEY), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    end = cursor_after(page[-1].registered.isoformat(), str(page[-1].id)) if more else None
    return Page(items=[RegisteredExperiment.of(one, asking.at) for one in page], next=end)


@router.get("/experiments/{experiment_id}")
def show_experiment(
    asking: Annotated[Asking, asks("models:read")],
    store: StoreHere,
    experiment_id: ExperimentId,
) -> RegisteredExperiment:
    """One experiment as it was registered, and whether it was ended."""
    return RegisteredExperiment.of(experiments.found(store, experiment_id), asking.at)


@router.post("/experiments/{experiment_id}/end")
@once
def end_experiment(
    asking: Annotated[Asking, asks("models:write")],
    store: StoreHere,
    experiment_id: ExperimentId,
    why: EndedBecause,
) -> RegisteredExperiment:
    """End an experiment before its last day. What is over stays so."""
    by = asking.viewer.name
    one = experiments.end(store, experiment_id, why.reason, now=asking.at, by=by)
    return RegisteredExperiment.of(one, asking.at)
