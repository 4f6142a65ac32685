"""The 15 grades features, from courses at week ends and from single marks."""

from __future__ import annotations

import numpy as np

from edupulse.features.courses import CLOSED_DAYS, Courses, courses_of
from edupulse.features.marks import (
    Streams,
    assessment_practice_gap,
    marks_of,
    missing_work_rate,
    percent_volatility,
)
from edupulse.features.reference import TICKS, Bools, Ints, Longs
from edupulse.features.robust import slope
from edupulse.features.schedule import DROP_DAYS
from edupulse.features.tally import Block, Floats, last_weeks
from edupulse.school.records import CORE_SUBJECTS, SUBJECTS

SLOPE_WEEKS, SLOPE_MIN_WEEKS = 8, 4
DROP_MIN_MARKS = 3
MIN_CORE_COURSES = MIN_CORE_SUBJECTS = 2
POINT = 1_000
"""Grade points are thousandths."""

OTHER = SUBJECTS.index("other")


def grades(block: Block) -> list[Floats]:
    """The features 15 to 29 of the last weeks, each `[n, weeks]`; NaN where not observed."""
    marks = marks_of(block)
    courses = courses_of(block, marks)
    streams = Streams(block, marks)
    by = ByStudent(block, courses)
    gpa_term = by.gpa(courses.current[:, by.shown])
    return [
        by.gpa(_of_the_year(block, courses)),
        gpa_term,
        gpa_term - _gpa_before(block, courses, by),
        _percent_slope(block, courses, by),
        percent_volatility(streams),
        _max_drop(block, courses, by),
        by.lowest_percent(),
        *_by_subject(by),
        by.failing_share(),
        missing_work_rate(streams),
        assessment_practice_gap(streams),
    ]


class ByStudent:
    """From courses `[N, weeks]` to their students `[n, weeks]`; sums are of whole numbers."""

    def __init__(self, block: Block, courses: Courses) -> None:
        self.block, self.courses = block, courses
        self.shown = slice(courses.current.shape[1] - block.weeks, None)
        self.percent = courses.percent[:, self.shown]
        self.points = courses.points[:, self.shown]
        self.current = courses.current[:, self.shown]
        self.graded = self.current & ~np.isnan(self.percent)

    def total(self, values: Floats | Longs | Bools, rows: Ints | None = None) -> Floats:
        """Σ over each student's courses, or over those in `rows`."""
        student = self.courses.student if rows is None else self.courses.student[rows]
        return self._reduced(np.add, student, values, 0)

    def highest(self, values: Floats) -> Floats:
        """The greatest value among each student's courses; NaN is none."""
        return self._reduced(np.fmax, self.courses.student, values, np.nan)

    def gpa(self, among: Bools) -> Floats:
        """Credit-weighted grade points of the courses `among`; NaN where none has any."""
        counts = among & ~np.isnan(self.points)
        credit = np.where(counts, self.courses.credits[:, None], 0)
        credited = self.total(credit)
        earned = self.total(credit * np.where(counts, self.points, 0))
        return np.asarray(earned / (POINT * np.where(credited > 0, credited, np.nan)), np.float64)

    def lowest_percent(self) -> Floats:
        """Feature 21."""
        return -self.highest(np.where(self.graded, -self.percent, np.nan)) / TICKS

    def failing_share(self) -> Floats:
        """Feature 27: the code's own word, else the percent against the passing mark."""
        courses = self.courses
        said = courses.passing[:, self.shown]
        least = self.block.reference.passing[courses.school][:, None] * (TICKS // 1_000)
        fails = np.where(np.isnan(said), self.percent < least, said == 0)
        known = self.current & ~(np.isnan(said) & np.isnan(self.percent))
        number = self.total(known)
        return self.total(known & fails) / np.where(number > 0, number, np.nan)

    def of_subject(self, subject: int) -> tuple[Floats, Floats, Floats]:
        """Σ credits × percent, Σ credits and number of a subject's courses with a percent."""
        chosen = (self.courses.subject == subject) & (self.courses.credits > 0)
        rows = np.flatnonzero(chosen).astype(np.int32)
        graded, credited = self.graded[rows], self.courses.credits[rows, None]
        credit = np.where(graded, credited, 0)
        worth = credit * np.where(graded, self.percent[rows], 0)
        return self.total(worth, rows), self.total(credit, rows), self.total(graded, rows)

    def _reduced(
        self, how: np.ufunc, student: Ints, values: Floats | Longs | Bools, none: float
    ) -> Floats:
        result = np.full((self.block.size, values.shape[1]), none)
        if student.size:
            starts = np.flatnonzero(np.append(True, student[1:] != student[:-1]))
            whole = values.astype(np.float64)
            result[student[starts]] = how.reduceat(whole, starts, axis=0)
        return result


def _of_the_year(block: Block, courses: Courses) -> Bools:
    """Courses current in a week or closed before, of the school year of that week."""
    path, shown = block.schedule.path[courses.student], slice(-block.weeks, None)
    begun = courses.begins[:, None] <= block.schedule.end[path, shown]
    this_year = courses.ends[:, None] >= block.schedule.year_begins[path, shown]
    return np.asarray(begun & this_year, np.bool_)


def _gpa_before(block: Block, courses: Courses, by: ByStudent) -> Floats:
    """The GPA of the term that closed last before each week, of those that have one."""
    monday = block.schedule.monday[block.schedule.path[courses.student], -block.weeks :]
    ends = courses.ends[:, None]
    counts = (ends < monday) & (ends >= monday - CLOSED_DAYS)
    counts &= ~np.isnan(by.points) & (courses.credits > 0)[:, None]
    last = by.highest(np.where(counts, ends, np.nan))
    return by.gpa(counts & (ends == last[courses.student]))


def _percent_slope(block: Block, courses: Courses, by: ByStudent) -> Floats:
    graded = courses.current & ~np.isnan(courses.percent)
    number = by.total(graded)
    total = by.total(np.where(graded, courses.percent, 0))
    mean = total / (TICKS * np.where(number > 0, number, np.nan))
    return slope(last_weeks(mean, SLOPE_WEEKS)[:, -block.weeks :], SLOPE_MIN_WEEKS)


def _max_drop(block: Block, courses: Courses, by: ByStudent) -> Floats:
    """Walks through the weeks of each window from the oldest, with the highest percent so far."""
    schedule, weeks = block.schedule, block.weeks
    path = schedule.path[courses.student]
    percent = np.where(courses.marks >= DROP_MIN_MARKS, courses.percent, np.nan)
    columns = percent.shape[1]
    now = schedule.end_at[:, columns - weeks :]
    highest = np.full(by.percent.shape, np.nan)
    drop = np.zeros(by.percent.shape)
    for back in range(columns - weeks, -1, -1):
        week = slice(columns - weeks - back, columns - back)
        near = schedule.held[:, week] & (now - schedule.end_at[:, week] < DROP_DAYS)
        if not near.any():
            continue
        value = np.where(near[path], percent[:, week], np.nan)
        drop = np.fmax(drop, highest - value)
        highest = np.fmax(highest, value)
    return by.highest(np.where(by.graded, drop, np.nan)) / TICKS


def _by_subject(by: ByStudent) -> tuple[Floats, ...]:
    """Features 22 to 26."""
    parts = [by.of_subject(subject) for subject in range(len(SUBJECTS))]
    means = [_mean(worth, credited) for worth, credited, _ in parts]
    core = parts[: len(CORE_SUBJECTS)]
    worth, credited, number = (sum(part[at] for part in core) for at in range(3))
    core_mean = _mean(np.asarray(worth), np.asarray(credited))
    by_subject = np.stack(means[: len(CORE_SUBJECTS)])
    subjects = (~np.isnan(by_subject)).sum(0)
    spread = np.fmax.reduce(by_subject) - np.fmin.reduce(by_subject)
    return (
        means[SUBJECTS.index("ela")],
        means[SUBJECTS.index("math")],
        np.where(number >= MIN_CORE_COURSES, core_mean, np.nan),
        core_mean - means[OTHER],
        np.where(subjects >= MIN_CORE_SUBJECTS, spread, np.nan),
    )


def _mean(worth: Floats, credited: Floats) -> Floats:
    return np.asarray(worth / (TICKS * np.where(credited > 0, credited, np.nan)), np.float64)
