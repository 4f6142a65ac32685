"""What is said of a student, as the API shows it: one model for a risk, a state, and rules."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from edupulse.risk.bands import Band
from edupulse.store.risks import StoredRisk

State = Literal["scored", "insufficient_data", "out_of_season"]


class Shown(BaseModel):
    """A part of an answer: what the store keeps beside it is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Horizon(Shown):
    """The days of which the outcome speaks."""

    from_: date = Field(alias="from", description="The first day.")
    to: date = Field(description="The last day.")


class Factor(Shown):
    """One feature's part in the risk, with the raw fact beside it."""

    feature: str = Field(description="One of the 42 features.")
    modality: str = Field(description="`attendance`, `grades` or `discipline`.")
    contribution: float = Field(description="Its part on the logit; above 0 it raised the score.")
    stderr: float = Field(description="The contribution's standard error.")
    value: float = Field(description="What was observed.")
    typical: float | None = Field(
        default=None, description="What is typical of peers, where known."
    )
    weeks: list[str] = Field(description="The weeks that lay farthest from typical.")
    text: str = Field(description="The fact in words. No cause is claimed.")


class Indicator(Shown):
    """An indicator of a rule set that fired."""

    name: str = Field(description="Of the rule set.")
    text: str = Field(description="What it says of the student.")


class Diagnostics(Shown):
    """What else the network computed: no explanation, and no ground for a decision."""

    severity_probabilities: dict[str, float] = Field(description="Of each class of severity.")
    attention: list[float] = Field(description="Over the 20 weeks, the oldest first.")


EXAMPLE: dict[str, JsonValue] = {
    "prediction_id": "5d0f9a52-1c1f-5a56-9d2e-0a4b8f6f7d10",
    "student_id": "0b9c4d7e-52a1-5b0e-8f53-6a2d1c9e7b44",
    "as_of": "2026-03-16T06:00:00Z",
    "horizon": {"from": "2026-03-24", "to": "2026-06-12"},
    "state": "scored",
    "risk_score": 0.41,
    "interval": [0.36, 0.45],
    "prediction_set": ["on_track", "off_track"],
    "risk_category": "high",
    "worklist_band": "high",
    "method": "gru_attention",
    "model_version": "sha256:4f2a",
    "policy_version": "3",
    "coverage": {"attendance": 1.0, "grades": 0.9, "discipline": 1.0},
    "factors": [
        {
            "feature": "missing_work_rate_d20",
            "modality": "grades",
            "contribution": 0.62,
            "stderr": 0.03,
            "value": 0.5,
            "typical": 0.08,
            "weeks": ["2026-W09", "2026-W10"],
            "text": "50 % of work not handed in; typical 8 % in this grade; raised the score.",
        }
    ],
}


class Said(Shown):
    """What is said of one student as of one instant.

    Where there is no score, `risk_score` and what follows from it are absent: `state` says why, or
    rules answered and `indicators` are those that fired.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    prediction_id: UUID = Field(description="Under which it is stored and can be replayed.")
    student_id: UUID = Field(description="The student, under the number that stands now.")
    as_of: datetime = Field(description="From whose knowledge it was computed (UTC).")
    horizon: Horizon | None = Field(default=None, description="Absent where the year holds none.")
    state: State = Field(description="`scored`, or why there can be no score.")
    risk_score: float | None = Field(
        default=None, ge=0, le=1, description="The calibrated probability."
    )
    interval: tuple[float, float] | None = Field(default=None, description="Venn–Abers interval.")
    prediction_set: list[str] | None = Field(default=None, description="Outcomes not ruled out.")
    risk_category: Band | None = Field(
        default=None, description="The band: of score and policy alone."
    )
    worklist_band: Band | None = Field(
        default=None, description="The band as the worklist shows it: it waits for a second week."
    )
    method: str = Field(description="The checkpoint's variant, or the rules' name.")
    model_version: str | None = Field(default=None, description="The checkpoint's hash.")
    policy_version: str | None = Field(default=None, description="Of the bands.")
    coverage: dict[str, float] = Field(
        description="By modality, the part of the weeks in which anything was observed."
    )
    factors: list[Factor] | None = Field(
        default=None, description="The five strongest, where asked for."
    )
    strengths: list[Factor] | None = Field(
        default=None,
        description="Facts in the student's favour that lowered the score, where asked for.",
    )
    indicators: list[Indicator] | None = Field(
        default=None, description="Of rules: those that fired."
    )
    not_observed: list[str] | None = Field(
        default=None, description="Of rules: indicators that could not be seen, and have not fired."
    )
    diagnostics: Diagnostics | None = Field(default=None, description="No explanation.")
    caveats: list[str] | None = Field(default=None, description="To be shown wherever the risk is.")


_EMPTY_IS_ABSENT = ("prediction_set", "strengths", "caveats")


def said_of(risk: StoredRisk, id_: UUID, student_id: UUID, *, explained: bool = False) -> Said:
    """A stored answer as it is shown; one that was `explained` may have no factor."""
    body: dict[str, Any] = dict(risk.body)
    for name in _EMPTY_IS_ABSENT:
        body[name] = body.get(name) or None
    body["factors"] = body.get("factors") or ([] if explained else None)
    shown = {"prediction_id": id_, "student_id": student_id, "as_of": risk.as_of}
    return Said.model_validate({**body, **shown, "model_version": risk.checkpoint or None})
