"""Imports: start one of a configured source, and follow it and every other to its report."""

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
from edupulse.pipeline.running import import_of, start_import
from edupulse.store.runs import Run, RunState

router = APIRouter(tags=["imports"])


class WantedImport(BaseModel):
    """Which source to read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"source": "sis"}]})

    source: str = Field(
        min_length=1, max_length=200, description="Its name in `sources.toml` of this service."
    )
    whole: bool = Field(False, description="Read everything, not only what changed since.")


class Import(BaseModel):
    """One import, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"id": "0d9a3c1f-7e21-4b0e-9b1a-8c1f6a1e5d0a", "state": "running", "source": "sis",
         "asked": "2026-03-16T02:00:00Z", "began": "2026-03-16T02:00:01Z", "finished": None,
         "doing": "Reading marks", "part": 0.4, "report": None, "problem": None}
    ]})  # fmt: skip

    id: UUID = Field(description="The import's id.")
    state: RunState = Field(
        description="`refused`: too many rows were bad. Whatever did not finish changed nothing."
    )
    source: str = Field(description="What the records come from.")
    asked: datetime = Field(description="When it was asked for.")
    began: datetime | None = Field(description="When it began.")
    finished: datetime | None = Field(description="When it ended.")
    doing: str = Field(description="What it reads now.")
    part: float = Field(description="Which part of that is done, 0 to 1.")
    report: dict[str, Any] | None = Field(
        description="By file: rows read, new, revised, unchanged, retracted, rejected and why."
    )
    problem: str | None = Field(description="Why it did not finish, and what to do.")

    @classmethod
    def of(cls, run: Run) -> Import:
        """As the API shows it."""
        return cls(
            id=run.id,
            state=run.state,
            source=run.wanted["source"],
            asked=run.asked,
            began=run.began,
            finished=run.finished,
            doing=run.doing,
            part=run.part,
            report=None if run.report is None else dict(run.report),
            problem=run.problem,
        )


@router.post("/imports", status_code=HTTPStatus.ACCEPTED)
@once
def start_an_import(
    made: UUID,
    asking: Annotated[Asking, asks("records:write")],
    store: StoreHere,
    wanted: WantedImport,
) -> Import:
    """Read a configured source in the background, after the imports that were asked for before."""
    name, whole = wanted.source, wanted.whole
    return Import.of(
        start_import(store, made, name, whole=whole, by=asking.viewer.name, now=asking.at)
    )


@router.get("/imports/{import_id}")
def follow_an_import(
    _asking: Annotated[Asking, asks("records:write")],
    store: StoreHere,
    import_id: Annotated[UUID, Path(description="What its start, or a push, gave.")],
) -> Import:
    """How far an import is, or what it did: pushes and nightly syncs as well."""
    return Import.of(import_of(store, import_id))
