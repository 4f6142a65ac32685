"""Instructional days, weeks and school years: every window and lag is counted in these.

Days are int32 numbers of days since 1970-01-01 (as in NumPy's `datetime64[D]`). Schools are
rows: `Calendar.row` maps school keys to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.columns import clipped, integers

Days = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int32]

NEVER = np.int32(2**30)
"""A day beyond every calendar."""

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


def epoch_days(column: pl.Series) -> Days:
    """A date column as days since 1970-01-01; null becomes NEVER."""
    return integers(column, int(NEVER))


def weekday(days: Days) -> Days:
    """0 for Monday to 6 for Sunday."""
    return np.asarray((days + _EPOCH_WEEKDAY) % 7, np.int32)


def monday(days: Days) -> Days:
    """The Monday of each day's week."""
    return np.asarray(days - weekday(days), np.int32)


@dataclass(frozen=True)
class Calendar:
    """The instructional days and school years of some schools.

    `schools` int32[S] are sorted keys. `instructional` bool[S, D] covers the days from `first` on.
    `elapsed` int32[S, D + 1] counts the instructional days before each day. `year_begins` and
    `year_ends` int32[S, Y] are the school years in order, padded with NEVER.
    """

    schools: Rows
    first: int
    instructional: npt.NDArray[np.bool_]
    elapsed: Days
    year_begins: Days
    year_ends: Days

    def row(self, schools: npt.NDArray[np.int32]) -> Rows:
        """The row of each school key; −1 where the school is not here."""
        if self.schools.size == 0:
            return np.full(schools.shape, -1, np.int32)
        rows = np.minimum(np.searchsorted(self.schools, schools), self.schools.size - 1)
        return np.where(self.schools[rows] == schools, rows, -1).astype(np.int32)

    def is_instructional(self, rows: Rows, days: Days) -> npt.NDArray[np.bool_]:
        """Was school held at that school on that day? Days outside the calendar: no."""
        at = days - self.first
        inside = (at >= 0) & (at < self.instructional.shape[1]) & (rows >= 0)
        if not self.instructional.size:
            return np.zeros(inside.shape, np.bool_)
        held = self.instructional[rows, np.where(inside, at, 0)]
        return np.asarray(inside & held, np.bool_)

    def count_through(self, rows: Rows, days: Days) -> Days:
        """How many instructional days the school had up to and with each day."""
        days_in = clipped(days, self.first - 1, self.first - 1 + self.instructional.shape[1])
        at = days_in - np.int32(self.first - 1)
        return np.asarray(self.elapsed[rows, at], np.int32)

    def nth_after(self, rows: Rows, days: Days, nth: npt.ArrayLike) -> Days:
        """The `nth` (≥ 1) instructional day after each day; NEVER beyond the calendar's end."""
        wanted = self.count_through(rows, days) + np.asarray(nth, np.int32)
        days_of = self._days_of
        return np.asarray(days_of[rows, np.minimum(wanted - 1, days_of.shape[1] - 1)], np.int32)

    @cached_property
    def _days_of(self) -> Days:
        """The instructional days of each school, and at least one NEVER."""
        counts = self.elapsed[:, -1]
        days = np.full((self.schools.size, int(counts.max(initial=0)) + 1), NEVER, np.int32)
        row, at = np.nonzero(self.instructional)
        days[row, self.elapsed[row, at]] = at.astype(np.int32) + self.first
        return days

    def year_of(self, rows: Rows, days: Days) -> Rows:
        """The index of the school year in which each day lies: the last begun; −1 before all.

        The days of a summer belong to the year that ended.
        """
        return np.asarray((self.year_begins[rows] <= days[..., None]).sum(-1) - 1, np.int32)


def calendar_of(schools: pl.DataFrame, calendar: pl.DataFrame, terms: pl.DataFrame) -> Calendar:
    """The calendar of schools from the records of kinds `schools`, `calendar` and `terms`.

    A school year runs from the first to the last day of its terms; a school without terms has
    years from each 1 August to the next 31 July.
    """
    keys = np.sort(schools["school"].to_numpy()).astype(np.int32)
    held = calendar.filter("instructional")
    days = epoch_days(held["date"])
    first = int(days.min()) if days.size else 0
    width = int(days.max()) - first + 1 if days.size else 0
    empty = Calendar(keys, first, *_no_days(keys.size, width))
    rows = empty.row(held["school"].to_numpy())
    empty.instructional[rows[rows >= 0], days[rows >= 0] - first] = True
    elapsed = np.zeros((keys.size, width + 1), np.int32)
    np.cumsum(empty.instructional, axis=1, out=elapsed[:, 1:])
    begins, ends = _school_years(keys, terms, first, width)
    return Calendar(keys, first, empty.instructional, elapsed, begins, ends)


def school_year_of(ends_on: pl.Expr) -> pl.Expr:
    """The school year (the calendar year it ends in) of a term's last day: it turns in August."""
    return ends_on.dt.year() + (ends_on.dt.month() >= 8).cast(pl.Int32)


def _no_days(schools: int, width: int) -> tuple[npt.NDArray[np.bool_], Days, Days, Days]:
    none = np.zeros((schools, 0), np.int32)
    return np.zeros((schools, width), np.bool_), none, none, none


def _school_years(keys: Rows, terms: pl.DataFrame, first: int, width: int) -> tuple[Days, Days]:
    year = pl.coalesce(pl.col("school_year"), school_year_of(pl.col("ends_on")))
    spans = (
        terms.group_by("school", year.alias("year"))
        .agg(pl.col("begins_on").min(), pl.col("ends_on").max())
        .sort("school", "begins_on")
    )
    by_school = {
        int(school): (epoch_days(rows["begins_on"]), epoch_days(rows["ends_on"]))
        for (school,), rows in spans.group_by("school", maintain_order=True)
    }
    without = _august_years(first, width)
    years = [by_school.get(int(key), without) for key in keys]
    longest = max((begins.size for begins, _ in years), default=0)
    begins = np.full((keys.size, longest), NEVER, np.int32)
    ends = np.full((keys.size, longest), NEVER, np.int32)
    for row, (b, e) in enumerate(years):
        begins[row, : b.size], ends[row, : e.size] = b, e
    return begins, ends


def _august_years(first: int, width: int) -> tuple[Days, Days]:
    start = int(np.datetime64(first, "D").astype("datetime64[Y]").astype(int)) - 1
    stop = int(np.datetime64(first + width, "D").astype("datetime64[Y]").astype(int)) + 1
    augusts = [np.datetime64(f"{1970 + year}-08-01") for year in range(start, stop + 1)]
    days = np.array(augusts, "datetime64[D]").astype(np.int32)
    return days[:-1], days[1:] - 1
