"""The students: who comes when, their lasting traits, and the groups that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.courses import SLOTS
from edupulse.simulator.places import Places
from edupulse.simulator.plan import DistrictPlan

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

MOVERS_IN = 0.045
GROUPS = ("white", "hispanic", "black", "asian", "two_or_more", "american_indian")
GROUP_SHARE = (0.45, 0.28, 0.15, 0.06, 0.05, 0.01)
GROUP_HARDSHIP = (-0.35, 0.30, 0.45, -0.45, 0.0, 0.30)
LANGUAGES = ("Spanish", "Vietnamese", "Arabic", "Somali", "Chinese")


@dataclass(frozen=True)
class People:
    """Some students, in the order of their numbers.

    `hardship` is the home's context (standard normal, higher is harder); the groups of the
    demographics follow from it and have no effect of their own on anything that a student does.
    """

    number: Ints
    keys: draws.Keys
    enters_on: Ints
    school: Ints
    grade: Ints
    birth_year: Ints
    hardship: Floats
    ability: Floats
    attending: Floats
    working: Floats
    calm: Floats
    frailty: Floats
    aptitude: Floats
    group: Ints
    low_income: npt.NDArray[np.bool_]
    learner: npt.NDArray[np.bool_]
    disability: npt.NDArray[np.bool_]
    language: Ints

    @property
    def count(self) -> int:
        """The number of these students."""
        return int(self.number.size)


def student_count(plan: DistrictPlan, places: Places) -> int:
    """All students of the whole story: those of the first year and who comes later."""
    return plan.students + (plan.years - 1) * sum(_newcomers(plan, places))


def _grades(places: Places) -> Ints:
    served = [np.arange(a, b + 1) for a, b in zip(places.low, places.high, strict=True)]
    return np.unique(np.concatenate(served)).astype(np.int32)


def _newcomers(plan: DistrictPlan, places: Places) -> tuple[int, int]:
    """A year's new entry cohort and its movers in: together as many as leave."""
    return round(plan.students / _grades(places).size), round(plan.students * MOVERS_IN)


def build_people(plan: DistrictPlan, places: Places, low: int, high: int) -> People:
    """Students number `low` to `high` (without it)."""
    keys = draws.root(plan.seed, "student", high - low, low)
    number = np.arange(low, high, dtype=np.int32)
    year, grade, enters_on = _arrivals(plan, places, number, keys)
    hardship = draws.normal(keys, "hardship")
    ability = 0.9 * draws.normal(keys, "ability") - 0.35 * hardship
    attending = 0.93 * draws.normal(keys, "attending") - 0.35 * hardship
    return People(
        number=number,
        keys=keys,
        enters_on=enters_on,
        school=home_school(places, keys, grade),
        grade=grade,
        birth_year=(plan.first_year + year - grade - 5).astype(np.int32),
        hardship=hardship,
        ability=ability,
        attending=attending,
        working=0.85 * attending + 0.2 * ability + 0.4 * draws.normal(keys, "working"),
        calm=0.5 * attending + 0.85 * draws.normal(keys, "calm"),
        frailty=np.exp(0.5 * draws.normal(keys, "frailty")),
        aptitude=np.stack([draws.normal(keys, "aptitude", s) for s in range(len(SLOTS))], axis=1),
        **_demographics(keys, plan.group_hardship * hardship),
    )


def _arrivals(
    plan: DistrictPlan, places: Places, number: Ints, keys: draws.Keys
) -> tuple[Ints, Ints, Ints]:
    """School year, grade level and first possible day of each student."""
    grades = _grades(places)
    cohort, movers = _newcomers(plan, places)
    later = np.maximum(number - plan.students, 0)
    year = np.where(number < plan.students, 0, 1 + later // max(1, cohort + movers))
    anywhere = grades[number % grades.size]
    is_cohort = (number >= plan.students) & (later % max(1, cohort + movers) < cohort)
    grade = np.where(is_cohort, grades[0], anywhere)
    midyear = (number >= plan.students) & ~is_cohort & (draws.uniform(keys, "midyear") < 0.6)
    begins = np.array(
        [places.day(places.first.replace(year=plan.first_year + y)) for y in range(plan.years)]
    )[year]
    wait = np.where(midyear, 60 + (draws.uniform(keys, "arrival") * 240).astype(int), 0)
    return year.astype(np.int32), grade.astype(np.int32), (begins + wait).astype(np.int32)


def home_school(places: Places, keys: draws.Keys, grade: Ints) -> Ints:
    """The school that a student attends by address in a grade level."""
    school = np.zeros(grade.size, np.int32)
    for level in np.unique(grade):
        serving = places.serving(int(level))
        mine = grade == level
        lot = draws.uniform(keys[mine], "home", int(places.low[serving[0]]))
        school[mine] = serving[(lot * serving.size).astype(int)]
    return school


def _demographics(keys: draws.Keys, hardship: Floats) -> dict[str, npt.NDArray[Any]]:
    """Groups by hardship alone: whatever they seem to cause is the context behind them.

    `hardship` comes scaled by the plan; where it is all zero, the groups are drawn by lot.
    """
    weights = np.array(GROUP_SHARE) * np.exp(np.outer(hardship, GROUP_HARDSHIP))
    group = draws.choose(keys, weights, "group")
    speaks = np.where(np.isin(group, (1, 3)), 0.30, 0.04)
    learner = draws.uniform(keys, "learner") < speaks
    return {
        "group": group.astype(np.int32),
        "low_income": draws.uniform(keys, "income") < _sigmoid(1.1 * hardship - 0.1),
        "learner": learner,
        "disability": draws.uniform(keys, "disability") < _sigmoid(0.35 * hardship - 1.85),
        "language": np.where(
            learner,
            np.where(group == 1, 0, 1 + draws.choose(keys, np.ones(4), "language")),
            -1,
        ).astype(np.int32),
    }


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))
