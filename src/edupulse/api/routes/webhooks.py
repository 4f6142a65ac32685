"""Webhooks: whom the service tells that a band changed, a model serves or an import landed."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.idempotency import once
from edupulse.api.paging import Page
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.pipeline.delivering import secret_text
from edupulse.pipeline.targets import LONGEST_URL, check_target
from edupulse.store import webhooks
from edupulse.store.webhooks import EventName

router = APIRouter(tags=["webhooks"])

WebhookId = Annotated[UUID, Path(description="The webhook's id.")]


class WantedWebhook(BaseModel):
    """Whom to tell of what."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"url": "https://sis.example.org/edupulse", "events": ["risk.band_changed"]}
    ]})  # fmt: skip

    url: str = Field(max_length=LONGEST_URL, description="A public https address.")
    events: list[EventName] = Field(min_length=1, max_length=3, description="What is told.")


class Webhook(BaseModel):
    """Who is told of what, and how that goes."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [
        {"id": "0d1c6a3e-8f52-4b7e-9c41-2a5b6c7d8e9f", "url": "https://sis.example.org/edupulse",
         "events": ["risk.band_changed"], "by": "token:7c9e6679-7425-40de-944b-e07fc1f90ae7",
         "created": "2026-03-16T06:00:00Z", "waiting": 1, "delivered": 12, "dead": 0,
         "problem": "It answers HTTP 503."}
    ]})  # fmt: skip

    id: UUID = Field(description="The webhook's id.")
    url: str = Field(description="What is called.")
    events: list[EventName] = Field(description="What is told.")
    by: str = Field(description="Who made it: an id.")
    created: datetime = Field(description="When it was made.")
    waiting: int = Field(description="Events that have not arrived yet.")
    delivered: int = Field(description="Events of the last 30 days that have.")
    dead: int = Field(description="Events of the last 30 days given up after a day of trying.")
    problem: str = Field(description="Why the newest one that failed did; empty: none.")


class Secret(BaseModel):
    """What signs; it is never shown again."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"id": "0d1c6a3e-8f52-4b7e-9c41-2a5b6c7d8e9f",
         "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
    ]})  # fmt: skip

    id: UUID = Field(description="The webhook's id.")
    secret: str = Field(description="`whsec_` and 32 bytes in base64: see docs/webhooks.md.")


@router.post("/webhooks", status_code=HTTPStatus.CREATED)
@once
def add_webhook(
    made: UUID,
    asking: Annotated[Asking, asks("webhooks:write")],
    store: StoreHere,
    wanted: WantedWebhook,
) -> Secret:
    """Have an address told of events. The answer alone holds the secret that signs."""
    check_target(wanted.url)
    by = asking.viewer.name
    with store.writing() as connection:
        secret = webhooks.add(connection, made, wanted.url, wanted.events, by=by, now=asking.at)
    return Secret(id=made, secret=secret_text(secret))


@router.get("/webhooks")
def list_webhooks(
    _asking: Annotated[Asking, asks("webhooks:read")], store: StoreHere
) -> Page[Webhook]:
    """Every webhook, and how its deliveries go."""
    with store.writing() as connection:
        found = webhooks.every(connection)
    return Page(items=[Webhook.model_validate(one) for one in found], next=None)


@router.get("/webhooks/{webhook_id}")
def show_webhook(
    _asking: Annotated[Asking, asks("webhooks:read")], store: StoreHere, webhook_id: WebhookId
) -> Webhook:
    """One webhook, and how its deliveries go."""
    with store.writing() as connection:
        return Webhook.model_validate(webhooks.webhook(connection, webhook_id))


@router.post("/webhooks/{webhook_id}/rotate")
@once
def renew_webhook_secret(
    asking: Annotated[Asking, asks("webhooks:write")], store: StoreHere, webhook_id: WebhookId
) -> Secret:
    """Give a webhook a new secret. For a day the one before signs too."""
    with store.writing() as connection:
        secret = webhooks.renew_secret(connection, webhook_id, asking.at)
    return Secret(id=webhook_id, secret=secret_text(secret))


@router.delete("/webhooks/{webhook_id}", status_code=HTTPStatus.NO_CONTENT)
def remove_webhook(
    _asking: Annotated[Asking, asks("webhooks:write")], store: StoreHere, webhook_id: WebhookId
) -> None:
    """Tell it nothing any more, not even what waits."""
    with store.writing() as connection:
        webhooks.remove(connection, webhook_id)
