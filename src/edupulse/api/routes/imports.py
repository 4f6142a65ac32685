"""Imports: start one of a configured source, and follow it and every other to its report."""

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
from edupulse.pipeline.running import import_of, start_import
from edupulse.store.runs import Run

router = APIRouter(tags=["imports"])


class WantedImport(BaseModel):
    """Which source to read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"source": "sis"}]})

    source: str = Field(
        min_length=1, max_length=200, description="Its name in `sources.toml` of this service."
    )
    whole: bool = Field(False, description="Read everything, not only what changed since.")


class Import(RunTold):
    """One import, and how far it is; what did not finish changed nothing.

    Its report says by file how many rows were read, new, revised, unchanged, retracted, rejected.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"source": "sis"}]})

    source: str = Field(description="What the records come from.")

    @classmethod
    def of(cls, run: Run) -> Import:
        """As the API shows it."""
        told = RunTold.model_validate(run).model_dump()
        return cls(source=run.wanted["source"], **told)


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
