"""Who left before the horizon ended, and whether it is known what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from edupulse.panel.horizon import Horizon
from edupulse.panel.windows import Flags, Keys
from edupulse.school.calendar import NEVER, Days
from edupulse.school.knowledge import Known

FINISHED = ("promoted", "graduated")
"""Exits after which nothing more was to come that year."""


@dataclass(frozen=True, eq=False)
class Departures:
    """Of each row, bool[N]: enrolled on the as-of day, dropped out in the horizon, and stayed.

    `withdrew_on` int32[N] is the day of the first such exit, NEVER without one.
    `stayed` holds also for those who finished early, and for those who moved within the district;
    not for a transfer, an exit for a reason that nobody wrote down, or one before the horizon.
    """

    enrolled: Flags
    withdrawal: Flags
    stayed: Flags
    withdrew_on: Days


def departures(known: Known, student: Keys, horizon: Horizon) -> Departures:
    """What became of each row's student, by the primary enrollments now known."""
    rows = pl.DataFrame(
        {
            "row": np.arange(student.size, dtype=np.int32),
            "student": student,
            "day": horizon.day,
            "first": horizon.first,
            "last": horizon.last,
        }
    )
    stays = rows.join(_enrollments(known), on="student").filter(
        pl.col("entered") <= pl.max_horizontal("last", "day"), pl.col("left") >= pl.col("day")
    )
    dropped = (pl.col("exit") == "dropped_out") & pl.col("left").is_between("first", "last")
    summary = stays.group_by("row").agg(
        enrolled=(pl.col("entered") <= pl.col("day")).any(),
        withdrawal=dropped.any(),
        stayed=_stayed(),
        withdrew_on=pl.col("left").filter(dropped).min(),
    )
    found = rows.join(summary, on="row", how="left", maintain_order="left")
    enrolled, withdrawal, stayed = (
        found[name].fill_null(False).to_numpy().astype(np.bool_)
        for name in ("enrolled", "withdrawal", "stayed")
    )
    withdrew_on = found["withdrew_on"].fill_null(int(NEVER)).to_numpy().astype(np.int32)
    return Departures(enrolled, withdrawal, stayed, withdrew_on)


def _enrollments(known: Known) -> pl.DataFrame:
    """Primary enrollments; of a student who has none, all."""
    primary = pl.col("primary").fill_null(True)
    return (
        known.frames["enrollments"]
        .filter(primary | ~primary.any().over("student"))
        .select(
            "student",
            "school",
            entered=pl.col("entered_on").cast(pl.Int32),
            left=pl.col("left_on").cast(pl.Int32).fill_null(int(NEVER)),
            exit=pl.col("exit_type").cast(pl.String),
        )
    )


def _stayed() -> pl.Expr:
    """By the enrollment that was left last; of two left on one day, the one entered last."""
    order = ("left", "entered", -pl.col("school"))
    left, exit_type = (pl.col(name).sort_by(*order).last() for name in ("left", "exit"))
    finished = exit_type.is_in(FINISHED).fill_null(False) & (left >= pl.col("first").first())
    return (left >= pl.col("last").first()) | finished
