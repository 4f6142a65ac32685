"""A day's attendance: illness that comes in spells, staying away, coming late, leaving early."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.nature import Nature
from edupulse.simulator.places import Places
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.state import State

Rows = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

WEEKDAY = np.array([0.18, -0.10, -0.12, -0.05, 0.22, 0.0, 0.0])
GRADE = np.array([0.2, 0.1, 0.0, -0.1, -0.15, -0.15, -0.1, 0.0, 0.1, 0.25, 0.25, 0.3, 0.45])
MIDWINTER = 208  # days from 1 July to 25 January


@dataclass(frozen=True)
class Attendance:
    """One row for each student present in `here`: fraction missed, and why."""

    missed: Floats
    excused: Flags
    tardy: Flags
    out: Flags


def attend(
    state: State, here: Rows, places: Places, day: int, nature: Nature, plan: DistrictPlan
) -> Attendance:
    """What the enrolled students of the open schools do this day; moves spells and backlog on."""
    fate = state.fate[here]
    school = state.school[here]
    ill = _fall_ill(state, here, fate, day, nature)
    will = plan.signal * state.coming(here)
    stay = (
        nature.avoid
        - will
        + places.absence[school]
        + GRADE[state.grade[here]]
        + WEEKDAY[places.date(day).weekday()]
        + 0.35 * places.half[school, day]
    )
    avoids = draws.uniform(fate, "avoid", day) < 1.0 / (1.0 + np.exp(-stay))
    out = state.out[here] > 0
    whole = (ill | avoids) & ~out
    mild = np.exp(-0.5 * np.clip(will, -3.0, 3.0))
    cuts = (draws.uniform(fate, "cut", day) < nature.partial_a_day * mild) & ~whole & ~out
    cuts &= places.records["partial_days"][school]
    missed = whole.astype(np.float64)
    missed[cuts] = np.ceil(draws.uniform(fate[cuts], "part", day) * 6.0) / 8.0
    tardy = (draws.uniform(fate, "tardy", day) < nature.tardy_a_day * mild) & (missed == 0) & ~out
    note = missed > 0
    note[note] = draws.uniform(fate[note], "note", day) < np.where(ill[note], 0.9, 0.25)
    state.backlog[here] = nature.backlog_keep * state.backlog[here] + missed + out
    state.out[here] -= out
    return Attendance(missed, note, tardy, out)


def _fall_ill(state: State, here: Rows, fate: draws.Keys, day: int, nature: Nature) -> Flags:
    """True for who is ill today; a spell goes on over instructional days."""
    season = 1.0 + 0.35 * np.cos(2.0 * np.pi * (day - MIDWINTER) / 365.25)
    falls = draws.uniform(fate, "ill", day) < nature.illness_a_day * season * state.frailty[here]
    falls &= state.ill[here] == 0
    spell = nature.illness_days * 0.8 * draws.exponential(fate[falls], "spell", day)
    left = state.ill[here]
    left[falls] = np.minimum(1 + spell.astype(np.int32), 15)
    state.ill[here] = np.maximum(left - 1, 0)
    return np.asarray(left > 0)
