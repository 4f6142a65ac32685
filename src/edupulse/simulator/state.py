"""The state of some students on one day: all that the next day depends on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from edupulse.school.calendar import NEVER
from edupulse.simulator import draws
from edupulse.simulator.courses import SLOTS
from edupulse.simulator.nature import Nature
from edupulse.simulator.people import GROUPS, People
from edupulse.simulator.plan import DistrictPlan

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass
class State:
    """One row a student (or a rollout of one).

    `who` draws what lasts, `fate` draws what is to come: a rollout changes only `fate`. `school`
    is −1 for who is not enrolled. `earned` and `possible` are `[n, slot, category]`, this term.
    """

    who: draws.Keys
    fate: draws.Keys
    ability: Floats
    attending: Floats
    working: Floats
    calm: Floats
    hardship: Floats
    frailty: Floats
    aptitude: Floats
    referral: Floats
    boost: Floats
    mood: Floats
    load: Floats
    withdrawn: Floats
    backlog: Floats
    ill: Ints
    out: Ints
    school: Ints
    next_school: Ints
    enters_on: Ints
    entered_on: Ints
    grade: Ints
    term: Ints
    sections: Ints
    earned: npt.NDArray[np.float32]
    possible: npt.NDArray[np.float32]
    failed: Ints

    @property
    def count(self) -> int:
        """The number of rows."""
        return int(self.who.size)

    def take(self, rows: npt.NDArray[np.integer]) -> State:
        """A copy of these rows."""
        return State(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def coming(self, rows: npt.NDArray[np.integer]) -> Floats:
        """What makes a student come to school: trait, mood, and what has worn it down."""
        return np.asarray(
            self.attending[rows] + self.mood[rows] - self.withdrawn[rows] + self.boost[rows]
        )

    def effort(self, rows: npt.NDArray[np.integer]) -> Floats:
        """What makes a student work: it falls at once with a crisis, before attendance does."""
        return np.asarray(self.working[rows] + self.mood[rows] - self.load[rows] + self.boost[rows])


def begin(people: People, plan: DistrictPlan, nature: Nature) -> State:
    """The state before the first day: moods drawn from where they settle in the long run."""
    count = people.count
    keys = people.keys
    biased = np.isin(np.array(GROUPS), plan.biased_groups)[people.group]
    zeros = np.zeros(count)
    none = np.zeros(count, np.int32)
    return State(
        who=keys,
        fate=draws.fork(keys, "fate"),
        ability=people.ability,
        attending=nature.trait_spread * people.attending,
        working=nature.work_trait * people.working,
        calm=people.calm,
        hardship=people.hardship,
        frailty=people.frailty,
        aptitude=people.aptitude,
        referral=np.where(biased, plan.referral_bias, 1.0),
        boost=zeros,
        mood=nature.mood_spread * draws.normal(keys, "first mood"),
        load=zeros.copy(),
        withdrawn=zeros.copy(),
        backlog=zeros.copy(),
        ill=none,
        out=none.copy(),
        school=np.full(count, -1, np.int32),
        next_school=people.school,
        enters_on=people.enters_on,
        entered_on=np.full(count, NEVER, np.int32),
        grade=people.grade,
        term=np.full(count, -1, np.int32),
        sections=np.zeros((count, len(SLOTS)), np.int32),
        earned=np.zeros((count, len(SLOTS), 2), np.float32),
        possible=np.zeros((count, len(SLOTS), 2), np.float32),
        failed=none.copy(),
    )


def pass_week(state: State, nature: Nature, week: int) -> None:
    """One week of engagement: mood drifts, crises come, load goes, attendance follows load."""
    keep = nature.mood_keep
    fresh = nature.mood_spread * np.sqrt(1.0 - keep**2)
    state.mood = keep * state.mood + fresh * draws.normal(state.fate, "mood", week)
    hazard = nature.crisis_a_week * np.exp(0.3 * state.hardship)
    comes = draws.uniform(state.fate, "crisis", week) < hazard
    relief = draws.uniform(state.fate, "relief", week) < nature.relief_a_week
    size = nature.crisis_size * draws.exponential(state.fate, "size", week)
    state.load = nature.load_keep * np.where(relief, 0.3, 1.0) * state.load + comes * size
    state.withdrawn = state.withdrawn + nature.withdrawal_pace * (state.load - state.withdrawn)
