"""A checkpoint's track record: everything that an evaluation found, in one object that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from edupulse.model.evaluation import Evaluation
from edupulse.model.gate import Decision
from edupulse.model.profiles import Shapes
from edupulse.school.errors import BadInput

FORMAT = 2

SEEN = "_school_seen"
"""Ends the name of a method whose schools taught it, beside those that it has not seen."""


@dataclass(frozen=True)
class Canary:
    """One question about leakage that was asked: `found` says on what it rests.

    `sang` is False where the artefacts do not allow to ask; a leak that was found is an error.
    """

    name: str
    sang: bool
    found: str


@dataclass(frozen=True)
class TrackRecord:
    """What one checkpoint did on a closed period, beside every contender, on the same rows.

    `outcome` and `policy` are those of the checkpoint, as plain JSON; `as_of` the instant from
    whose knowledge all was told. `unseen` judges the methods in schools, and on students, that
    taught them nothing (None: `unseen_because`).
    """

    format: int
    package_version: str
    checkpoint: str
    method: str
    as_of: datetime
    trained_on: Literal["simulated", "real"]
    outcome: Mapping[str, Any]
    policy: Mapping[str, Any]
    canaries: tuple[Canary, ...]
    gate: Decision
    evaluation: Evaluation
    unseen: Evaluation | None
    unseen_because: str
    shapes: Shapes

    def to_json(self) -> bytes:
        """As kept in `evaluation.json`."""
        return _ADAPTER.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, text: bytes | str) -> TrackRecord:
        """Read back what `to_json` wrote. Raises BadInput for anything else, or another format."""
        try:
            found = _ADAPTER.validate_json(text)
        except ValueError as error:
            raise BadInput("This is no track record of EduPulse.", "Evaluate again.") from error
        if found.format != FORMAT:
            raise BadInput(
                f"This track record is of format {found.format}, here is {FORMAT}.",
                "Evaluate again with this version.",
            )
        return found


_ADAPTER: TypeAdapter[TrackRecord] = TypeAdapter(TrackRecord)
