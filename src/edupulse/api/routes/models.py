"""Which checkpoints there are, which one serves, and who decided so; promotion and rollback."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.figures import JudgementTold, judgement_told
from edupulse.api.idempotency import once
from edupulse.api.paging import Page
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.casework.track_record import Model as Found
from edupulse.casework.track_record import model as found_by
from edupulse.pipeline.promoting import promote_by_hand
from edupulse.store.checkpoints import Decided, Registered, checkpoints, rollback

router = APIRouter(tags=["models"])

HASH = "sha256:5f1c0a9e3b7d42688e1f6c2d9a0b4e7f5c3d1a2b6e8f9071c4d5e6f7a8b90c1d"

Hash = Annotated[
    str,
    Path(max_length=100, description="The checkpoint's hash, or the beginning of one alone."),
]


class Model(BaseModel):
    """A checkpoint of the registry."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"hash": HASH, "status": "champion", "created": "2026-08-01T04:00:00Z", "gate_passed": True}
    ]})  # fmt: skip

    hash: str = Field(description="The hash of its content, by which it is addressed.")
    status: str = Field(description="`champion` serves; `challenger` does not, `retired` did.")
    created: datetime = Field(description="When it was made.")
    gate_passed: bool = Field(description="Did it pass its gate? What did not never serves.")


class CheckTold(BaseModel):
    """One question of a gate, its answer, and the figures behind it."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="The question.")
    passed: bool = Field(description="The answer.")
    reason: str = Field(description="The figures, in a sentence.")


class DecisionTold(BaseModel):
    """A decision about what serves."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime = Field(description="When.")
    action: str = Field(description="`promoted`, `refused`, `rolled_back` or `retired`.")
    before: str | None = Field(description="What served until then; null: the rules.")
    by: str = Field(description="Who or what decided: an id or a word, never a person's name.")
    because: str = Field(description="Why.")


class ModelRecord(Model):
    """A checkpoint with its card, its gate, its figures and all that was decided of it."""

    method: str = Field(description="The variant of the network.")
    trained_on: str = Field(description="`real` or `simulated` students.")
    outcome: dict[str, Any] = Field(description="The definition of what it predicts.")
    policy: dict[str, Any] = Field(description="Where the bands begin, with its version.")
    data: dict[str, Any] = Field(description="Spans, as-of days and fingerprints of its records.")
    checks: list[CheckTold] = Field(description="Its gate, question by question.")
    instead: str = Field(description="The rules that serve where it does not.")
    figures: JudgementTold = Field(description="Beside rules and baselines, on its test period.")
    decisions: list[DecisionTold] = Field(description="All that was decided of it, newest first.")
    card: str = Field(description="The model card, Markdown.")


class Because(BaseModel):
    """Why a person decides."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"because": "Approved by the board on 1 August."}]},
    )

    because: str = Field(
        min_length=1, max_length=1000, description="Kept with the decision; no student's data."
    )


@router.get("/models")
def models(_asking: Annotated[Asking, asks("models:read")], store: StoreHere) -> Page[Model]:
    """All checkpoints, the newest first, on one page."""
    with store.writing() as connection:
        return Page(items=[_model(one) for one in checkpoints(connection)], next=None)


@router.get("/models/{hash}")
def model(
    _asking: Annotated[Asking, asks("models:read")],
    store: StoreHere,
    hash: Hash,  # noqa: A002
) -> ModelRecord:
    """One checkpoint: card, gate, figures and decisions, from its own files and the registry."""
    return _record(found_by(store, hash))


@router.post("/models/{hash}/promote")
@once
def promote(
    asking: Annotated[Asking, asks("models:write")],
    store: StoreHere,
    hash: Hash,  # noqa: A002
    why: Because,
) -> Model:
    """Let a checkpoint serve from now on, without a restart; the one that served is retired.

    One that did not pass its gate is refused.
    """
    by = asking.viewer.name
    return _model(promote_by_hand(store, hash, now=asking.at, by=by, because=why.because))


@router.post("/models/rollback")
@once
def roll_back(
    asking: Annotated[Asking, asks("models:write")], store: StoreHere, why: Because
) -> Model:
    """Let the checkpoint serve again that served before this one, without a restart."""
    with store.writing() as connection:
        return _model(
            rollback(connection, now=asking.at, by=asking.viewer.name, because=why.because)
        )


def _model(one: Registered) -> Model:
    passed = bool(one.decision.get("serves"))
    return Model(hash=one.hash, status=one.status, created=one.created, gate_passed=passed)


def _record(found: Found) -> ModelRecord:
    manifest = found.checkpoint.manifest
    return ModelRecord(
        **_model(found.registered).model_dump(),
        method=manifest.method,
        trained_on=manifest.provenance.trained_on,
        outcome=dict(manifest.provenance.outcome),
        policy=dict(manifest.provenance.policy),
        data=dict(manifest.provenance.data),
        checks=[CheckTold.model_validate(one) for one in manifest.gate.checks],
        instead=manifest.gate.instead,
        figures=judgement_told(found.judgement),
        decisions=_decisions(found.decided),
        card=found.card,
    )


def _decisions(decided: Sequence[Decided]) -> list[DecisionTold]:
    return [DecisionTold.model_validate(one) for one in decided]
