"""Conduct: incidents, who is hurt by them, and the days of instruction that they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.school.behaviors import SEVERITY_OF_BEHAVIOR
from edupulse.simulator import draws
from edupulse.simulator.attendance import Attendance
from edupulse.simulator.nature import Nature
from edupulse.simulator.places import Places
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.state import State

Rows = npt.NDArray[np.intp]

BEHAVIORS = tuple(SEVERITY_OF_BEHAVIOR)
SEVERITY = np.array([SEVERITY_OF_BEHAVIOR[word] for word in BEHAVIORS], np.int32)
HOW_OFTEN = np.array([0.0, 6.0, 5.0, 1.2, 1.0, 0.12])[SEVERITY]
HURTS_OTHERS = np.isin(BEHAVIORS, ("bullying", "harassment", "fighting", "assault", "threat"))
NONE, IN_SCHOOL, OUT_OF_SCHOOL, EXPULSION = range(4)
# Chance of each consequence by severity 0 to 5.
CONSEQUENCE = np.array(
    [
        [1.0, 0.0, 0.0, 0.0],
        [0.97, 0.03, 0.0, 0.0],
        [0.76, 0.20, 0.04, 0.0],
        [0.40, 0.30, 0.30, 0.0],
        [0.08, 0.20, 0.71, 0.01],
        [0.0, 0.0, 0.88, 0.12],
    ]
)
PERPETRATOR, VICTIM, WITNESS = range(3)


@dataclass(frozen=True)
class Conduct:
    """One row for each incident of today: who, what, in which part, and what followed."""

    row: Rows
    behavior: npt.NDArray[np.int64]
    role: npt.NDArray[np.int64]
    consequence: npt.NDArray[np.int64]
    days: npt.NDArray[np.int32]


def behave(
    state: State,
    here: Rows,
    seen: Attendance,
    places: Places,
    day: int,
    nature: Nature,
    plan: DistrictPlan,
) -> Conduct:
    """Today's incidents among those who came; an exclusion begins on the next day of school."""
    inside = here[(seen.missed < 1) & ~seen.out]
    fate = state.fate[inside]
    calm = state.calm[inside] + 0.5 * (state.mood[inside] - state.load[inside])
    rate = nature.incident_a_day * np.exp(
        places.conduct[state.school[inside]] - plan.signal * nature.incident_by_conduct * calm
    )
    lot = draws.uniform(fate, "incident", day)
    acts = lot < rate * state.referral[inside]
    hurt = ~acts & (lot > 1.0 - nature.victim_a_day)
    who = np.flatnonzero(acts | hurt)
    row, fate = inside[who], fate[who]
    seen_only = draws.uniform(fate, "witness", day) < 0.3
    role = np.where(acts[who], PERPETRATOR, np.where(seen_only, WITNESS, VICTIM))
    words = np.where(role[:, None] == PERPETRATOR, HOW_OFTEN, HOW_OFTEN * HURTS_OTHERS)
    behavior = draws.choose(fate, words, "behavior", day)
    consequence = draws.choose(fate, CONSEQUENCE[SEVERITY[behavior]], "consequence", day)
    consequence = np.where(role == PERPETRATOR, consequence, NONE)
    days = _days(fate, consequence, SEVERITY[behavior], day)
    away = consequence >= OUT_OF_SCHOOL
    state.out[row] = np.where(away, days, state.out[row])
    state.load[row] += nature.exclusion_weighs * away
    return Conduct(row, behavior, role, consequence, days)


def _days(
    fate: draws.Keys,
    consequence: npt.NDArray[np.int64],
    severity: npt.NDArray[np.int32],
    day: int,
) -> npt.NDArray[np.int32]:
    """Instructional days lost: 1 to 3 in school, up to 10 out of it, 30 when expelled."""
    lot = draws.uniform(fate, "days", day)
    longest = np.where(consequence == IN_SCHOOL, 3, np.where(severity >= 4, 8, 4))
    days = 1 + (lot * longest).astype(np.int32)
    return np.where(consequence == EXPULSION, 30, days).astype(np.int32)
