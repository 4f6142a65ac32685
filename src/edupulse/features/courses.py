"""Courses: one student in one section in one term, and what each was worth at each week's end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from edupulse.features.marks import Marks, ticks
from edupulse.features.reference import LOOKBACK, TICKS, Bools, Ints, Longs, Reference, positions
from edupulse.features.tally import Block, Floats

CLOSED_DAYS = 366
"""Calendar days for which a closed term stays the one before (a summer and a gap year's edge)."""

NO_TERM = -1
_CATEGORIES = 3
_MILLI_TICKS = TICKS // 1_000


@dataclass(frozen=True)
class Courses:
    """The N courses of a block in order of student, and `[N, C]` what they were at week ends.

    `percent` (ticks), `points` (thousandths of grade points) and `passing` (0 or 1, where the
    posted code says so) are NaN where there is none. `marks` counts the marks so far. `current`
    says in which weeks the term runs.
    """

    student: Ints
    school: Ints
    subject: Ints
    credits: Longs
    begins: Ints
    ends: Ints
    current: Bools
    marks: Ints
    percent: Floats
    points: Floats
    passing: Floats


@dataclass(frozen=True)
class Posted:
    """Posted course grades in order of time: course key and what they say (NaN: nothing)."""

    key: Longs
    week: Ints
    percent: Floats
    points: Floats
    passing: Floats


def courses_of(block: Block, marks: Marks) -> Courses:
    """The courses whose marks or posted grades can matter to the weeks of the schedule."""
    reference, schedule = block.reference, block.schedule
    sections, terms = reference.sections, reference.terms
    posted = _posted(block)
    key = _key_of_marks(block, marks)
    keys = np.unique(np.append(key[key >= 0], posted.key))
    student, section, term = _parts(reference, keys)
    path = schedule.path[student]
    oldest = np.minimum(schedule.monday[:, 0], schedule.monday[:, -block.weeks] - CLOSED_DAYS)
    matters = terms.ends[term] >= oldest[path]
    keys, path = keys[matters], path[matters]
    student, section, term = student[matters], section[matters], term[matters]
    school = sections.school[section]
    number, percent = _earned(block, marks, _place(keys, key), student)
    latest = _latest(posted, _place(keys, posted.key), (keys.size, schedule.held.shape[1]))
    said = np.append(posted.percent, np.nan)[latest]
    percent = np.where(np.isnan(said), percent, said)
    said = np.append(posted.points, np.nan)[latest]
    begins, ends = terms.begins[term], terms.ends[term]
    return Courses(
        student=student,
        school=school,
        subject=sections.subject[section],
        credits=sections.credits[section],
        begins=begins,
        ends=ends,
        current=(begins[:, None] <= schedule.end[path]) & (ends[:, None] >= schedule.monday[path]),
        marks=number,
        percent=percent,
        points=np.where(np.isnan(said), _points(reference, school, percent), said),
        passing=np.append(posted.passing, np.nan)[latest],
    )


def _key(reference: Reference, student: Ints, section: Ints, term: Ints) -> Longs:
    """One integer for student, section and term, in their order; −1 without a section or term."""
    sections, terms = max(reference.sections.keys.size, 1), max(reference.terms.begins.size, 1)
    key = (student.astype(np.int64) * sections + section) * terms + term
    return np.where((section >= 0) & (term >= 0), key, -1)


def _parts(reference: Reference, key: Longs) -> tuple[Ints, Ints, Ints]:
    sections, terms = max(reference.sections.keys.size, 1), max(reference.terms.begins.size, 1)
    both, term = np.divmod(key, terms)
    student, section = np.divmod(both, sections)
    return student.astype(np.int32), section.astype(np.int32), term.astype(np.int32)


def _place(keys: Longs, wanted: Longs) -> Ints:
    """Where each wanted key is among the sorted `keys`; −1 where it is not."""
    if not keys.size:
        return np.full(wanted.size, -1, np.int32)
    at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[at] == wanted, at, -1).astype(np.int32)


def _key_of_marks(block: Block, marks: Marks) -> Longs:
    reference = block.reference
    own_term = reference.sections.term[marks.section]
    by_day = reference.grading_term[marks.school, marks.due]
    term = np.where(own_term >= 0, own_term, by_day)
    return _key(reference, marks.student, marks.section, term)


def _earned(block: Block, marks: Marks, course: Ints, student: Ints) -> tuple[Ints, Floats]:
    """How many marks count in each course by each week's end, and the percent they make."""
    shape = (student.size, block.schedule.held.shape[1])
    counts = (course >= 0) & (marks.percent >= 0) & (marks.counts_from < LOOKBACK)
    week = np.full(course.shape, shape[1], np.int32)
    week[counts] = block.schedule.column_on[
        block.schedule.path[marks.student[counts]], marks.counts_from[counts]
    ]
    counts &= week < shape[1]
    at = course[counts].astype(np.int64) * shape[1] + week[counts]
    number = np.bincount(at, minlength=shape[0] * shape[1]).reshape(shape)
    earned = _running(at, marks.earned[counts], shape)
    possible = _running(at, marks.possible[counts], shape)
    percent = ticks(earned, np.where(possible > 0, possible, np.nan))
    weighted = counts & (marks.category_weight >= 0)
    if weighted.any():
        rows = np.unique(course[weighted])
        by_category = _by_category(marks, course, week, counts, rows, shape[1])
        percent[rows] = np.where(np.isnan(by_category), percent[rows], by_category)
    return np.cumsum(number, axis=1, dtype=np.int32), percent


def _running(at: Longs, values: Longs, shape: tuple[int, int]) -> Longs:
    sums = np.zeros(shape[0] * shape[1], np.int64)
    np.add.at(sums, at, values)
    return np.cumsum(sums.reshape(shape), axis=1)


def _by_category(
    marks: Marks, course: Ints, week: Ints, counts: Bools, rows: Ints, weeks: int
) -> Floats:
    """The percent of courses `rows` weighted by category; NaN while none has a weight.

    A category weighs the greatest weight given in it so far, and takes part once it has points.
    """
    place = positions(rows, course)
    total = np.zeros((rows.size, weeks))
    weights = np.zeros((rows.size, weeks), np.int64)
    for category in range(_CATEGORIES):
        here = counts & (place >= 0) & (marks.category == category)
        at = place[here].astype(np.int64) * weeks + week[here]
        earned = _running(at, marks.earned[here], (rows.size, weeks))
        possible = _running(at, marks.possible[here], (rows.size, weeks))
        weight = np.zeros(rows.size * weeks, np.int64)
        np.maximum.at(weight, at, marks.category_weight[here])
        weight = np.maximum.accumulate(weight.reshape(rows.size, weeks), axis=1)
        weight = np.where(possible > 0, weight, 0)
        percent = ticks(earned, np.where(possible > 0, possible, 1))
        total += weight * percent
        weights += weight
    return np.rint(total / np.where(weights > 0, weights, np.nan))


def _posted(block: Block) -> Posted:
    """Posted grades of covered days that say something, the newest last; final beats progress."""
    reference, rows = block.reference, block.rows["course_grades"]
    section = positions(reference.sections.keys, rows.frame["section"].to_numpy())
    day = reference.offset(rows.frame["posted_on"].cast(pl.Int32).to_numpy())
    school = reference.sections.school[section] if reference.sections.keys.size else section
    covered = (section >= 0) & reference.covered["course_grades"][school, day]
    frame = rows.frame.with_columns(
        place=rows.student,
        section=section,
        day=day,
        school=reference.calendar.schools[school],
        own_term=reference.sections.term[section] if reference.sections.keys.size else section,
    ).filter(pl.Series(covered))
    said = _worth(block, frame).sort("day", "kind", "percent", "code", nulls_last=False)
    place, section, term = (said[name].to_numpy() for name in ("place", "section", "term"))
    week = block.schedule.column_on[block.schedule.path[place], said["day"].to_numpy()]
    return Posted(
        key=_key(reference, place, section, term),
        week=week,
        percent=_MILLI_TICKS * _floats(said["percent"]),
        points=_floats(said["gpa_points"]),
        passing=_floats(said["passing"]),
    )


def _worth(block: Block, frame: pl.DataFrame) -> pl.DataFrame:
    """With the term's row, and percent, points and passing by the school's scale."""
    scales = block.reference.codes.rename({"percent": "scale_percent"})
    terms = block.reference.terms.keys.select("school", "term_id", named_term="term")
    known = frame.join(terms, ["school", "term_id"], "left", maintain_order="left").join(
        scales, ["school", "code"], "left", maintain_order="left"
    )
    own_term = pl.when(pl.col("own_term") >= 0).then("own_term")
    return known.with_columns(
        term=pl.coalesce(own_term, "named_term").fill_null(NO_TERM).cast(pl.Int32),
        percent=pl.coalesce("percent", "scale_percent"),
        kind=pl.col("kind").to_physical().fill_null(1),
    ).filter(
        pl.col("term") >= 0,
        pl.any_horizontal(pl.col("percent", "gpa_points", "passing").is_not_null()),
    )


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _latest(posted: Posted, course: Ints, shape: tuple[int, int]) -> Ints:
    """Which posted grade is the newest of each course at each week's end, −1 if none."""
    latest = np.full(shape, -1, np.int32)
    here = (course >= 0) & (posted.week < shape[1])
    at = np.flatnonzero(here).astype(np.int32)
    np.maximum.at(latest, (course[here], posted.week[here]), at)
    return np.maximum.accumulate(latest, axis=1)


def _points(reference: Reference, school: Ints, percent: Floats) -> Floats:
    """Grade points by the school's scale: of the highest step reached; below all, 0."""
    scale = reference.scale
    points = np.where(np.isnan(percent), np.nan, 0.0)
    for step in range(scale.least.shape[1]):
        reached = percent >= scale.least[school, step][:, None]
        np.copyto(points, scale.points[school, step][:, None], where=reached, casting="unsafe")
    return points
