"""The 15 grades features, from courses at week ends and from single marks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edupulse.features.compiled import compiled, reading
from edupulse.features.courses import CLOSED_DAYS, Courses, courses_of
from edupulse.features.mark_windows import (
    assessment_practice_gap,
    missing_work_rate,
    percent_volatility,
)
from edupulse.features.marks import marks_of
from edupulse.features.reference import TICKS, Bools, Ints
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
_SUBJECTS = len(SUBJECTS)
NEVER_CLOSED = -(2**30)


class Weeks(NamedTuple):
    """Of each path, its weeks `[U, C]` (see Schedule); and the path of each student."""

    path: Ints
    held: Bools
    monday: Ints
    end: Ints
    end_at: Ints
    year_begins: Ints


class Gpa(NamedTuple):
    """Σ credits x points (thousandths) and Σ credits of some courses, `[n, W]`."""

    points: Floats
    credits: Floats


class Totals(NamedTuple):
    """Sums over the courses of each student at the ends of the weeks shown, `[n, W]`.

    `graded` and `percent` are the number and Σ of percents (ticks) of current courses in all
    weeks `[n, C]`; `worth`, `credits` and `number` are by subject `[n, W, subjects]`, of courses
    that have credits. `lowest` and `drop` (ticks) are NaN where no course has a percent.
    """

    this_year: Gpa
    current: Gpa
    before: Gpa
    graded: Floats
    percent: Floats
    lowest: Floats
    drop: Floats
    worth: Floats
    credits: Floats
    number: Floats
    known: Floats
    failing: Floats


def grades(block: Block) -> list[Floats]:
    """The features 15 to 29 of the last weeks, each `[n, weeks]`; NaN where not observed."""
    marks = marks_of(block)
    totals = _totals(reading(courses_of(block, marks)), _weeks(block), block.weeks)
    gpa_term = _gpa(totals.current)
    return [
        _gpa(totals.this_year),
        gpa_term,
        gpa_term - _gpa(totals.before),
        _percent_slope(block, totals),
        percent_volatility(block, marks),
        totals.drop / TICKS,
        totals.lowest / TICKS,
        *_by_subject(totals),
        totals.failing / np.where(totals.known > 0, totals.known, np.nan),
        missing_work_rate(block, marks),
        assessment_practice_gap(block, marks),
    ]


def _weeks(block: Block) -> Weeks:
    schedule = block.schedule
    return reading(
        Weeks(
            schedule.path,
            schedule.held,
            schedule.monday,
            schedule.end,
            schedule.end_at,
            schedule.year_begins,
        )
    )


def _gpa(sums: Gpa) -> Floats:
    """Credit-weighted grade points; NaN where no course has any."""
    credited = np.where(sums.credits > 0, sums.credits, np.nan)
    return np.asarray(sums.points / (POINT * credited), np.float64)


def _percent_slope(block: Block, totals: Totals) -> Floats:
    mean = totals.percent / (TICKS * np.where(totals.graded > 0, totals.graded, np.nan))
    return slope(last_weeks(mean, SLOPE_WEEKS)[:, -block.weeks :], SLOPE_MIN_WEEKS)


def _by_subject(totals: Totals) -> tuple[Floats, ...]:
    """Features 22 to 26."""
    means = _mean(totals.worth, totals.credits)
    core = slice(0, len(CORE_SUBJECTS))
    number = totals.number[..., core].sum(-1)
    core_mean = _mean(totals.worth[..., core].sum(-1), totals.credits[..., core].sum(-1))
    subjects = (~np.isnan(means[..., core])).sum(-1)
    spread = np.fmax.reduce(means[..., core], axis=-1) - np.fmin.reduce(means[..., core], axis=-1)
    return (
        means[..., SUBJECTS.index("ela")],
        means[..., SUBJECTS.index("math")],
        np.where(number >= MIN_CORE_COURSES, core_mean, np.nan),
        core_mean - means[..., OTHER],
        np.where(subjects >= MIN_CORE_SUBJECTS, spread, np.nan),
    )


def _mean(worth: Floats, credited: Floats) -> Floats:
    return np.asarray(worth / (TICKS * np.where(credited > 0, credited, np.nan)), np.float64)


@compiled
def _totals(courses: Courses, weeks: Weeks, shown: int) -> Totals:
    """Walks through the courses of each student, and through the weeks of each course."""
    students, columns = courses.begin.size - 1, weeks.monday.shape[1]
    size, subjects = (students, shown), (students, shown, _SUBJECTS)
    totals = Totals(
        Gpa(np.zeros(size), np.zeros(size)),
        Gpa(np.zeros(size), np.zeros(size)),
        Gpa(np.zeros(size), np.zeros(size)),
        np.zeros((students, columns)),
        np.zeros((students, columns)),
        np.full(size, np.nan),
        np.full(size, np.nan),
        np.zeros(subjects),
        np.zeros(subjects),
        np.zeros(subjects),
        np.zeros(size),
        np.zeros(size),
    )
    closed, drop = np.empty(shown, np.int32), np.empty(shown)
    current = np.empty(columns, np.bool_)
    for student in range(students):
        path = weeks.path[student]
        monday, end = weeks.monday[path], weeks.end[path]
        closed[:] = NEVER_CLOSED
        for course in range(courses.begin[student], courses.begin[student + 1]):
            _latest_closed(courses, course, monday, closed)
        for course in range(courses.begin[student], courses.begin[student + 1]):
            for column in range(columns):
                begun = courses.begins[course] <= end[column]
                current[column] = begun and courses.ends[course] >= monday[column]
            reached = np.where(
                courses.marks[course] >= DROP_MIN_MARKS, courses.percent[course], np.nan
            )
            _drops(reached, weeks.held[path], weeks.end_at[path], drop)
            _add_points(totals, courses, course, weeks, student, closed)
            _add_percents(totals, courses, course, current, student, drop)
            _add_failing(totals, courses, course, current, student)
    return totals


@compiled
def _latest_closed(courses: Courses, course: int, monday: Ints, closed: Ints) -> None:
    """The last day of the term that closed last before each week, of courses with points."""
    ends, first = courses.ends[course], monday.size - closed.size
    if not courses.credits[course]:
        return
    for week in range(closed.size):
        before = monday[first + week] - CLOSED_DAYS <= ends < monday[first + week]
        if before and not np.isnan(courses.points[course, first + week]):
            closed[week] = max(closed[week], ends)


@compiled
def _drops(percent: Floats, held: Bools, end_at: Ints, drop: Floats) -> None:
    """The greatest fall from a week's end to a later one within DROP_DAYS own days; 0: none."""
    first = percent.size - drop.size
    for week in range(drop.size):
        highest, drop[week] = -1.0, 0.0
        since = first + week
        while since > 0 and end_at[first + week] - end_at[since - 1] < DROP_DAYS:
            since -= 1
        for column in range(since, first + week + 1):
            if held[column] and percent[column] >= 0:
                drop[week] = max(drop[week], highest - percent[column])
                highest = max(highest, percent[column])


@compiled
def _add_points(
    totals: Totals, courses: Courses, course: int, weeks: Weeks, student: int, closed: Ints
) -> None:
    """To the GPA of the year, of the current terms and of the term that closed last."""
    path, credit = weeks.path[student], courses.credits[course]
    begins, ends = courses.begins[course], courses.ends[course]
    first = weeks.monday.shape[1] - closed.size
    for week in range(closed.size):
        column = first + week
        points = courses.points[course, column]
        if np.isnan(points):
            continue
        if begins <= weeks.end[path, column]:
            if ends >= weeks.year_begins[path, column]:
                totals.this_year.points[student, week] += credit * points
                totals.this_year.credits[student, week] += credit
            if ends >= weeks.monday[path, column]:
                totals.current.points[student, week] += credit * points
                totals.current.credits[student, week] += credit
        if ends == closed[week]:
            totals.before.points[student, week] += credit * points
            totals.before.credits[student, week] += credit


@compiled
def _add_percents(
    totals: Totals, courses: Courses, course: int, current: Bools, student: int, drop: Floats
) -> None:
    """The percent of a current course, to its subject too if it has credits, and its drop."""
    subject, credit = courses.subject[course], courses.credits[course]
    for column in range(current.size):
        percent = courses.percent[course, column]
        if np.isnan(percent) or not current[column]:
            continue
        totals.graded[student, column] += 1
        totals.percent[student, column] += percent
        week = column - current.size + drop.size
        if week >= 0:
            totals.drop[student, week] = np.fmax(totals.drop[student, week], drop[week])
            totals.lowest[student, week] = np.fmin(totals.lowest[student, week], percent)
            if credit > 0 and subject >= 0:
                totals.worth[student, week, subject] += credit * percent
                totals.credits[student, week, subject] += credit
                totals.number[student, week, subject] += 1


@compiled
def _add_failing(
    totals: Totals, courses: Courses, course: int, current: Bools, student: int
) -> None:
    """Whether a current course is failed: by the posted code's own word, else by the percent."""
    shown = totals.known.shape[1]
    for week in range(shown):
        column = current.size - shown + week
        percent, passing = courses.percent[course, column], courses.passing[course, column]
        said = not np.isnan(passing)
        if current[column] and (said or not np.isnan(percent)):
            totals.known[student, week] += 1
            fails = passing == 0 if said else percent < courses.fails_below[course]
            totals.failing[student, week] += fails
