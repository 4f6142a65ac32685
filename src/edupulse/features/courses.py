"""Courses: one student in one section in one term, and what each was worth at each week's end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from edupulse.features.compiled import compiled, reading
from edupulse.features.marks import MOST_PERCENT, Marks
from edupulse.features.reference import LOOKBACK, TICKS, Ints, Longs, Reference, positions
from edupulse.features.tally import Block, Floats

CLOSED_DAYS = 366
"""Calendar days for which a closed term stays the one before (a summer and a gap year's edge)."""

NO_TERM = -1
NOWHERE = -1
_CATEGORIES = 3
_MILLI_TICKS = TICKS // 1_000


class Courses(NamedTuple):
    """The N courses of a block, those of each student together, and `[N, C]` at week ends.

    `begin` int64[n + 1] is where each student's begin. `percent` (ticks), `points` (thousandths
    of grade points) and `passing` (0 or 1, where the posted code says so) are NaN where there is
    none. `marks` counts the marks so far. `begins` and `ends` are the first and last day of the
    term, `fails_below` the percent (ticks) below which the school fails.
    """

    begin: Longs
    subject: Ints
    credits: Longs
    begins: Ints
    ends: Ints
    fails_below: Longs
    marks: Ints
    percent: Floats
    points: Floats
    passing: Floats


class Posted(NamedTuple):
    """Posted course grades, each student's together and in order of time (NaN: says nothing)."""

    begin: Longs
    section: Ints
    term: Ints
    week: Ints
    percent: Floats
    points: Floats
    passing: Floats


class TermOf(NamedTuple):
    """Of which term a mark is: its section's own, else the one of its day; and their last days."""

    own: Ints
    on_day: Ints
    ends: Ints


class Found(NamedTuple):
    """The courses found, and to which of them each mark and posted grade belongs."""

    begin: Longs
    section: Ints
    term: Ints
    of_mark: Ints
    of_posted: Ints


class Steps(NamedTuple):
    """The school's scale, percent (ticks) to grade points, by school row; and each course's row."""

    school: Ints
    least: Longs
    points: Longs


class Weeks(NamedTuple):
    """The week from which on something of a calendar day counts, by path; each student's path."""

    path: Ints
    column_on: Ints


def courses_of(block: Block, marks: Marks) -> Courses:
    """The courses whose marks or posted grades can matter to the weeks of the schedule."""
    reference, schedule = block.reference, block.schedule
    sections, terms = reference.sections, reference.terms
    posted = _posted(block)
    oldest = np.minimum(schedule.monday[:, 0], schedule.monday[:, -block.weeks] - CLOSED_DAYS)
    of = TermOf(sections.term, reference.grading_term, terms.ends)
    found = _found(reading(marks), reading(posted), reading(of), oldest[schedule.path])
    school = sections.school[found.section]
    steps = Steps(school, reference.scale.least, reference.scale.points)
    weeks = Weeks(schedule.path, schedule.column_on)
    number, percent, points, passing = _at_week_ends(
        reading(found),
        reading(marks),
        reading(posted),
        reading(steps),
        reading(weeks),
        schedule.held.shape[1],
    )
    return Courses(
        begin=found.begin,
        subject=sections.subject[found.section],
        credits=sections.credits[found.section],
        begins=terms.begins[found.term],
        ends=terms.ends[found.term],
        fails_below=reference.passing[school] * _MILLI_TICKS,
        marks=number,
        percent=percent,
        points=points,
        passing=passing,
    )


@compiled
def _found(marks: Marks, posted: Posted, terms: TermOf, oldest: Ints) -> Found:
    """Each student's courses in the order in which they turn up, without those too old."""
    students = oldest.size
    most = marks.due.size + posted.week.size
    begin = np.zeros(students + 1, np.int64)
    section, term = np.empty(most, np.int32), np.empty(most, np.int32)
    before = np.empty(most, np.int32)
    newest = np.full(terms.own.size, NOWHERE, np.int32)
    of_mark = np.full(marks.due.size, NOWHERE, np.int32)
    of_posted = np.full(posted.week.size, NOWHERE, np.int32)
    many = 0
    for student in range(students):
        for at in range(marks.begin[student], marks.begin[student + 1]):
            here = marks.section[at]
            when = terms.own[here]
            if when < 0:
                when = terms.on_day[marks.school[at], marks.due[at]]
            if when >= 0 and terms.ends[when] >= oldest[student]:
                of_mark[at] = _course(here, when, section, term, before, newest, many)
                many = max(many, of_mark[at] + 1)
        for at in range(posted.begin[student], posted.begin[student + 1]):
            here, when = posted.section[at], posted.term[at]
            if terms.ends[when] >= oldest[student]:
                of_posted[at] = _course(here, when, section, term, before, newest, many)
                many = max(many, of_posted[at] + 1)
        for course in range(begin[student], many):
            newest[section[course]] = NOWHERE
        begin[student + 1] = many
    return Found(begin, section[:many].copy(), term[:many].copy(), of_mark, of_posted)


@compiled
def _course(
    here: int, when: int, section: Ints, term: Ints, before: Ints, newest: Ints, many: int
) -> int:
    """The student's course in a section and term, or a new one: `newest` leads to `before`."""
    course = newest[here]
    while course >= 0 and term[course] != when:
        course = before[course]
    if course < 0:
        course = many
        section[course], term[course], before[course] = here, when, newest[here]
        newest[here] = course
    return course


@compiled
def _at_week_ends(
    found: Found, marks: Marks, posted: Posted, steps: Steps, weeks: Weeks, columns: int
) -> tuple[Ints, Floats, Floats, Floats]:
    """How many marks, percent, points and passing of each course at each week's end."""
    many = found.section.size
    number = np.zeros((many, columns), np.int32)
    percent, points = np.empty((many, columns)), np.empty((many, columns))
    passing = np.empty((many, columns))
    most = np.max(np.diff(found.begin)) if found.begin.size > 1 else 0
    sums = np.zeros((most, columns, _CATEGORIES, 3), np.int64)
    latest = np.empty((most, columns), np.int32)
    for student in range(found.begin.size - 1):
        first, stop = found.begin[student], found.begin[student + 1]
        sums[: stop - first] = 0
        latest[: stop - first] = NOWHERE
        column_on = weeks.column_on[weeks.path[student]]
        for at in range(marks.begin[student], marks.begin[student + 1]):
            course = found.of_mark[at]
            if course < 0 or marks.percent[at] < 0 or marks.counts_from[at] >= LOOKBACK:
                continue
            week = column_on[marks.counts_from[at]]
            if week < columns:
                number[course, week] += 1
                part = sums[course - first, week, marks.category[at]]
                part[0] += marks.earned[at]
                part[1] += marks.possible[at]
                part[2] = max(part[2], np.int64(marks.category_weight[at]))
        for at in range(posted.begin[student], posted.begin[student + 1]):
            if found.of_posted[at] >= 0 and posted.week[at] < columns:
                latest[found.of_posted[at] - first, posted.week[at]] = at
        for course in range(first, stop):
            _run(number[course], sums[course - first], percent[course])
            school = steps.school[course]
            _say(posted, latest[course - first], percent[course], points[course], passing[course])
            _grade(steps.least[school], steps.points[school], percent[course], points[course])
    return number, percent, points, passing


@compiled
def _run(number: Ints, sums: Longs, percent: Floats) -> None:
    """Running sums from what arrived in each week, and the percent they make; NaN: none yet."""
    percent[0] = _percent(sums[0]) if number[0] else np.nan
    for week in range(1, number.size):
        if not number[week]:
            percent[week], sums[week] = percent[week - 1], sums[week - 1]
        else:
            for category in range(_CATEGORIES):
                before, now = sums[week - 1, category], sums[week, category]
                now[0] += before[0]
                now[1] += before[1]
                now[2] = max(now[2], before[2])
            percent[week] = _percent(sums[week])
        number[week] += number[week - 1]


@compiled
def _percent(by_category: Longs) -> float:
    """Weighted by category, those with points and a weight; else earned by possible points.

    A category weighs the greatest weight given in it so far.
    """
    total, weights, earned, possible = 0.0, 0, 0, 0
    for category in range(_CATEGORIES):
        part = by_category[category]
        earned += part[0]
        possible += part[1]
        if part[1] > 0 and part[2] > 0:
            total += part[2] * _ticks(part[0], part[1])
            weights += part[2]
    if weights > 0:
        return np.rint(total / weights)
    return _ticks(earned, possible) if possible > 0 else np.nan


@compiled
def _ticks(earned: int, possible: int) -> float:
    return min(np.rint(earned * (100.0 * TICKS) / possible), np.float64(MOST_PERCENT * TICKS))


@compiled
def _say(posted: Posted, latest: Ints, percent: Floats, points: Floats, passing: Floats) -> None:
    """What the newest posted grade says goes before what the marks make."""
    newest = NOWHERE
    for week in range(latest.size):
        newest = max(newest, latest[week])
        points[week] = passing[week] = np.nan
        if newest >= 0:
            points[week], passing[week] = posted.points[newest], posted.passing[newest]
            if not np.isnan(posted.percent[newest]):
                percent[week] = posted.percent[newest]


@compiled
def _grade(least: Longs, worth: Longs, percent: Floats, points: Floats) -> None:
    """Points of the highest step of the scale that is reached, where none are posted; below, 0."""
    for week in range(percent.size):
        if np.isnan(points[week]) and not np.isnan(percent[week]):
            points[week] = 0.0
            for step in range(least.size):
                if percent[week] >= least[step]:
                    points[week] = worth[step]


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
    said = _worth(reference, frame).sort(
        "place", "day", "kind", "percent", "code", nulls_last=False
    )
    place = said["place"].to_numpy()
    return Posted(
        begin=np.searchsorted(place, np.arange(block.size + 1)),
        section=said["section"].to_numpy(),
        term=said["term"].to_numpy(),
        week=block.schedule.column_on[block.schedule.path[place], said["day"].to_numpy()],
        percent=_MILLI_TICKS * _floats(said["percent"]),
        points=_floats(said["gpa_points"]),
        passing=_floats(said["passing"]),
    )


def _worth(reference: Reference, frame: pl.DataFrame) -> pl.DataFrame:
    """With the term's row, and percent, points and passing by the school's scale."""
    scales = reference.codes.rename({"percent": "scale_percent"})
    terms = reference.terms.keys.select("school", "term_id", named_term="term")
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
