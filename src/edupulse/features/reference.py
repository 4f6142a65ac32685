"""What features read of schools, as arrays: days, flags, coverage, terms, scales, sections.

Days are int32 numbers since 1970-01-01. Schools are rows in the order of `Calendar.schools`.
Nothing older than `LOOKBACK` calendar days before the as-of instant is looked at: that bounds
the work, and holds all that a window, a school year and the term before can need.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.calendar import NEVER, Calendar, calendar_of, epoch_days
from edupulse.school.knowledge import Known
from edupulse.school.records import (
    CALENDAR,
    COVERAGE,
    COVERED,
    REFERENCE_KINDS,
    SCALES,
    SCHOOLS,
    SECTIONS,
    SUBJECTS,
    TERMS,
)

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]
Worth = tuple[float, float, float]
Made = TypeVar("Made")

LOOKBACK = 900
"""Calendar days: 20 weeks with a summer among them, a school year, and the term before it."""

HANDING_IN_DAYS = 3
"""Instructional days after which a missing mark counts 0 (features.md)."""

TICKS = 1_000_000
"""Integer units of one percent: quotients are rounded once, and all sums after that are exact."""

DEFAULT_SCALE = ((60_000, 1_000), (70_000, 2_000), (80_000, 3_000), (90_000, 4_000))
"""Percent to grade points where a school names no scale: 90/80/70/60, the common 4.0 scale."""

FLAGS = (
    "records_excuse",
    "records_tardies",
    "records_partial_days",
    "records_gradebook",
    "records_incidents",
)


@dataclass(frozen=True)
class Terms:
    """The terms of all schools, in order of (school, term_id).

    `named` int32[S, names + 1] is the row of each school's term by the place of its id in `names`;
    −1 where there is none, and in the last column.
    """

    keys: pl.DataFrame
    names: Mapping[str | None, int]
    named: Ints
    begins: Ints
    ends: Ints


@dataclass(frozen=True)
class Sections:
    """Sections in order of their key: school row, term row (−1: the whole year), subject, credits.

    `subject` is the position in SUBJECTS, −1 where it is not mapped. `credits` are thousandths.
    """

    keys: Ints
    school: Ints
    term: Ints
    subject: Ints
    credits: Longs


@dataclass(frozen=True)
class Scale:
    """Percent (ticks) to grade points (thousandths), a row a school, padded with the greatest."""

    least: Longs
    points: Longs


_ROOM = 256
"""As many of one sort of thing are kept: a schedule of one path takes some 25 KB."""


@dataclass(frozen=True)
class Reference:
    """Schools as arrays. `[S, LOOKBACK]` arrays begin on the day `first`.

    `held`: school was held and the day has happened. `covered` by kind. `handed_in` is the day
    from which a mark due on that day counts as missing. `grading_term` is the term row that
    contains the day, −1 where none does. `codes` has, of each code of a
    scale, the school rows and what it is worth there: percent and points (thousandths), passing.
    """

    calendar: Calendar
    first: int
    last_days: Ints
    held: Bools
    covered: Mapping[str, Bools]
    flags: Mapping[str, Bools]
    writes_every_day: Bools
    passing: Longs
    handed_in: Ints
    grading_term: Ints
    terms: Terms
    sections: Sections
    scale: Scale
    codes: Mapping[str, Sequence[tuple[int, Worth]]]
    _kept: dict[object, dict[object, Any]] = field(default_factory=dict, repr=False)

    def once(self, make: Callable[..., Made], *of: Hashable) -> Made:
        """`make(self, *of)`: what follows from these schools and `of` alone, kept for others."""
        kept = self._kept.setdefault(make, {})
        found: Made | None = kept.get(of)
        if found is None:
            if len(kept) >= _ROOM:
                kept.clear()
            found = kept[of] = make(self, *of)
        return found

    def offset(self, days: Ints) -> Ints:
        """Position of days on the `[S, LOOKBACK]` arrays; may lie outside."""
        return np.asarray(days - self.first, np.int32)


@dataclass(frozen=True)
class _Made:
    """What was made from these very frames on these days."""

    frames: tuple[pl.DataFrame, ...]
    days: tuple[date, ...]
    reference: Reference

    def is_of(self, frames: tuple[pl.DataFrame, ...], days: tuple[date, ...]) -> bool:
        same = all(one is other for one, other in zip(self.frames, frames, strict=True))
        return same and self.days == days


_made: tuple[_Made, ...] = ()
_KEPT = 4


def reference_of(known: Known) -> Reference:
    """The schools of a `Known`, as of its instant.

    From the same frames on the same days comes the same, which is made once.
    """
    global _made
    frames = tuple(known.frame(kind) for kind in REFERENCE_KINDS)
    days = (known.as_of.date(), *known.last_days().values())
    for made in _made:
        if made.is_of(frames, days):
            return made.reference
    reference = _reference_of(known)
    _made = (_Made(frames, days, reference), *_made[: _KEPT - 1])
    return reference


def first_day(as_of: datetime) -> date:
    """The first day that is looked at as of an instant (aware)."""
    return as_of.astimezone(UTC).date() - timedelta(days=LOOKBACK - 2)


def _reference_of(known: Known) -> Reference:
    schools = known.frame(SCHOOLS).sort("school")
    calendar = calendar_of(schools, known.frame(CALENDAR), known.frame(TERMS))
    first = int(np.datetime64(first_day(known.as_of), "D").astype(int))
    days = np.arange(first, first + LOOKBACK, dtype=np.int32)
    local = known.last_days()
    last_days = np.array(
        [np.datetime64(local[int(key)], "D").astype(int) for key in calendar.schools], np.int32
    )
    rows = np.arange(calendar.schools.size, dtype=np.int32)[:, None]
    terms = _terms(known.frame(TERMS), calendar)
    return Reference(
        calendar=calendar,
        first=first,
        last_days=last_days,
        held=calendar.is_instructional(rows, days[None, :]) & (days <= last_days[:, None]),
        covered={kind: _covered(known.frame(COVERAGE), kind, calendar, days) for kind in COVERED},
        flags={flag: schools[flag].fill_null(value=False).to_numpy() for flag in FLAGS},
        writes_every_day=(schools["attendance_recording"] == "all")
        .fill_null(value=False)
        .to_numpy(),
        passing=schools["passing_percent"].cast(pl.Int64).fill_null(60_000).to_numpy(),
        handed_in=_handed_in(calendar, days),
        grading_term=_grading_term(terms, calendar, days),
        terms=terms,
        sections=_sections(known.frame(SECTIONS), terms, calendar),
        scale=_scale(known.frame(SCALES), calendar),
        codes=_codes(known.frame(SCALES), calendar),
    )


def positions(of: Ints, keys: Ints) -> Ints:
    """Position of each key in the sorted unique keys `of`; −1 where it is not there."""
    if of.size == 0:
        return np.full(keys.shape, -1, np.int32)
    if int(of[0]) >= 0 and int(of[-1]) < 8 * of.size + 1_000_000:
        table = np.full(int(of[-1]) + 3, -1, np.int32)  # one more at both ends, for all others
        table[of + 1] = np.arange(of.size, dtype=np.int32)
        return np.take(table, keys + np.int32(1), mode="clip")
    at = np.minimum(np.searchsorted(of, keys), of.size - 1)
    return np.where(of[at] == keys, at, -1).astype(np.int32)


def _covered(coverage: pl.DataFrame, kind: str, calendar: Calendar, days: Ints) -> Bools:
    spans = coverage.filter(pl.col("kind") == kind)
    covered = np.zeros((calendar.schools.size, days.size), np.bool_)
    rows = calendar.row(spans["school"].to_numpy())
    since, through = epoch_days(spans["observed_from"]), epoch_days(spans["observed_through"])
    for row, begin, end in zip(rows, since - days[0], through - days[0], strict=True):
        if row >= 0:
            covered[row, max(begin, 0) : max(end + 1, 0)] = True
    return covered


def _handed_in(calendar: Calendar, days: Ints) -> Ints:
    result = np.empty((calendar.schools.size, days.size), np.int32)
    for row in range(calendar.schools.size):
        result[row] = calendar.nth_after(np.full(days.size, row), days, HANDING_IN_DAYS)
    return result


def _terms(terms: pl.DataFrame, calendar: Calendar) -> Terms:
    ordered = terms.sort("school", "term_id")
    keys = ordered.select(
        "school", "term_id", "begins_on", "grading", term=pl.int_range(pl.len(), dtype=pl.Int32)
    )
    names = {name: place for place, name in enumerate(keys["term_id"].unique().sort())}
    named = np.full((calendar.schools.size, len(names) + 1), -1, np.int32)
    rows = calendar.row(keys["school"].to_numpy())
    name = np.array([names[term] for term in keys["term_id"]], np.int32)
    named[rows[rows >= 0], name[rows >= 0]] = keys["term"].to_numpy()[rows >= 0]
    begins, ends = epoch_days(ordered["begins_on"]), epoch_days(ordered["ends_on"])
    return Terms(keys, names, named, begins, ends)


def _grading_term(terms: Terms, calendar: Calendar, days: Ints) -> Ints:
    """Of grading terms that overlap, the one that began last, then ends first, is the term."""
    found = np.full((calendar.schools.size, days.size), -1, np.int32)
    graded = terms.keys.filter(pl.col("grading").fill_null(value=True))
    at = graded["term"].to_numpy()
    rows = calendar.row(graded["school"].to_numpy())
    for k in np.lexsort((-at, -terms.ends[at], terms.begins[at])):
        if rows[k] >= 0:
            begin, end = terms.begins[at[k]] - days[0], terms.ends[at[k]] - days[0]
            found[rows[k], max(begin, 0) : max(end + 1, 0)] = at[k]
    return found


def _sections(sections: pl.DataFrame, terms: Terms, calendar: Calendar) -> Sections:
    """Sections of unknown schools, or with a term that nobody declared, are left out."""
    placed = (
        sections.join(terms.keys.select("school", "term_id", "term"), ["school", "term_id"], "left")
        .filter(pl.col("term").is_not_null() | pl.col("term_id").is_null())
        .filter(pl.col("school").is_in(calendar.schools.tolist()))
        .sort("section")
    )
    subject = pl.Series(SUBJECTS, dtype=pl.String)
    places = (
        placed["subject"]
        .cast(pl.String)
        .replace_strict(subject, pl.Series(range(len(SUBJECTS))), default=-1, return_dtype=pl.Int32)
    )
    return Sections(
        keys=placed["section"].to_numpy(),
        school=calendar.row(placed["school"].to_numpy()),
        term=placed["term"].fill_null(-1).to_numpy(),
        subject=places.fill_null(-1).to_numpy(),
        credits=placed["credits"].cast(pl.Int64).fill_null(1_000).to_numpy(),
    )


def _codes(scales: pl.DataFrame, calendar: Calendar) -> dict[str, list[tuple[int, Worth]]]:
    worth = scales.select(pl.col("percent", "gpa_points", "passing").cast(pl.Float64)).fill_null(
        float("nan")
    )
    codes: dict[str, list[tuple[int, Worth]]] = {}
    rows = calendar.row(scales["school"].to_numpy()).tolist()
    for code, row, values in zip(scales["code"], rows, worth.iter_rows(), strict=True):
        if row >= 0:
            codes.setdefault(code, []).append((row, values))
    return codes


def _scale(scales: pl.DataFrame, calendar: Calendar) -> Scale:
    whole = scales.filter(pl.col("percent").is_not_null(), pl.col("gpa_points").is_not_null())
    by_school = {
        int(school): sorted(rows.select("percent", "gpa_points").iter_rows())
        for (school,), rows in whole.group_by("school")
    }
    steps = [by_school.get(int(key), list(DEFAULT_SCALE)) for key in calendar.schools]
    longest = max(map(len, steps), default=0)
    least = np.full((len(steps), longest), int(NEVER) * TICKS, np.int64)
    points = np.zeros((len(steps), longest), np.int64)
    for row, scale in enumerate(steps):
        least[row, : len(scale)] = [percent * (TICKS // 1_000) for percent, _ in scale]
        points[row, : len(scale)] = [worth for _, worth in scale]
    return Scale(least, points)
