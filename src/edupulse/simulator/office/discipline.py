"""Incidents and exclusions as entered; some incidents are overturned later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.simulator.conduct import BEHAVIORS, NONE, PERPETRATOR, SEVERITY
from edupulse.simulator.office.desk import Desk
from edupulse.simulator.story import Columns, Story

ROLES = ["perpetrator", "victim", "witness"]
EXCLUSIONS = ["", "in_school", "out_of_school", "expulsion"]
OVERTURNED = 0.03
HOUR = 3_600
SOONEST = 22 * HOUR  # 22 hours UTC is the afternoon of the same day in the district's time zone


def _facts(story: Story, desk: Desk) -> Columns:
    facts = story.facts.get("incidents")
    if facts is None:
        none = np.zeros(0, np.int32)
        names = ("row", "day", "school", "behavior", "role", "consequence", "days")
        return dict.fromkeys(names, none)
    kept = desk.world.places.records["incidents"][facts["school"]]
    order = np.lexsort((facts["day"][kept], facts["row"][kept]))
    return {name: column[kept][order] for name, column in facts.items()}


def _incident_ids(facts: Columns, desk: Desk) -> pl.Series:
    student = desk.people.number[facts["row"]] + 1
    pairs = zip(student, facts["day"], strict=True)
    return pl.Series("incident_id", [f"I{s:07d}-{d:04d}" for s, d in pairs], dtype=pl.String)


def incidents(story: Story, desk: Desk) -> pl.DataFrame:
    """`incidents.csv` of a block, all versions, with the second of each entry."""
    facts = _facts(story, desk)
    row, day, school = facts["row"], facts["day"], facts["school"]
    lot = desk.lot("reported", row, day)
    late = np.where(lot < 0.8, 0, np.ceil((lot - 0.8) * 15)).astype(np.int64)
    known = (day.astype(np.int64) + late) * 86_400 + SOONEST + (lot * 1.9 * HOUR).astype(np.int64)
    appeal = (desk.lot("appeal", row, day) < OVERTURNED) & (facts["role"] == PERPETRATOR)
    decided = known + 86_400 * (5 + (lot * 20).astype(np.int64))
    table = school % 2 == 1  # these schools leave the severity to the behavior table
    first = pl.DataFrame(
        [
            _incident_ids(facts, desk),
            desk.students(row),
            desk.dates("date", day),
            pl.Series("behavior", BEHAVIORS).gather(facts["behavior"]),
            pl.Series("severity", SEVERITY[facts["behavior"]]),
            pl.Series("role", ROLES).gather(facts["role"]),
            desk.schools(school),
            pl.Series("overturned", np.zeros(row.size, np.bool_)),
            pl.Series("known_at", _instants(known, desk), dtype=pl.Datetime("us", "UTC")),
        ]
    ).with_columns(pl.when(~pl.Series(table)).then(pl.col("severity")).alias("severity"))
    second = first.with_columns(
        overturned=pl.lit(True),
        known_at=pl.Series(_instants(decided, desk), dtype=pl.Datetime("us", "UTC")),
    ).filter(pl.Series(appeal, dtype=pl.Boolean))
    return pl.concat([first, second]).sort("student_id", "date", "known_at")


def _instants(seconds: npt.NDArray[np.int64], desk: Desk) -> npt.NDArray[np.int64]:
    return (seconds + desk.origin * 86_400) * 1_000_000


def exclusions(story: Story, desk: Desk) -> pl.DataFrame:
    """`exclusions.csv` of a block: each begins on the next day of school, and is known then."""
    facts = _facts(story, desk)
    begins = _next_open(desk)[facts["school"], facts["day"]]
    kept = (facts["consequence"] != NONE) & (begins >= 0)
    facts = {name: column[kept] for name, column in facts.items()}
    begins = begins[kept]
    return pl.DataFrame(
        [
            _incident_ids(facts, desk),
            desk.students(facts["row"]),
            pl.Series("kind", EXCLUSIONS).gather(facts["consequence"]),
            desk.dates("begins_on", begins),
            pl.Series("days", facts["days"]),
            desk.dates("known_at", begins),
        ]
    )


def _next_open(desk: Desk) -> npt.NDArray[np.int32]:
    """The next open day of a school after each day; −1 where the school year is over."""
    places = desk.world.places
    result = np.full(places.open.shape, -1, np.int32)
    coming = np.full(places.count, -1, np.int32)
    for day in range(places.days - 1, -1, -1):
        result[:, day] = np.where(places.year_close[:, day], -1, coming)
        coming = np.where(places.open[:, day], day, coming).astype(np.int32)
    return result
