"""The one way from records to features: `weekly_features(known)`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt

from edupulse.features.attendance import attendance
from edupulse.features.catalog import FEATURES, NAMES
from edupulse.features.discipline import discipline
from edupulse.features.grades import grades
from edupulse.features.reference import Bools, Ints
from edupulse.features.schedule import NO_GRADE, NO_SCHOOL
from edupulse.features.tally import BLOCK, Block, blocks
from edupulse.school.columns import clipped
from edupulse.school.knowledge import Known

WEEKS = 20
_LOW, _HIGH = (
    np.array(bounds, np.float64)[:, None, None]
    for bounds in zip(*((feature.low, feature.high) for feature in FEATURES), strict=True)
)


@dataclass(frozen=True)
class WeeklyFeatures:
    """The features of n students in their last instructional weeks, as of one instant.

    The weeks are right-aligned: the last column is the current week to date, `held` says which
    are not padding, `week_start` is the Monday (NaT where padded). `values` float32
    `[n, weeks, 42]` is NaN exactly where `observed` is false. `school` and `grade_level` are
    those of the primary enrollment on the last day (−1 and −128: not enrolled), `enrolled_days`
    the instructional days enrolled in that school year.
    """

    students: npt.NDArray[np.int32]
    week_start: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float32]
    observed: Bools
    held: Bools
    enrolled_days: Ints
    school: Ints
    grade_level: npt.NDArray[np.int8]


def held_weeks(
    weekly: WeeklyFeatures, row: int = 0
) -> Iterator[tuple[date, dict[str, float | None]]]:
    """The Monday of each week that is not padding, and its values by name; None: not observed."""
    for column in np.flatnonzero(weekly.held[row]).tolist():
        values = weekly.values[row, column].tolist()
        told = (None if math.isnan(value) else value for value in values)
        yield weekly.week_start[row, column].item(), dict(zip(NAMES, told, strict=True))


def weekly_features(known: Known, weeks: int = WEEKS, block: int = BLOCK) -> WeeklyFeatures:
    """The 42 features of the last `weeks` instructional weeks of each student of `known`.

    Students come in the order of `known.students`; `block` is how many are worked on at a time
    and changes nothing else. Raises `Leakage` for anything but a `Known`.
    """
    parts = [_features_of(part) for part in blocks(known, weeks, block)]
    keys = np.unique(known.students)
    whole = _joined(keys, parts) if parts else _unobserved(keys, weeks)
    if np.array_equal(keys, known.students):
        return whole
    place = np.searchsorted(keys, known.students)
    return WeeklyFeatures(*(getattr(whole, field.name)[place] for field in fields(whole)))


def _features_of(block: Block) -> WeeklyFeatures:
    schedule, path = block.schedule, block.schedule.path
    shown = slice(schedule.held.shape[1] - block.weeks, None)
    held = schedule.held[path, shown]
    families = (*attendance(block), *grades(block), *discipline(block))
    wide = np.empty((len(FEATURES), *held.shape))
    for value, all_weeks in zip(wide, families, strict=True):
        value[:] = all_weeks[:, -block.weeks :]
    np.clip(wide, _LOW, _HIGH, out=wide)
    wide[:, ~held] = np.nan
    values = np.ascontiguousarray(wide.transpose(1, 2, 0), np.float32)
    monday = np.where(
        held, schedule.monday[path, shown].astype("datetime64[D]"), np.datetime64("NaT")
    )
    school, grade_level = _enrolled(block)
    return WeeklyFeatures(
        students=np.empty(0, np.int32),
        week_start=monday,
        values=values,
        observed=~np.isnan(values),
        held=held,
        enrolled_days=_enrolled_days(block, school),
        school=np.where(school >= 0, block.reference.calendar.schools[school], NO_SCHOOL),
        grade_level=grade_level,
    )


def _enrolled(block: Block) -> tuple[Ints, npt.NDArray[np.int8]]:
    """School row and grade level of the primary enrollment on its school's last day."""
    rows, last_days = block.enrollments, block.reference.last_days
    today = last_days[rows.school]
    now = (rows.entered <= today) & (today <= rows.left)
    school = np.full(block.size, NO_SCHOOL, np.int32)
    grade_level = np.full(block.size, NO_GRADE, np.int8)
    school[rows.student[now]] = rows.school[now]
    grade_level[rows.student[now]] = rows.grade_level[now]
    return school, grade_level


def _enrolled_days(block: Block, school: Ints) -> Ints:
    """Own days since the school year began at the present school, else at the last one."""
    schedule, reference = block.schedule, block.reference
    last = schedule.school[schedule.path, np.maximum(schedule.end_at[schedule.path, -1] - 1, 0)]
    row = np.where(school >= 0, school, last)
    calendar = reference.calendar
    year = calendar.year_of(row, reference.last_days[row])
    begins = calendar.year_begins[row, np.maximum(year, 0)]
    since = clipped(reference.offset(begins), 0, schedule.counted.shape[1] - 1)
    total = schedule.counted[schedule.path, -1]
    days = total - schedule.counted[schedule.path, since]
    return np.where((year >= 0) & (total > 0), days, 0).astype(np.int32)


def _joined(keys: Ints, parts: list[WeeklyFeatures]) -> WeeklyFeatures:
    names = [field.name for field in fields(WeeklyFeatures) if field.name != "students"]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return WeeklyFeatures(students=keys, **joined)


def _unobserved(keys: Ints, weeks: int) -> WeeklyFeatures:
    """Nobody, or students of no known school."""
    shape = (keys.size, weeks)
    return WeeklyFeatures(
        students=keys,
        week_start=np.full(shape, np.datetime64("NaT"), "datetime64[D]"),
        values=np.full((*shape, len(FEATURES)), np.nan, np.float32),
        observed=np.zeros((*shape, len(FEATURES)), np.bool_),
        held=np.zeros(shape, np.bool_),
        enrolled_days=np.zeros(keys.size, np.int32),
        school=np.full(keys.size, NO_SCHOOL, np.int32),
        grade_level=np.full(keys.size, NO_GRADE, np.int8),
    )
