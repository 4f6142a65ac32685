"""Enrollments and seats as entered: the entry first, the exit as a second version."""

from __future__ import annotations

import numpy as np
import polars as pl

from edupulse.simulator.moves import DROPPED_OUT, TRANSFERRED
from edupulse.simulator.office.desk import Desk, section_ids
from edupulse.simulator.story import Story

EXITS = ["promoted", "graduated", "transferred", "dropped_out", "other"]
COUNSELOR_LOAD = 250


def stays(story: Story, desk: Desk) -> pl.DataFrame:
    """Each stay at a school: `row, school, grade, entered, left, kind, known` (of the exit)."""
    entries, exits = story.facts.get("entries"), story.facts.get("exits")
    if entries is None or exits is None:
        names = ("row", "school", "grade", "entered", "left", "kind", "known")
        return pl.DataFrame({name: np.zeros(0, np.int32) for name in names})
    came = pl.DataFrame(
        {
            "row": entries["row"].astype(np.int32),
            "entered": entries["day"],
            "school": entries["school"],
            "grade": entries["grade"],
        }
    )
    went = pl.DataFrame(
        {
            "row": exits["row"].astype(np.int32),
            "entered": exits["entered"],
            "left": exits["day"],
            "kind": exits["way"],
            "known": _told(exits["row"], exits["day"], exits["way"], desk),
        }
    )
    return came.join(went, on=["row", "entered"], how="left").sort("row", "entered")


def _told(row: np.ndarray, day: np.ndarray, kind: np.ndarray, desk: Desk) -> np.ndarray:
    """The day on which an exit is entered: who just stops coming is noticed late."""
    slowest = np.where(kind == DROPPED_OUT, 15, np.where(kind == TRANSFERRED, 4, 1))
    return day + (desk.lot("told", row, day) * slowest).astype(np.int32)


def enrollments(stay: pl.DataFrame, desk: Desk) -> pl.DataFrame:
    """`enrollments.csv` of a block, both versions of each stay."""
    opened = stay.with_columns(left=pl.lit(None, pl.Int32), kind=None, known=pl.col("entered"))
    closed = stay.filter(pl.col("left").is_not_null()).with_columns(
        known=pl.max_horizontal("known", pl.col("entered") + 1)
    )
    rows = pl.concat([opened.cast(stay.schema), closed]).sort("row", "entered", "known")
    return pl.DataFrame(
        [
            desk.students(rows["row"].to_numpy()),
            desk.schools(rows["school"].to_numpy()),
            rows["grade"].alias("grade_level"),
            desk.dates("entered_on", rows["entered"].to_numpy()),
            _maybe_date("left_on", rows["left"], desk),
            pl.Series("exit_type", EXITS).gather(rows["kind"]),
            desk.dates("known_at", rows["known"].to_numpy()),
        ]
    )


def _maybe_date(name: str, days: pl.Series, desk: Desk) -> pl.Series:
    return (days.cast(pl.Int32) + desk.origin).cast(pl.Date).alias(name)


def section_students(story: Story, desk: Desk) -> pl.DataFrame:
    """`section_students.csv` of a block, both versions of each seat."""
    seats = _seats(story)
    opened = seats.with_columns(left=pl.lit(None, pl.Int32), known=pl.col("entered"))
    closed = seats.filter(pl.col("left").is_not_null()).with_columns(
        known=pl.max_horizontal("left", pl.col("entered") + 1)
    )
    rows = pl.concat([opened, closed]).sort("row", "entered", "section", "known")
    return pl.DataFrame(
        [
            pl.Series("section_id", section_ids(desk.world.courses.count)).gather(rows["section"]),
            desk.students(rows["row"].to_numpy()),
            desk.dates("entered_on", rows["entered"].to_numpy()),
            _maybe_date("left_on", rows["left"], desk),
            desk.dates("known_at", rows["known"].to_numpy()),
        ]
    )


def _seats(story: Story) -> pl.DataFrame:
    """Each stay in a section: the n-th time a student sits down there, to the n-th time up."""
    down, up = _changes(story)
    nth = pl.int_range(pl.len(), dtype=pl.Int32).over("row", "section").alias("nth")
    down = down.sort("row", "section", "entered").with_columns(nth)
    up = up.sort("row", "section", "left").with_columns(nth)
    return down.join(up, on=["row", "section", "nth"], how="left").drop("nth")


def _changes(story: Story) -> tuple[pl.DataFrame, pl.DataFrame]:
    seats, exits = story.facts.get("seats"), story.facts.get("exits")
    none = np.zeros(0, np.int32)
    if seats is None or exits is None:
        return _column(none, none, none, "entered"), _column(none, none, none, "left")
    before, after = seats["before"], seats["after"]
    moved = before != after
    at, slot = np.nonzero(moved)
    down = _column(seats["row"][at], after[at, slot], seats["day"][at], "entered")
    at, slot = np.nonzero(moved & (before >= 0))
    changed = _column(seats["row"][at], before[at, slot], seats["day"][at] - 1, "left")
    count = exits["sections"].shape[1]
    gone = _column(
        np.repeat(exits["row"], count),
        exits["sections"].ravel(),
        np.repeat(exits["day"], count),
        "left",
    )
    return down, pl.concat([changed, gone])


def _column(row: np.ndarray, section: np.ndarray, day: np.ndarray, name: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "section": section.astype(np.int32),
            name: day.astype(np.int32),
        }
    )


def counselors(planned_students: int, school_count: int) -> int:
    """The number of counselors of each school."""
    return max(1, round(planned_students / school_count / COUNSELOR_LOAD))


def caseloads(stay: pl.DataFrame, desk: Desk) -> pl.DataFrame:
    """`caseloads.csv` of a block: each stay has one counselor of its school."""
    plan = desk.world.plan
    each = counselors(plan.students, desk.world.places.count)
    number = desk.people.number[stay["row"].to_numpy()] % each
    school = stay["school"].to_numpy()
    pairs = zip(school, number, strict=True)
    return pl.DataFrame(
        [
            pl.Series("staff_id", [counselor_id(s, n) for s, n in pairs], dtype=pl.String),
            desk.students(stay["row"].to_numpy()),
            desk.dates("from", stay["entered"].to_numpy()),
            _maybe_date("to", stay["left"], desk),
        ]
    )


def counselor_id(school: int, number: int) -> str:
    """A counselor's staff number."""
    return f"C{school + 1:03d}{number + 1:02d}"
