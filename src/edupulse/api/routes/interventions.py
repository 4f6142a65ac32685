"""Interventions: plans for students, the sessions held, and what the district offers.

What they effect is not told: it is not known yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from edupulse.api.idempotency import once_about
from edupulse.api.instants import Instant
from edupulse.api.paging import Cursor, Limit, Page, cursor_after, typed_key
from edupulse.api.security import asks
from edupulse.api.student import StudentId
from edupulse.api.wiring import StoreHere
from edupulse.casework import interventions
from edupulse.casework.access import Part
from edupulse.casework.disclosures import Asking, open_record
from edupulse.casework.interventions import Held
from edupulse.casework.recommendations import Family, recommended
from edupulse.store.interventions import Intervention, Outcome, Plan
from edupulse.store.store import Store

router = APIRouter(tags=["interventions"])

InterventionId = Annotated[UUID, Path(description="The intervention's id.")]
KEY: TypeAdapter[tuple[Instant, UUID]] = TypeAdapter(tuple[Instant, UUID])

PLAN: dict[str, Any] = {
    "title": "Check-in with a mentor", "provider": "counselor", "begins_on": "2026-03-17",
    "option": None, "ends_on": None, "sessions_per_week": 2, "minutes": 15,
}  # fmt: skip
STUDENT = "8c1f6a1e-5b0e-5d0a-9b1a-0d9a3c1f7e21"
INTERVENTION: dict[str, Any] = PLAN | {
    "id": "3a4b5c6d-7e8f-4a1b-9c2d-3e4f5a6b7c8d", "student_id": STUDENT, "by": "staff:12",
    "planned": "2026-03-16T15:00:00Z", "closed": None, "outcome": None, "reason": "",
    "sessions_held": 3, "sessions_attended": 2, "minutes_attended": 30,
}  # fmt: skip
SESSION: dict[str, Any] = {
    "id": "9d8c7b6a-5f4e-4d3c-8b2a-1f0e9d8c7b6a", "held_on": "2026-03-19", "minutes": 15,
    "attended": True, "by": "staff:12", "logged": "2026-03-19T20:00:00Z",
}  # fmt: skip


class _Planned(BaseModel):
    title: str = Field(min_length=1, max_length=200, description="What is done; no names.")
    provider: str = Field(
        min_length=1, max_length=100, description="Who does it: a staff_id or a role; no names."
    )
    begins_on: date = Field(description="From when.")
    option: str | None = Field(
        None, max_length=100, description="Its id in the district's catalog, if it is of it."
    )
    ends_on: date | None = Field(None, description="Until when; null: open.")
    sessions_per_week: int | None = Field(None, ge=1, le=50, description="How often.")
    minutes: int | None = Field(None, ge=1, le=600, description="How long each time.")


class WantedIntervention(_Planned):
    """A plan for a student."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [PLAN | {"student_id": STUDENT}]}
    )

    student_id: UUID = Field(description="For whom.")


class PlannedIntervention(_Planned):
    """A plan, what was done of it, and how it ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [INTERVENTION]})

    id: UUID = Field(description="The intervention's id.")
    student_id: UUID = Field(description="For whom.")
    by: str = Field(description="Who planned it: an id.")
    planned: datetime = Field(description="When it was planned.")
    closed: datetime | None = Field(description="When it was closed; null: it is open.")
    outcome: Outcome | None = Field(description="How it ended; null: it is open.")
    reason: str = Field(description="Why it ended so.")
    sessions_held: int = Field(description="How often it was held.")
    sessions_attended: int = Field(description="How often the student was there.")
    minutes_attended: int = Field(description="For how long, together.")

    @classmethod
    def of(cls, one: Intervention) -> PlannedIntervention:
        """As the API shows it."""
        return cls(**_fields(one))


class WantedSession(BaseModel):
    """A session that was held."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"held_on": "2026-03-19", "minutes": 15, "attended": True}
    ]})  # fmt: skip

    held_on: date = Field(description="On which day; none to come.")
    minutes: int = Field(ge=1, le=600, description="How long.")
    attended: bool = Field(description="Was the student there?")


class HeldSession(WantedSession):
    """A session of the log."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [SESSION]})

    id: UUID = Field(description="The session's id.")
    by: str = Field(description="Who logged it: an id.")
    logged: datetime = Field(description="When it was logged.")


class LoggedIntervention(PlannedIntervention):
    """A plan with its log."""

    model_config = ConfigDict(json_schema_extra={"examples": [INTERVENTION | {"log": [SESSION]}]})

    log: list[HeldSession] = Field(description="The sessions, the newest first.")


class Ending(BaseModel):
    """How an intervention ended."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"outcome": "completed", "reason": "All weeks were held."}
    ]})  # fmt: skip

    outcome: Outcome = Field(description="How it ended.")
    reason: str = Field(min_length=1, max_length=1000, description="Why, without names.")


class Recommendation(BaseModel):
    """What the district offers, with its evidence; not chosen by a score."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [
        {"option": "mentor", "title": "Check-in with a mentor", "tier": 3,
         "evidence": "Our own comparison of 2024-25, not randomised.",
         "aims_at": ["attendance"], "sessions_per_week": 2, "minutes": 15}
    ]})  # fmt: skip

    option: str = Field(description="Its id in the district's catalog.")
    title: str = Field(description="What it is.")
    tier: int = Field(description="ESSA's: 1 strong, 2 moderate, 3 promising, 4 a rationale.")
    evidence: str = Field(description="Where that is shown.")
    aims_at: list[Family] = Field(description="What it aims at.")
    sessions_per_week: int | None = Field(description="How often it is meant to be held.")
    minutes: int | None = Field(description="How long each time.")


def _seen(store: Store, asking: Asking, given: Mapping[str, Any]) -> object:
    return interventions.found(store, asking, given["intervention_id"])


@router.post("/interventions", status_code=HTTPStatus.CREATED)
@once_about(
    lambda store, asking, given: open_record(
        store, asking, str(given["wanted"].student_id), [Part.PLANS]
    )
)
def plan_intervention(
    made: UUID,
    asking: Annotated[Asking, asks("interventions:write")],
    store: StoreHere,
    wanted: WantedIntervention,
) -> PlannedIntervention:
    """Plan an intervention for a student with whom the caller works."""
    planned = Plan(**wanted.model_dump(exclude={"student_id"}))
    return PlannedIntervention.of(
        interventions.plan(store, asking, made, str(wanted.student_id), planned)
    )


@router.get("/interventions")
def list_interventions(
    asking: Annotated[Asking, asks("interventions:read")],
    store: StoreHere,
    student_id: Annotated[UUID | None, Query(description="Of one student; none: of all.")] = None,
    state: Annotated[Literal["open", "closed"] | None, Query(description="None: both.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[PlannedIntervention]:
    """The plans of the students whom the caller may see, the newest first; each is a disclosure."""
    found, more = interventions.page(
        store,
        asking,
        student=None if student_id is None else str(student_id),
        is_open=None if state is None else state == "open",
        after=typed_key(cursor, KEY),
        limit=limit,
    )
    end = cursor_after(found[-1].planned.isoformat(), str(found[-1].id)) if more else None
    return Page(items=[PlannedIntervention.of(one) for one in found], next=end)


@router.get("/interventions/{intervention_id}")
def show_intervention(
    asking: Annotated[Asking, asks("interventions:read")],
    store: StoreHere,
    intervention_id: InterventionId,
) -> LoggedIntervention:
    """One plan with its log."""
    one, held = interventions.found(store, asking, intervention_id)
    log = [HeldSession.model_validate(session) for session in held]
    return LoggedIntervention(**_fields(one), log=log)


@router.post("/interventions/{intervention_id}/log", status_code=HTTPStatus.CREATED)
@once_about(_seen)
def log_session(
    made: UUID,
    asking: Annotated[Asking, asks("interventions:write")],
    store: StoreHere,
    intervention_id: InterventionId,
    held: WantedSession,
) -> HeldSession:
    """Log that a session was held."""
    session = Held(**held.model_dump())
    return HeldSession.model_validate(
        interventions.log(store, asking, intervention_id, made, session)
    )


@router.post("/interventions/{intervention_id}/close")
@once_about(_seen)
def close_intervention(
    asking: Annotated[Asking, asks("interventions:write")],
    store: StoreHere,
    intervention_id: InterventionId,
    ending: Ending,
) -> PlannedIntervention:
    """End a plan. What has ended stays so."""
    return PlannedIntervention.of(
        interventions.close(store, asking, intervention_id, ending.outcome, ending.reason)
    )


@router.get("/students/{student_id}/recommendations")
def recommendations(
    asking: Annotated[Asking, asks("interventions:read")], store: StoreHere, student_id: StudentId
) -> Page[Recommendation]:
    """What the district's catalog offers at the student's grade level, the best shown first.

    Without a catalog there is nothing. It is all there is, not chosen by the student's score.
    """
    found = recommended(store, asking, str(student_id))
    told = [Recommendation(option=id_, **option.model_dump()) for id_, option in found]
    return Page(items=told, next=None)


def _fields(one: Intervention) -> dict[str, Any]:
    return {**asdict(one.plan), **asdict(one)}
