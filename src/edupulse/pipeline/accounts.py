"""What the audit log says of predictions: by whom, why, from what knowledge, which checkpoint."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edupulse.store.audit import Entry, What
from edupulse.store.risks import StoredRisk


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for predictions, and why; `who` is a login or an id, never a person's name."""

    who: str
    purpose: str


NIGHTLY = Caller("edupulse", "scoring of everyone")


def scored(
    risks: Sequence[StoredRisk], as_of: datetime, school: str | None, caller: Caller
) -> Entry:
    """The one entry of a scoring of many; each answer is a row of its own in `state.risks`."""
    said = {(risk.method, risk.checkpoint, risk.policy) for risk in risks}
    body = {
        "as_of": as_of.isoformat(),
        "school": school,
        "students": len(risks),
        "by": [
            {"method": method, "checkpoint": checkpoint, "policy": policy}
            for method, checkpoint, policy in sorted(said)
        ],
    }
    return Entry(What.SCORED, caller.who, caller.purpose, body=body)


class Answered(Protocol):
    """What an answer is known by."""

    @property
    def id(self) -> uuid.UUID:
        """Of the stored prediction."""

    @property
    def as_of(self) -> datetime: ...

    @property
    def method(self) -> str: ...

    @property
    def checkpoint(self) -> str: ...

    @property
    def policy(self) -> str: ...


def predicted(risk: Answered, student: uuid.UUID, caller: Caller) -> Entry:
    """The entry of one answer about one student."""
    body = {
        "prediction": str(risk.id),
        "as_of": risk.as_of.isoformat(),
        "method": risk.method,
        "checkpoint": risk.checkpoint,
        "policy": risk.policy,
    }
    return Entry(What.PREDICTED, caller.who, caller.purpose, student, body)
