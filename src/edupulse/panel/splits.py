"""Which as-of days teach, which calibrate and which test: by time, never by row (law 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from edupulse.panel.outcomes import Outcomes
from edupulse.panel.seasons import IN_SEASON_DAYS
from edupulse.panel.windows import Flags, Times, utc
from edupulse.school.calendar import Calendar, Days, monday
from edupulse.school.errors import BadInput, Leakage, NotReady

EVERY_WEEKS = 4
AT_LEAST = 3
"""As-of days that each part must have: two school years hold too few for that."""


@dataclass(frozen=True, eq=False)
class Split:
    """The as-of instants, datetime64[us] in UTC and in order, of each part."""

    train: Times
    calibrate: Times
    test: Times

    def parts(self, as_of: Times) -> dict[str, Flags]:
        """Which rows, bool[N], belong to each part; a row between two parts belongs to none."""
        return {name: np.isin(as_of, getattr(self, name)) for name in PARTS}


PARTS = ("train", "calibrate", "test")


def as_of_days(calendar: Calendar, every: int = EVERY_WEEKS) -> npt.NDArray[np.datetime64]:
    """The district's past as-of days, datetime64[D]: every `every` instructional weeks of a year.

    An instructional day of the district is one on which at least half of its schools in session
    that year were open. The weekday rotates from one as-of day to the next. Days with too little
    of the year left for a score are left out, and so is the first week, of which too little is
    known.
    """
    chosen: list[int] = []
    for days in _district_years(calendar):
        in_season = days[: max(days.size - IN_SEASON_DAYS, 0)]
        weeks = monday(days)
        for week in np.unique(weeks)[every - 1 :: every]:
            held = days[weeks == week]
            day = held[len(chosen) % held.size]
            if day in in_season:
                chosen.append(int(day))
    return np.array(chosen, np.int32).astype("datetime64[D]")


def week_ends(calendar: Calendar, school: int, weeks: Sequence[int]) -> npt.NDArray[np.datetime64]:
    """The last instructional day, datetime64[D], of each numbered week (from 1) of a school.

    Counted from the school's first instructional day on; weeks beyond its calendar are left out.
    """
    row = int(calendar.row(np.array([school], np.int32))[0])
    days = calendar.first + np.flatnonzero(calendar.instructional[row]).astype(np.int32)
    _, begins = np.unique(monday(days), return_index=True)
    last = days[np.append(begins[1:], days.size) - 1]
    chosen = [last[week - 1] for week in weeks if week <= last.size]
    return np.array(chosen, np.int32).astype("datetime64[D]")


def split(as_of: Times, closes_at: Times, now: datetime, at_least: int = AT_LEAST) -> Split:
    """Parts of the rows' as-of instants such that each label of one closed before the next began.

    `as_of` and `closes_at` datetime64[us][N], one row a student and as-of instant; instants of
    which a label has not closed at `now` (aware) belong to no part. Of all such
    splits the one whose smallest part is largest, then the one with most as-of days, then with
    most to train on. Raises NotReady where no split gives each part `at_least` as-of instants.
    """
    instants, closed = _closings(as_of, closes_at, utc(now))
    best: tuple[tuple[int, int, int], Split] | None = None
    for a, b in combinations(range(1, instants.size), 2):
        parts = Split(
            instants[:a][closed[:a] <= instants[a]],
            instants[a:b][closed[a:b] <= instants[b]],
            instants[b:],
        )
        sizes = (parts.train.size, parts.calibrate.size, parts.test.size)
        rank = (min(sizes), sum(sizes), parts.train.size)
        if best is None or rank > best[0]:
            best = rank, parts
    if best is None or best[0][0] < at_least:
        raise NotReady(
            f"The {instants.size} closed as-of days cannot be divided by time into {at_least} or "
            "more each to train, to calibrate and to test.",
            "Three school years of records allow it: import an earlier one.",
        )
    return best[1]


def check_split(parts: Split, as_of: Times, closes_at: Times) -> None:
    """Raise Leakage if a label of one part could close only after the next part began (law 7)."""
    for earlier, later in (("train", "calibrate"), ("calibrate", "test"), ("train", "test")):
        closing = closes_at[np.isin(as_of, getattr(parts, earlier))]
        begins = getattr(parts, later)
        if not begins.size:
            continue
        late = closing > begins.min()
        if late.any():
            raise Leakage(
                f"{int(late.sum())} labels of the part '{earlier}' close after '{later}' begins.",
                "Divide the as-of days by edupulse.panel.splits.split.",
            )


def check_labels(as_of: Times, labels: Outcomes, now: datetime) -> None:
    """Raise Leakage if a known label was open at `now`, or its horizon touches its window."""
    open_yet = labels.known & ~(labels.closes_at <= utc(now))
    if open_yet.any():
        raise Leakage(f"{int(open_yet.sum())} labels had not closed as of the training instant.")
    # A local date is at most 14 hours ahead of UTC.
    last_read = (as_of - np.timedelta64(12, "h")).astype("datetime64[D]")
    if (labels.known & ~(labels.first > last_read)).any():
        raise Leakage("A label's horizon begins before its window ends.")


def early_stopping(student: npt.NDArray[np.integer[Any]], share: float = 0.1) -> Flags:
    """Which training rows, bool[N], only tell when to stop: a share of the students, by hash."""
    return hashed_share(student, share, salt=1)


def school_folds(school: npt.NDArray[np.integer[Any]], folds: int = 5) -> npt.NDArray[np.int8]:
    """The fold int8[N] of each row such that no school lies in two, of about equal size.

    Raises BadInput where there are fewer schools than folds.
    """
    keys, place, sizes = np.unique(school, return_inverse=True, return_counts=True)
    if keys.size < folds:
        raise BadInput(f"{keys.size} schools cannot be divided into {folds} folds.")
    filled = np.zeros(folds, np.int64)
    fold_of = np.zeros(keys.size, np.int8)
    for at in np.argsort(-sizes, kind="stable"):
        fold_of[at] = np.argmin(filled)
        filled[fold_of[at]] += sizes[at]
    return np.asarray(fold_of[place], np.int8)


def hashed_share(keys: npt.NDArray[np.integer[Any]], share: float, salt: int = 0) -> Flags:
    """Rows whose key falls into a pseudo-random share of all keys, the same for equal keys.

    Mixes the keys by splitmix64 (Steele, Lea, Flood 2014), so that a student lies wholly inside or
    outside, whatever else is in the data.
    """
    with np.errstate(over="ignore"):
        mixed = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(salt + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray(mixed.astype(np.float64) / 2.0**64 < share, np.bool_)


def _closings(as_of: Times, closes_at: Times, now: np.datetime64) -> tuple[Times, Times]:
    """Each as-of instant whose labels have closed at `now`, and the last closing of its labels."""
    closing = ~np.isnat(closes_at)
    instants, place = np.unique(as_of[closing], return_inverse=True)
    last = np.zeros(instants.size, np.int64)
    np.maximum.at(last, place, closes_at[closing].astype("datetime64[us]").astype(np.int64))
    closed = last.astype("datetime64[us]")
    return instants[closed <= now], closed[closed <= now]


def _district_years(calendar: Calendar) -> list[Days]:
    """The instructional days of the district in each school year."""
    days = calendar.first + np.arange(calendar.instructional.shape[1], dtype=np.int32)
    schools = np.arange(calendar.schools.size, dtype=np.int32)
    if not schools.size or not calendar.year_begins.shape[1]:
        return []
    in_session = np.zeros(calendar.instructional.shape, np.bool_)
    for begins, ends in zip(calendar.year_begins.T, calendar.year_ends.T, strict=True):
        in_session |= (begins[:, None] <= days) & (days <= ends[:, None])
    held = (calendar.instructional & in_session).sum(0)
    sessions = in_session.sum(0)
    is_open = (held > 0) & (2 * held >= sessions)
    # A year of the district ends where no school is in session any more.
    pauses = np.flatnonzero((sessions[1:] == 0) & (sessions[:-1] > 0))
    return [
        days[begin:end][is_open[begin:end]]
        for begin, end in pairwise([0, *(pauses + 1).tolist(), days.size])
    ]
