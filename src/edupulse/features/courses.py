"""Courses: one student in one section in one term, and what each was worth at each week's end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edupulse.features.compiled import compiled, reading
from edupulse.features.marks import MOST_PERCENT, Marks
from edupulse.features.reference import LOOKBACK, TICKS, Ints, Longs, Reference, positions
from edupulse.features.tally import Block, Floats
from edupulse.school.columns import MISSING, Columns, Distinct

CLOSED_DAYS = 366
"""Calendar days for which a closed term stays the one before (a summer and a gap year's edge)."""

PROGRESS = 0
"""The kind of a grade within a term; one of no kind counts as final."""

NO_TERM = -1
NOWHERE = -1
_CATEGORIES = 3
_SUMS = 3
EARNED, POSSIBLE, WEIGHT = range(_SUMS)
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
    """Posted course grades of covered days that say something, each student's together.

    `week` is the first at whose end it was posted. Of two the one that was posted later holds,
    then a final one, then the higher percent, then the code that comes last: `rank` is those.
    """

    begin: Longs
    section: Ints
    term: Ints
    week: Ints
    rank: Longs
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
    posted = reading(_posted(block))
    oldest = np.minimum(schedule.monday[:, 0], schedule.monday[:, -block.weeks] - CLOSED_DAYS)
    of = TermOf(sections.term, reference.grading_term, terms.ends)
    found = _found(marks, posted, reading(of), oldest[schedule.path])
    school = sections.school[found.section]
    steps = Steps(school, reference.scale.least, reference.scale.points)
    weeks = Weeks(schedule.path, schedule.column_on)
    number, percent, points, passing = _at_week_ends(
        reading(found),
        marks,
        posted,
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
) -> np.int32:
    """The student's course in a section and term, or a new one: `newest` leads to `before`."""
    course = newest[here]
    while course >= 0 and term[course] != when:
        course = before[course]
    if course < 0:
        course = many
        section[course], term[course], before[course] = here, when, newest[here]
        newest[here] = course
    return np.int32(course)


@compiled
def _at_week_ends(
    found: Found, marks: Marks, posted: Posted, steps: Steps, weeks: Weeks, columns: int
) -> tuple[Ints, Floats, Floats, Floats]:
    """How many marks, percent, points and passing of each course at each week's end."""
    many = found.section.size
    number = np.zeros((many, columns), np.int32)
    percent, points = np.empty((many, columns)), np.full((many, columns), np.nan)
    passing = np.full((many, columns), np.nan)
    most = np.max(np.diff(found.begin)) if found.begin.size > 1 else 0
    sums = np.zeros((most, _SUMS, _CATEGORIES, columns), np.int64)
    newest = np.empty((most, columns), np.int32)
    for student in range(found.begin.size - 1):
        first, stop = found.begin[student], found.begin[student + 1]
        sums[: stop - first] = 0
        newest[: stop - first] = NOWHERE
        column_on = weeks.column_on[weeks.path[student]]
        _add_marks(student, found, marks, column_on, number, sums)
        _find_newest(student, found, posted, newest)
        for course in range(first, stop):
            _run(number[course], sums[course - first], percent[course])
            latest = NOWHERE
            for week in range(columns):
                if newest[course - first, week] >= 0:
                    latest = newest[course - first, week]
                if latest >= 0:
                    points[course, week] = posted.points[latest]
                    passing[course, week] = posted.passing[latest]
                    if not np.isnan(posted.percent[latest]):
                        percent[course, week] = posted.percent[latest]
            school = steps.school[course]
            _grade(steps.least[school], steps.points[school], percent[course], points[course])
    return number, percent, points, passing


@compiled
def _add_marks(
    student: int, found: Found, marks: Marks, column_on: Ints, number: Ints, sums: Longs
) -> None:
    """Each of the student's marks to its course's sums, in the week from which on it counts."""
    for at in range(marks.begin[student], marks.begin[student + 1]):
        course = found.of_mark[at]
        if course < 0 or marks.percent[at] < 0 or marks.counts_from[at] >= LOOKBACK:
            continue
        week, category = column_on[marks.counts_from[at]], marks.category[at]
        if week < number.shape[1]:
            number[course, week] += 1
            course -= found.begin[student]
            sums[course, EARNED, category, week] += marks.earned[at]
            sums[course, POSSIBLE, category, week] += marks.possible[at]
            weight = max(sums[course, WEIGHT, category, week], marks.category_weight[at])
            sums[course, WEIGHT, category, week] = weight


@compiled
def _find_newest(student: int, found: Found, posted: Posted, newest: Ints) -> None:
    """Which of the student's posted grades of a course and week holds."""
    for at in range(posted.begin[student], posted.begin[student + 1]):
        course, week = found.of_posted[at] - found.begin[student], posted.week[at]
        if found.of_posted[at] >= 0 and week < newest.shape[1]:
            other = newest[course, week]
            if other < 0 or posted.rank[at] > posted.rank[other]:
                newest[course, week] = at


@compiled
def _run(number: Ints, sums: Longs, percent: Floats) -> None:
    """Running sums from what arrived in each week, and the percent they make; NaN: none yet.

    Weighted by category, of those with points and a weight, which is the greatest given so far;
    if there are none, earned by possible points.
    """
    before = np.nan
    running = np.zeros((_SUMS, _CATEGORIES), np.int64)
    for week in range(number.size):
        if number[week]:
            total, weights, earned, possible = 0.0, 0, 0, 0
            for category in range(_CATEGORIES):
                running[EARNED, category] += sums[EARNED, category, week]
                running[POSSIBLE, category] += sums[POSSIBLE, category, week]
                weight = max(running[WEIGHT, category], sums[WEIGHT, category, week])
                running[WEIGHT, category] = weight
                earned += running[EARNED, category]
                possible += running[POSSIBLE, category]
                if weight > 0 and running[POSSIBLE, category] > 0:
                    part = _ticks(running[EARNED, category], running[POSSIBLE, category])
                    total += weight * part
                    weights += weight
            if weights > 0:
                before = np.rint(total / weights)
            elif possible > 0:
                before = _ticks(earned, possible)
        percent[week] = before
        if week:
            number[week] += number[week - 1]


@compiled
def _ticks(earned: int, possible: int) -> np.float64:
    percent = np.rint(earned * (100.0 * TICKS) / possible)
    return np.float64(min(percent, MOST_PERCENT * TICKS))


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
    """Those that say something of a term, at known sections."""
    reference, rows = block.reference, block.rows["course_grades"]
    section = positions(reference.sections.keys, rows.columns["section"])
    day = reference.offset(rows.columns["posted_on"])
    school = reference.sections.school[section] if reference.sections.keys.size else section
    counts = (section >= 0) & reference.covered["course_grades"][school, day]
    section, day, school = section[counts], day[counts], school[counts]
    rows = rows.where(counts)
    student, columns = rows.student, rows.columns
    term = _term(reference, columns, section, school)
    words, code = _ranks(columns.distinct("code"))
    stated = np.where(columns["percent"] == MISSING, np.nan, columns["percent"])
    percent, points, passing = _worth(reference, stated, words, code, school)
    final = columns["kind"] != PROGRESS
    says = (term >= 0) & ~(np.isnan(percent) & np.isnan(points) & np.isnan(passing))
    rank = _rank(day, final, percent, code)
    week = block.schedule.column_on[block.schedule.path[student], day]
    begin = np.searchsorted(student[says], np.arange(block.size + 1))
    return Posted(
        begin=begin,
        section=section[says],
        term=term[says],
        week=week[says],
        rank=rank[says],
        percent=_MILLI_TICKS * percent[says],
        points=points[says],
        passing=passing[says],
    )


def _term(reference: Reference, columns: Columns, section: Ints, school: Ints) -> Ints:
    """The row of the section's own term, else of the one that is named; NO_TERM: neither."""
    own = reference.sections.term[section]
    if np.all(own >= 0):
        return own
    terms = reference.terms
    words, which = columns.distinct("term_id")
    names = np.array([terms.names.get(word, NO_TERM) for word in words], np.int32)
    return np.where(own >= 0, own, terms.named[school, names[which]])


def _ranks(column: Distinct) -> tuple[list[str], Longs]:
    """All words in their order, and each row's place among them, from 1 on; 0: null."""
    words = sorted(word for word in column.words if word is not None)
    places = {word: place for place, word in enumerate(words, 1)}
    ranks = np.array([0 if word is None else places[word] for word in column.words], np.int64)
    return words, ranks[column.which]


def _worth(
    reference: Reference, posted: Floats, words: list[str], code: Longs, school: Ints
) -> tuple[Floats, Floats, Floats]:
    """Percent, points and passing as posted, else by the code in the school's scale."""
    if not words:
        none = np.full(code.shape, np.nan)
        return posted, none, none
    table = np.full((3, reference.calendar.schools.size, len(words) + 1), np.nan)
    for place, word in enumerate(words, 1):
        for row, worth in reference.codes.get(word, ()):
            table[:, row, place] = worth
    percent, points, passing = table[:, school, code]
    return np.where(np.isnan(posted), percent, posted), points, passing


def _rank(day: Ints, final: npt.NDArray[np.bool_], percent: Floats, code: Longs) -> Longs:
    """One integer in the order of day, kind, percent (none before 0) and code."""
    milli = np.where(np.isnan(percent), -1, percent).astype(np.int64) + 1
    codes, percents = int(code.max(initial=0)) + 1, int(milli.max(initial=0)) + 1
    return ((day.astype(np.int64) * 2 + final) * percents + milli) * codes + code
