"""The days of each row's horizon: at which school, observed or not, and how much was missed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.panel.horizon import Horizon
from edupulse.panel.windows import Keys
from edupulse.school.calendar import NEVER, Calendar, Days, epoch_days
from edupulse.school.knowledge import Known

BLOCK = 4096
"""Rows whose days are laid out at once: keeps memory flat."""

ABSENCES = ("excused", "unexcused", "absent")
OUT_OF_SCHOOL = ("out_of_school", "expulsion")

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Attended:
    """Of each row, int32[N]: days enrolled, days observed, and thousandths of a day missed.

    Days of out-of-school exclusion are neither observed nor missed. `reached` is the day on which
    what had been missed came to the share asked for of all days observed; NEVER where it did not.
    """

    enrolled: Days
    observed: Days
    missed: Days
    reached: Days


def attended(
    known: Known, student: Keys, horizon: Horizon, calendar: Calendar, share: int
) -> Attended:
    """What each row's student attended within the horizon; `share` is in thousandths."""
    blocks = [
        _block(known, calendar, student[at], _rows_of(horizon, at), share)
        for at in (slice(s, s + BLOCK) for s in range(0, max(student.size, 1), BLOCK))
    ]
    return Attended(*(np.concatenate(part) for part in zip(*blocks, strict=True)))


@dataclass(frozen=True, eq=False)
class _Span:
    """The rows of a block: their students, schools' rows, and first and last days."""

    frame: pl.DataFrame
    first: Days
    width: int

    def cells(self, row: Days, begins: Days, ends: Days) -> tuple[Keys, Keys]:
        """The cells of the days from `begins` to `ends` of each row, and which interval each is."""
        length = np.maximum(ends.astype(np.int64) - begins + 1, 0)
        which = np.repeat(np.arange(row.size), length)
        step = np.arange(which.size) - np.repeat(np.cumsum(length) - length, length)
        start = row.astype(np.int64) * self.width + begins - self.first[row]
        return (start[which] + step).astype(np.int64), which.astype(np.int64)


def _rows_of(horizon: Horizon, at: slice) -> Horizon:
    return Horizon(
        horizon.row[at],
        horizon.day[at],
        horizon.first[at],
        horizon.last[at],
        horizon.closes_at[at],
    )


def _block(
    known: Known, calendar: Calendar, student: Keys, horizon: Horizon, share: int
) -> tuple[Days, Days, Days, Days]:
    length = np.where(horizon.exists, horizon.last.astype(np.int64) - horizon.first + 1, 0)
    width = int(length.max(initial=0))
    frame = pl.DataFrame(
        {
            "row": np.arange(student.size, dtype=np.int32),
            "student": student,
            "school_row": horizon.row,
            "first": horizon.first,
            "last": horizon.last,
        }
    ).filter(pl.col("first") <= pl.col("last"))
    span = _Span(frame, horizon.first, width)
    place = _places(known, calendar, span, student.size)
    observed = place >= 0
    enrolled = observed.copy()
    observed &= _covered(known, calendar, span, place)
    missed, noted = _noted(known, calendar, span, place)
    observed &= noted | ~_records_all(known, calendar)[place]
    observed &= ~_excluded(known, calendar, span, place.size)
    missed = np.where(observed, missed, 0)
    days = _per_row(observed, student.size, width)
    return (
        _per_row(enrolled, student.size, width),
        days,
        _per_row(missed, student.size, width),
        _reached(missed.reshape(student.size, width), share * days.astype(np.int64), horizon.first),
    )


def _reached(missed: Keys, enough: npt.NDArray[np.int64], first: Days) -> Days:
    """The day on which the running sum of what was missed [N, days] came to `enough` [N]."""
    if not missed.shape[1]:
        return np.full(first.shape, NEVER, np.int32)
    come = (missed.cumsum(1, dtype=np.int64) >= enough[:, None]) & (enough > 0)[:, None]
    return np.where(come.any(1), first + come.argmax(1), NEVER).astype(np.int32)


def _per_row(cells: npt.NDArray[np.generic], rows: int, width: int) -> Days:
    return np.asarray(cells.reshape(rows, width).sum(1), np.int32)


def _places(known: Known, calendar: Calendar, span: _Span, rows: int) -> Keys:
    """The row in the calendar of each cell's school; −1 on days without instruction.

    The school is that of the primary enrollment; of several the last entered, then the smallest.
    """
    stays = (
        span.frame.join(known.frames["enrollments"], on="student")
        .with_columns(
            pl.col("entered_on").cast(pl.Int32),
            pl.col("left_on").cast(pl.Int32).fill_null(int(NEVER)),
        )
        .with_columns(
            begins=pl.max_horizontal("entered_on", "first"),
            ends=pl.min_horizontal("left_on", "last"),
        )
        .filter(pl.col("begins") <= pl.col("ends"))
        .sort(pl.col("primary").fill_null(True), "entered_on", -pl.col("school"))
    )
    begins, ends = stays["begins"].to_numpy(), stays["ends"].to_numpy()
    cells, which = span.cells(stays["row"].to_numpy(), begins, ends)
    place = np.full(rows * span.width, -1, np.int32)
    place[cells] = calendar.row(stays["school"].to_numpy())[which]
    days = (span.first.astype(np.int64)[:, None] + np.arange(span.width)).reshape(-1)
    held = calendar.is_instructional(place, np.minimum(days, int(NEVER)).astype(np.int32))
    return np.where(held, place, -1).astype(np.int32)


def _covered(known: Known, calendar: Calendar, span: _Span, place: Keys) -> _Flags:
    coverage = known.frames["coverage"].filter(kind="attendance")
    rows = calendar.row(coverage["school"].to_numpy())
    begins, ends = epoch_days(coverage["observed_from"]), epoch_days(coverage["observed_through"])
    days = (span.first.astype(np.int64)[:, None] + np.arange(span.width)).reshape(-1)
    covered = np.zeros(place.shape, np.bool_)
    for row, begin, end in zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True):
        covered |= (place == row) & (days >= begin) & (days <= end)
    return covered & (place >= 0)


def _noted(known: Known, calendar: Calendar, span: _Span, place: Keys) -> tuple[Days, _Flags]:
    """Thousandths of a day missed in each cell, and whether anything was noted at that school."""
    notes = (
        known.frames["attendance"]
        .with_columns(day=pl.col("date").cast(pl.Int32))
        .join(span.frame, on="student")
        .filter(pl.col("day").is_between(pl.col("first"), pl.col("last")))
    )
    day = notes["day"].to_numpy()
    cells, _ = span.cells(notes["row"].to_numpy(), day, day)
    school = calendar.row(notes["school"].fill_null(-1).to_numpy())
    here = notes["school"].is_null().to_numpy() | (school == place[cells])
    share = notes.select(
        pl.when(pl.col("status").cast(pl.String).is_in(ABSENCES))
        .then(pl.col("fraction").fill_null(1_000))
        .otherwise(0)
    ).to_series()
    noted = np.zeros(place.shape, np.bool_)
    noted[cells[here]] = True
    missed = np.bincount(cells[here], share.to_numpy()[here], minlength=place.size)
    return np.minimum(missed, 1_000).astype(np.int32), noted


def _records_all(known: Known, calendar: Calendar) -> _Flags:
    """Of each row of the calendar: does the school write every day down?"""
    every = known.frames["schools"].filter(attendance_recording="all")["school"].to_numpy()
    return np.append(np.isin(calendar.schools, every), False)


def _excluded(known: Known, calendar: Calendar, span: _Span, cells: int) -> _Flags:
    """Cells of out-of-school exclusions, counted by the calendar of the as-of day's school."""
    sent_home = (
        known.frames["exclusions"]
        .filter(pl.col("kind").cast(pl.String).is_in(OUT_OF_SCHOOL))
        .with_columns(
            begins=pl.col("begins_on").cast(pl.Int32),
            count=(pl.col("days") + 999) // 1_000,
        )
        .join(span.frame, on="student")
        .filter(pl.col("begins") <= pl.col("last"), pl.col("count").fill_null(1) > 0)
    )
    begins = sent_home["begins"].to_numpy()
    through = calendar.nth_after(
        sent_home["school_row"].to_numpy(),
        (begins - 1).astype(np.int32),
        sent_home["count"].fill_null(int(NEVER) // 2).to_numpy(),
    )
    first, last = sent_home["first"].to_numpy(), sent_home["last"].to_numpy()
    at, _ = span.cells(
        sent_home["row"].to_numpy(), np.maximum(begins, first), np.minimum(through, last)
    )
    excluded = np.zeros(cells, np.bool_)
    excluded[at] = True
    return excluded
