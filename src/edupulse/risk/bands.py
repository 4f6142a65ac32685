"""From a risk to its band: a pure function of the score and a versioned policy (law 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from edupulse.school.errors import BadInput

Band = Literal["low", "medium", "high", "critical"]
BANDS: tuple[Band, ...] = get_args(Band)


@dataclass(frozen=True, slots=True)
class Policy:
    """Where `medium`, `high` and `critical` begin, as risks; `low` begins at 0."""

    version: str
    medium: float
    high: float
    critical: float

    def __post_init__(self) -> None:
        if not 0 < self.medium < self.high < self.critical <= 1:
            raise BadInput("A policy's bands begin at rising risks above 0 and up to 1.")

    def bands(self, risk: npt.ArrayLike) -> tuple[Band, ...]:
        """The band of each risk. Raises BadInput for what is no probability."""
        scores = np.asarray(risk, np.float64)
        if not ((scores >= 0) & (scores <= 1)).all():
            raise BadInput("A risk is a probability from 0 to 1.")
        number = np.searchsorted((self.medium, self.high, self.critical), scores, side="right")
        return tuple(BANDS[at] for at in np.atleast_1d(number).tolist())

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Policy:
        """The policy that `to_json` wrote. Raises BadInput for anything else."""
        try:
            return cls(**plain)
        except TypeError as error:
            raise BadInput("This is no policy of bands.") from error


DEFAULT_POLICY = Policy("1", medium=0.10, high=0.30, critical=0.60)
