"""What is predicted: a versioned, typed object that goes into every checkpoint and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from edupulse.school.errors import BadInput

Part = Literal["chronic_absence", "course_failure", "withdrawal"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class OutcomeDefinition:
    """What happens to a student within the horizon after an as-of day that counts as off track.

    The horizon holds the instructional days from `gap_days` + 1 to `gap_days` + `horizon_days`
    (None: to the end of the school year) after the as-of day. Shares are thousandths. Labels use
    what is known `closes_after` calendar days after the horizon's last day.
    """

    name: str
    version: str
    parts: tuple[Part, ...] = PARTS
    core_only: bool = True
    gap_days: int = 5
    horizon_days: int | None = 60
    chronic_share: int = 100
    severe_share: int = 200
    min_days: int = 20
    closes_after: int = 30

    def __post_init__(self) -> None:
        unknown = set(self.parts) - set(PARTS)
        if unknown or not self.parts:
            raise BadInput(f"An outcome has parts out of {', '.join(PARTS)}.")
        if min(self.gap_days, self.min_days, self.closes_after) < 0 or self.horizon_days == 0:
            raise BadInput("An outcome's days are counts of at least 0, its horizon at least 1.")

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return {**asdict(self), "parts": list(self.parts)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> OutcomeDefinition:
        """The definition that `to_json` wrote. Raises BadInput for fields of another version."""
        try:
            return cls(**{**plain, "parts": tuple(plain["parts"])})
        except (KeyError, TypeError) as error:
            raise BadInput("This is no outcome definition of this version.") from error


OFF_TRACK = OutcomeDefinition("off_track", "1")
"""Chronic absence, a failed core course or withdrawal in instructional days 6 to 65."""

FAILS_OR_WITHDRAWS = OutcomeDefinition(
    "fails_or_withdraws",
    "1",
    parts=("course_failure", "withdrawal"),
    core_only=False,
    gap_days=0,
    horizon_days=None,
)
"""Fails any course or withdraws later in the school year: for data such as OULAD's."""
