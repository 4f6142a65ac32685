"""Tells webhooks what happened: signed, again and again until it arrives, for a day.

The form is that of Standard Webhooks (standardwebhooks.com), so that receivers can take a library:
`webhook-id`, `webhook-timestamp` and `webhook-signature`, one signature for each secret that holds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from edupulse.pipeline.targets import TargetSettings, post
from edupulse.school.errors import BadInput, SourceDown
from edupulse.store.store import Store
from edupulse.store.webhooks import Delivery, note_delivered, note_failed, take

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
SENDERS = 16
SECRET_PREFIX = "whsec_"  # noqa: S105  (what all of them begin with)

Clock = Callable[[], datetime]


def deliver(store: Store, clock: Clock, settings: TargetSettings | None = None) -> int:
    """Send what is due, some at a time; returns how many were tried."""
    with store.writing() as connection:
        taken = take(connection, clock())
    if taken:
        allowed = settings or TargetSettings()
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(lambda one: _deliver(store, one, clock, allowed), taken))
    return len(taken)


def _deliver(store: Store, one: Delivery, clock: Clock, settings: TargetSettings) -> None:
    problem = _sent(one, clock(), settings)
    now = clock()
    with store.writing() as connection:
        if problem is None:
            note_delivered(connection, one, now)
        else:
            note_failed(connection, one, now, now + pause_after(one.tries + 1), problem)


def _sent(one: Delivery, now: datetime, settings: TargetSettings) -> str | None:
    """What went wrong; None where it arrived."""
    body = body_of(one)
    try:
        status = post(one.url, body, headers_of(one, body, now), settings)
    except (BadInput, SourceDown) as error:
        return error.problem
    return None if 200 <= status < 300 else f"It answers HTTP {status}."


def body_of(one: Delivery) -> bytes:
    """What is sent: the same bytes at each try."""
    told = {"type": one.name, "timestamp": one.at.isoformat(), "data": one.body}
    return json.dumps(told, separators=(",", ":")).encode()


def headers_of(one: Delivery, body: bytes, now: datetime) -> dict[str, str]:
    """What says who sent it, and when."""
    stamp = str(int(now.timestamp()))
    signatures = [signature(secret, str(one.id), stamp, body) for secret in one.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "EduPulse",
        "webhook-id": str(one.id),
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }


def signature(secret: bytes, id_: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA-256 of id, timestamp and body with dots between, in base64."""
    signed = hmac.new(secret, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def secret_text(secret: bytes) -> str:
    """A secret as it is shown, once."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def pause_after(tries: int) -> timedelta:
    """Twice as long after each try, up to an hour, by chance half as much more or less."""
    grown: timedelta = min(FIRST_PAUSE * 2 ** min(tries - 1, 20), LONGEST_PAUSE)
    return grown * (0.5 + secrets.randbelow(1001) / 1000)
