"""Attendance as entered: mostly at once, sometimes late, and corrected when a note comes."""

from __future__ import annotations

import numpy as np
import polars as pl

from edupulse.simulator.office.desk import Desk
from edupulse.simulator.story import Columns, Story

EMPTY: Columns = {
    "day": np.zeros(0, np.int32),
    "row": np.zeros(0, np.int64),
    "school": np.zeros(0, np.int32),
}


def attendance(story: Story, desk: Desk) -> pl.DataFrame:
    """`attendance.csv` of a block, all versions, by student, date and knowledge."""
    parts = [
        _absences(story.facts.get("attendance"), desk),
        _mistakes(story.facts.get("mistakes", EMPTY), desk),
        _present(story.facts.get("present", EMPTY), desk),
    ]
    rows = pl.concat(parts).sort("row", "day", "known", "status", "retracted", maintain_order=True)
    rows = rows.filter(_observed(rows, desk))
    row, day, known = (rows[name].to_numpy() for name in ("row", "day", "known"))
    return pl.DataFrame(
        [
            desk.students(row, day),
            desk.schools(rows["school"].to_numpy()),
            desk.dates("date", day),
            rows["status"],
            rows["fraction"],
            rows["reason"],
            desk.dates("known_at", known),
            rows["retracted"],
        ]
    )


def _observed(rows: pl.DataFrame, desk: Desk) -> pl.Series:
    up = desk.world.places.observed[rows["school"].to_numpy(), rows["day"].to_numpy()]
    return pl.Series(up)


def _frame(
    facts: Columns,
    known: np.ndarray,
    status: np.ndarray,
    fraction: np.ndarray,
    reason: np.ndarray,
    retracted: bool = False,
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": facts["row"].astype(np.int64),
            "day": facts["day"],
            "school": facts["school"],
            "known": known.astype(np.int32),
            "status": pl.Series(status.astype(str), dtype=pl.String),
            "fraction": fraction.astype(np.float64),
            "reason": pl.Series(reason.astype(str), dtype=pl.String),
            "retracted": np.full(known.size, retracted),
        }
    ).with_columns(
        pl.col("fraction").fill_nan(None),
        pl.when(pl.col("reason") != "").then(pl.col("reason")).alias("reason"),
    )


def _absences(facts: Columns | None, desk: Desk) -> pl.DataFrame:
    if facts is None:
        return _present(EMPTY, desk)
    facts = _written(facts, desk)
    row, day, school = facts["row"], facts["day"], facts["school"]
    reasons = desk.world.places.records["excuse"][school]
    known = day + _delay(desk.lot("entered", row, day))
    away, out = facts["missed"] > 0, facts["out"]
    final = np.where(facts["excused"], "excused", "unexcused")
    status = np.where(out, "excused", np.where(away & ~reasons, "absent", final))
    status = np.where(facts["tardy"], "tardy", status)
    fraction = np.where(out, 1.0, np.where(away, facts["missed"], np.nan))
    reason = np.where(out & reasons, "suspension", "")
    noted = away & reasons & facts["excused"] & (desk.lot("note later", row, day) < 0.25)
    later = known + 1 + (desk.lot("note after", row, day) * 6).astype(np.int32)
    first = {name: column[noted] for name, column in facts.items()}
    unexcused = np.full(int(noted.sum()), "unexcused")
    nothing = np.full(unexcused.size, "")
    return pl.concat(
        [
            _frame(facts, np.where(noted, later, known), status, fraction, reason),
            _frame(first, known[noted], unexcused, fraction[noted], nothing),
            _frame(first, later[noted], unexcused, fraction[noted], nothing, retracted=True),
        ]
    )


def _written(facts: Columns, desk: Desk) -> Columns:
    """Leave out what the school does not write: tardies, and the days of the suspended."""
    places, school = desk.world.places, facts["school"]
    every = places.every_day[school]
    kept = np.where(facts["tardy"], places.records["tardies"][school], True)
    kept &= ~facts["out"] | (every & places.records["incidents"][school])
    return {name: column[kept] for name, column in facts.items()}


def _delay(lot: np.ndarray) -> np.ndarray:
    """Days until an entry is made: 0 (seven in ten), 1 (two in ten), up to 15."""
    slow = 2 + np.floor((lot - 0.92) / 0.08 * 14)
    return np.where(lot < 0.7, 0, np.where(lot < 0.92, 1, slow)).astype(np.int32)


def _mistakes(facts: Columns, desk: Desk) -> pl.DataFrame:
    """Absences that were none: entered on the day, taken back one to five days later."""
    row, day = facts["row"], facts["day"]
    back = day + 1 + (desk.lot("taken back", row, day) * 5).astype(np.int32)
    reasons = desk.world.places.records["excuse"][facts["school"]]
    status = np.where(reasons, "unexcused", "absent")
    whole, nothing = np.ones(row.size), np.full(row.size, "")
    return pl.concat(
        [
            _frame(facts, day, status, whole, nothing),
            _frame(facts, back, status, whole, nothing, retracted=True),
        ]
    )


def _present(facts: Columns, desk: Desk) -> pl.DataFrame:
    count = facts["row"].size
    known = facts["day"] + _delay(desk.lot("present", facts["row"], facts["day"]))
    return _frame(
        facts, known, np.full(count, "present"), np.full(count, np.nan), np.full(count, "")
    )
