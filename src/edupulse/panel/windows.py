"""What a network reads: the last 20 instructional weeks of each row's student."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from edupulse.school.errors import BadInput

WEEKS = 20
"""The length of a window in instructional weeks."""

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.int32]
Levels = npt.NDArray[np.int8]
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Who is asked about, and when: N rows of student and school keys and instants in UTC.

    `school` is the one of the primary enrollment as of the instant, −1 without one.
    """

    student: Keys
    school: Keys
    as_of: Times

    def take(self, rows: npt.ArrayLike) -> Cohort:
        """Some rows: their numbers, or a mask bool[N]."""
        at = np.asarray(rows)
        return Cohort(self.student[at], self.school[at], self.as_of[at])


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows, of one or of many as-of instants.

    `values` float32[N, W, F] is NaN where `observed` bool[N, W, F] is false. `held` bool[N, W] is
    false in the left padding of a short history; `week_start` datetime64[D][N, W] is the Monday of
    each week (NaT where padded). Of each row: `student` int32[N] and `school` int32[N] keys
    (−1 where there is no enrollment), `as_of` datetime64[us][N] in UTC, `grade_level` int8[N]
    (−128 where unknown).
    """

    values: Floats
    observed: Flags
    held: Flags
    week_start: Times
    student: Keys
    as_of: Times
    school: Keys
    grade_level: Levels

    def __post_init__(self) -> None:
        rows, weeks = self.held.shape
        expected = {
            "observed": self.values.shape,
            "week_start": (rows, weeks),
            **dict.fromkeys(("student", "as_of", "school", "grade_level"), (rows,)),
        }
        wrong = [name for name, shape in expected.items() if getattr(self, name).shape != shape]
        if wrong or self.values.shape[:2] != (rows, weeks):
            raise BadInput(f"The arrays of windows do not fit together: {', '.join(wrong)}.")

    def __len__(self) -> int:
        return int(self.student.size)

    @property
    def cohort(self) -> Cohort:
        """Whose windows these are."""
        return Cohort(self.student, self.school, self.as_of)

    def take(self, rows: npt.ArrayLike) -> Windows:
        """The windows of some rows: their numbers, or a mask bool[N]."""
        at = np.asarray(rows)
        return Windows(*(getattr(self, field.name)[at] for field in fields(self)))


def utc(instant: datetime) -> np.datetime64:
    """An aware instant as datetime64[us] in UTC, as the rows of windows carry it."""
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")


def concat(parts: Iterable[Windows]) -> Windows:
    """All rows of all parts, in order. Raises BadInput where there is no part."""
    every = list(parts)
    if not every:
        raise BadInput("There are no windows to put together.")
    return Windows(
        *(np.concatenate([getattr(p, field.name) for p in every]) for field in fields(Windows))
    )
