"""What is said of one student as of one instant: a risk, a state without one, or fired rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from edupulse.panel.seasons import State
from edupulse.risk.bands import Band


@dataclass(frozen=True, slots=True)
class Fact:
    """One raw fact of one student, whatever any model makes of it.

    `value` is the newest one observed; `typical` is the peers' of that week, None where it is not
    known (without a checkpoint there are no peers' profiles) or typically not observed.
    """

    feature: str
    modality: str
    value: float
    typical: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Factor:
    """One feature's part in one student's risk, with the raw fact beside it.

    `contribution` and `stderr` are on the logit. `value` is the newest one observed, or
    where that is just typical, the one farthest from it; `typical` is the peers' of that week
    (None: typically not observed); `weeks` are those farthest from typical.
    """

    feature: str
    modality: str
    contribution: float
    stderr: float
    value: float
    typical: float | None
    weeks: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """One family's part in one student's risk over a stretch of weeks: what, and when.

    `weeks` are the first and last that the student has in it; the numbers are as in `Factor`.
    """

    modality: str
    weeks: tuple[str, str]
    contribution: float
    stderr: float
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What else the network computed: no explanation, and no ground for a decision."""

    severity_probabilities: Mapping[str, float]
    attention: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "severity_probabilities": dict(self.severity_probabilities),
            "attention": self.attention,
        }


@dataclass(frozen=True, slots=True)
class Risk:
    """The calibrated probability of the outcome for one student, or why there is none.

    Where `state` is not `scored` every number is None. `coverage` is, by modality, the part of the
    student's weeks in which anything was observed; `caveats` are to be shown wherever the risk is.

    Of an explained risk, `factors` are the five strongest, whichever way they moved it, and
    `strengths` the five strongest facts in the student's favour that lowered it: one may be both.
    `stretches` are a second division of the same difference; they do not add to the factors.
    """

    student_id: str
    as_of: datetime
    horizon: tuple[date, date] | None
    state: State
    method: str
    model_version: str
    policy_version: str
    coverage: Mapping[str, float]
    risk_score: float | None = None
    interval: tuple[float, float] | None = None
    prediction_set: tuple[str, ...] = ()
    risk_category: Band | None = None
    factors: tuple[Factor, ...] = ()
    strengths: tuple[Factor, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    diagnostics: Diagnostics | None = None
    caveats: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the API gives them (without what the store adds)."""
        nested = ("factors", "strengths", "stretches")
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            **{name: tuple(map(asdict, getattr(self, name))) for name in nested},
            "coverage": dict(self.coverage),
            "diagnostics": None if self.diagnostics is None else self.diagnostics.to_json(),
            **_said(self.as_of, self.horizon),
        }


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator of a rule set that fired, in words."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class RulesResult:
    """What the rules say where no checkpoint serves: indicators, and no score.

    `not_observed` names the indicators that could not be seen; they have not fired.
    """

    student_id: str
    as_of: datetime
    horizon: tuple[date, date] | None
    state: State
    method: str
    indicators: tuple[Indicator, ...]
    not_observed: tuple[str, ...]
    coverage: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the API gives them."""
        return {**asdict(self), **_said(self.as_of, self.horizon)}


def _said(as_of: datetime, horizon: tuple[date, date] | None) -> dict[str, Any]:
    span = None if horizon is None else dict(zip(("from", "to"), map(str, horizon), strict=True))
    return {"as_of": as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"), "horizon": span}
