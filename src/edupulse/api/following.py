"""How the API shows what runs by itself: an import or a training, and how far it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from edupulse.store.runs import RunState


class RunTold(BaseModel):
    """What runs by itself, and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Its id.")
    state: RunState = Field(description="`refused`: too many rows were bad; `interrupted`: killed.")
    asked: datetime = Field(description="When it was asked for.")
    began: datetime | None = Field(description="When it began.")
    finished: datetime | None = Field(description="When it ended.")
    doing: str = Field(description="What it does now.")
    part: float = Field(description="Which part of that is done, 0 to 1.")
    report: dict[str, Any] | None = Field(description="What it did.")
    problem: str | None = Field(description="Why it did not finish, and what to do.")


EXAMPLE: JsonDict = {
    "id": "5f0c6f5e-3c7b-4c53-9a0e-1f7d4b1c2a9e", "state": "running", "part": 0.4, "report": None,
    "asked": "2026-03-16T06:00:00Z", "began": "2026-03-16T06:00:02Z", "finished": None,
    "doing": "attendance.csv", "problem": None,
}  # fmt: skip
