"""Ids, dates and lots: what every clerk of the district's system needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.simulator import draws
from edupulse.simulator.days import World
from edupulse.simulator.people import People
from edupulse.simulator.places import Places

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

EPOCH = date(1970, 1, 1)
MERGED_SHARE = 0.005
MERGED_BY = 150  # the day on which the double numbers were found and merged


@dataclass(frozen=True)
class Desk:
    """The world and one block of its students."""

    world: World
    people: People

    @property
    def origin(self) -> int:
        """Day 0 of the story as days since 1970-01-01."""
        return (self.world.places.first - EPOCH).days

    def dates(self, name: str, days: Ints) -> pl.Series:
        """Days of the story as dates."""
        return dates(self.world.places, name, days)

    def students(self, rows: Ints, days: Ints | None = None) -> pl.Series:
        """Student numbers; with `days`, the old number of who was merged later."""
        current = pl.Series("student_id", student_ids(self.people.number)).gather(rows)
        if days is None or not self.merged.any():
            return current
        old = pl.Series(old_ids(self.people.number)).gather(rows)
        then = pl.Series(self.merged[rows] & (days < MERGED_BY))
        return pl.select(pl.when(then).then(old).otherwise(current).alias("student_id")).to_series()

    @property
    def merged(self) -> npt.NDArray[np.bool_]:
        """Who had two numbers at first."""
        return draws.uniform(self.people.keys, "merged") < MERGED_SHARE

    def schools(self, school: Ints) -> pl.Series:
        """School codes."""
        return pl.Series("school_id", school_ids(self.world.places)).gather(school)

    def lot(self, name: str, rows: Ints, days: Ints) -> Floats:
        """A uniform number for each fact of a student on a day."""
        return draws.uniform(draws.fork_by(self.people.keys[rows], days), name)


def dates(places: Places, name: str, days: Ints) -> pl.Series:
    """Days of the story as dates."""
    origin = (places.first - EPOCH).days
    return pl.Series(name, days.astype(np.int32) + np.int32(origin)).cast(pl.Date)


def student_ids(number: Ints) -> list[str]:
    """The district's numbers."""
    return [f"S{n + 1:07d}" for n in number]


def old_ids(number: Ints) -> list[str]:
    """The numbers that were found to be second ones."""
    return [f"P{n + 1:07d}" for n in number]


def school_ids(places: Places) -> list[str]:
    """A letter for the level and a number."""
    return [f"{level[0].upper()}{n + 1:02d}" for n, level in enumerate(places.levels)]


def term_ids(places: Places) -> list[str]:
    """The year in which it ends, and its place: `2024S1`, `2024Q3`."""
    kind = np.where(places.semesters, "S", "Q")
    year = places.first.year + 1
    return [f"{year + t.year}{kind[t.school]}{t.number + 1}" for t in places.terms]


def section_ids(count: int) -> list[str]:
    """Section numbers."""
    return [f"X{n + 1:06d}" for n in range(count)]
