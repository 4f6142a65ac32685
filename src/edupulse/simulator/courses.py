"""The sections: seven a student, who teaches them, and when which work is due."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.places import Places
from edupulse.simulator.plan import DistrictPlan

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

SLOTS = ("ela", "math", "science", "social_studies", "arts", "health", "computing")
CORE = 4
SCED = ("01", "02", "03", "04", "05", "08", "10")
CLASS_SIZE = 25
DUE_SHARE = 0.285
ASSESSMENT_SHARE = 0.22
LENIENCY = 2.0
ASSESSMENT_WEIGHT, PRACTICE_WEIGHT = 60.0, 40.0


@dataclass(frozen=True)
class Courses:
    """All sections, and for each day of their year what is due.

    `first[school, year, grade, slot]` is the index of a course's first section and
    `groups[school, year, grade]` their number; where a course is by the term (electives of schools
    with semesters), the second term's sections follow. `points[section, day of its year]` are the
    points possible of what is due (0: nothing), `assessment` whether it is one.
    """

    first: Ints
    groups: Ints
    school: Ints
    year: Ints
    grade: Ints
    slot: Ints
    term: Ints
    teacher: Ints
    teachers: Ints
    leniency: Floats
    points: npt.NDArray[np.uint8]
    assessment: npt.NDArray[np.bool_]
    year_begins: Ints

    @property
    def count(self) -> int:
        """The number of sections."""
        return int(self.school.size)

    def sections_of(
        self, who: draws.Keys, school: Ints, grade: Ints, year: int, term: Ints
    ) -> Ints:
        """The seven sections of each student: `int32[n, 7]`; `term` is the place in the year."""
        groups = self.groups[school, year, grade]
        found = np.empty((who.size, len(SLOTS)), np.int32)
        for slot in range(len(SLOTS)):
            group = (draws.uniform(who, "group", year, slot) * groups).astype(np.int32)
            first = self.first[school, year, grade, slot] + group
            found[:, slot] = first + np.where(self.term[first] >= 0, term * groups, 0)
        return found


def build_courses(plan: DistrictPlan, places: Places) -> Courses:
    """The sections of every school, year and grade, sized for about 25 students each."""
    first, groups, columns = _table(plan, places)
    school, year, grade, slot, term, group = columns
    keys = draws.root(plan.seed, "section", school.size)
    begins = np.array(
        [places.day(places.first.replace(year=plan.first_year + y)) for y in range(plan.years)],
        np.int32,
    )
    teacher, teachers = _teachers(school, slot, grade, group)
    leniency = LENIENCY * draws.normal(draws.root(plan.seed, "teacher", teachers.shape[0]), "mild")
    points, assessment = _work(keys, places, school, year, term, begins)
    return Courses(
        first,
        groups,
        school,
        year,
        grade,
        slot,
        term,
        teacher,
        teachers,
        leniency[teacher],
        points,
        assessment,
        begins,
    )


def _table(plan: DistrictPlan, places: Places) -> tuple[Ints, Ints, Ints]:
    first = np.zeros((places.count, plan.years, 13, len(SLOTS)), np.int32)
    groups = np.ones((places.count, plan.years, 13), np.int32)
    rows: list[tuple[int, int, int, int, int, int]] = []
    grades = np.unique(np.concatenate([np.arange(a, b + 1) for a, b in _spans(places)]))
    for year in range(plan.years):
        for school, (low, high) in enumerate(_spans(places)):
            for grade in range(low, high + 1):
                size = plan.students / grades.size / places.serving(grade).size
                number = max(1, round(size / CLASS_SIZE))
                groups[school, year, grade] = number
                for slot in range(len(SLOTS)):
                    first[school, year, grade, slot] = len(rows)
                    by_term = places.semesters[school] and slot >= CORE
                    rows.extend(
                        (school, year, grade, slot, term, group)
                        for term in ((0, 1) if by_term else (-1,))
                        for group in range(number)
                    )
    return first, groups, np.array(rows, np.int32).T


def _spans(places: Places) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in zip(places.low, places.high, strict=True)]


def _teachers(school: Ints, slot: Ints, grade: Ints, group: Ints) -> tuple[Ints, Ints]:
    """A teacher of each section, and the table (school, slot, number) of all teachers."""
    number = (grade + group) % np.maximum(1, (group.max(initial=0) + 2))
    posts = np.stack([school, slot, number], axis=1)
    teachers, teacher = np.unique(posts, axis=0, return_inverse=True)
    return teacher.reshape(-1).astype(np.int32), teachers.astype(np.int32)


def _work(
    keys: draws.Keys, places: Places, school: Ints, year: Ints, term: Ints, begins: Ints
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    points = np.zeros((school.size, 366), np.uint8)
    assessment = np.zeros((school.size, 366), np.bool_)
    number = np.array([t.number for t in places.terms] + [-1], np.int32)
    for offset in range(366):
        day = np.minimum(begins[year] + offset, places.days - 1)
        held = places.open[school, day] & ((term < 0) | (number[places.term[school, day]] == term))
        due = np.flatnonzero(held & (draws.uniform(keys, "due", offset) < DUE_SHARE))
        test = draws.uniform(keys[due], "test", offset) < ASSESSMENT_SHARE
        large = draws.uniform(keys[due], "large", offset) < 0.4
        points[due, offset] = np.where(test, np.where(large, 100, 50), np.where(large, 20, 10))
        assessment[due, offset] = test
    return points, assessment
