"""The truth of a district as frames: latent paths, true probabilities, who was treated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from edupulse.simulator.days import World
from edupulse.simulator.office.desk import Desk
from edupulse.simulator.story import Story, intervention_day

WEEKS_BETWEEN = 4


def as_of_days(world: World) -> list[int]:
    """The as-of days of the last year: every 4 weeks, the weekdays rotating."""
    places, year = world.places, world.plan.years - 1
    held = [day for day in range(places.days) if places.open[:, day].any()]
    weeks = sorted(
        {day - places.date(day).weekday() for day in held if places.year_of(day) == year}
    )
    return [week + number % 5 for number, week in enumerate(weeks[3::WEEKS_BETWEEN])]


def pair_share(world: World, days: int) -> float:
    """The share of students sampled on each test day, to give about `truth_pairs` pairs.

    About seven in ten of the test days have 40 instructional days left.
    """
    return min(1.0, world.plan.truth_pairs / max(1.0, 0.7 * days * world.plan.students))


@dataclass(frozen=True)
class Truth:
    """`paths`: latent weeks. `probabilities`: pairs. `interventions`: the treated."""

    paths: pl.DataFrame
    probabilities: pl.DataFrame
    interventions: pl.DataFrame


def truth_of(story: Story, desk: Desk) -> Truth:
    """The truth of one block."""
    return Truth(_paths(story, desk), _probabilities(story, desk), _treated(story, desk))


def joined(blocks: list[Truth]) -> Truth:
    """The truth of all blocks."""
    names = ("paths", "probabilities", "interventions")
    return Truth(*(pl.concat([getattr(block, name) for block in blocks]) for name in names))


def _paths(story: Story, desk: Desk) -> pl.DataFrame:
    paths = story.paths
    order = np.lexsort((paths["day"], paths["row"])) if paths else np.zeros(0, np.intp)
    row = paths["row"][order] if paths else order
    none = np.zeros(0, np.float32)
    return pl.DataFrame(
        [
            desk.students(row),
            desk.dates("week", paths["day"][order] if paths else np.zeros(0, np.int32)),
            pl.Series("engagement", paths["engagement"][order] if paths else none),
            pl.Series("effort", paths["effort"][order] if paths else none),
            pl.Series("ability", story.people.ability[row].astype(np.float32)),
        ]
    )


PARTS = {"chronic": "chronic_absence", "failed": "course_failure", "dropped": "withdrawal"}


def _probabilities(story: Story, desk: Desk) -> pl.DataFrame:
    pairs = story.pairs or _no_pairs()
    names = {"off_track": "off_track", **PARTS}
    columns = [
        desk.students(pairs["row"]),
        desk.dates("as_of", pairs["day"]),
        desk.schools(pairs["school"]),
        *(pl.Series(names[n], pairs[n].astype(np.float64)).fill_nan(None) for n in names),
        pl.Series("known_share", pairs["known_share"].astype(np.float64)),
        pl.Series("rollouts", np.full(pairs["row"].size, desk.world.plan.rollouts, np.int32)),
        *(pl.Series(f"realised_{names[n]}", pairs[f"realised_{n}"].astype(bool)) for n in names),
        pl.Series("graded", pairs["graded"].astype(bool)),
        pl.Series("known", pairs["realised_known"].astype(bool)),
    ]
    frame = pl.DataFrame(columns).sort("student_id", "as_of")
    realised = [f"realised_{name}" for name in names.values()]
    ungraded = ["course_failure", "realised_course_failure"]
    return frame.with_columns(
        *(pl.when("known").then(pl.col(name)).alias(name) for name in realised)
    ).with_columns(*(pl.when("graded").then(pl.col(name)).alias(name) for name in ungraded))


def _no_pairs() -> dict[str, np.ndarray]:
    names = ["row", "day", "school", "known_share", "realised_known", "graded", "off_track"]
    names += ["realised_off_track", *PARTS, *(f"realised_{name}" for name in PARTS)]
    return {name: np.zeros(0, np.int32) for name in names}


def _treated(story: Story, desk: Desk) -> pl.DataFrame:
    row = np.flatnonzero(story.treated)
    begins = np.full(row.size, intervention_day(desk.world), np.int32)
    effect = np.full(row.size, desk.world.plan.intervention_effect)
    return pl.DataFrame(
        [desk.students(row), desk.dates("begins_on", begins), pl.Series("effect", effect)]
    )
