"""Districts in which everything happens that outcomes must cope with."""

from __future__ import annotations

import random
from datetime import date, timedelta

from panel.districts import District, weekdays

STUDENTS = tuple(range(1, 13))
SCHOOLS = (1, 2, 3)


def random_district(seed: int) -> District:
    draw = random.Random(seed)  # noqa: S311 - a test's draw, no secret
    district = District()
    for school in SCHOOLS:
        _school(district, school, draw)
    for student in STUDENTS:
        _student(district, student, draw)
    return district


def _school(district: District, school: int, draw: random.Random) -> None:
    recording = "all" if draw.random() < 0.3 else "exceptions"
    district.school(school, recording=recording, covered=False)
    begins, ends = date(2024, 9, draw.randint(1, 5)), date(2025, 1, draw.randint(10, 31))
    off = draw.sample(weekdays(begins, ends), draw.randint(0, 15))
    fridays = draw.random() < 0.2
    held = [d for d in weekdays(begins, ends) if not (fridays and d.weekday() == 4)]
    for day in held:
        if day not in off:
            district.add("calendar", school=school, date=day, instructional=True)
    middle = begins + timedelta(days=draw.randint(40, 100))
    district.term(begins, middle, "a", school, grading=draw.random() < 0.8)
    district.term(middle + timedelta(days=1), ends, "b", school)
    if draw.random() < 0.9:
        through = date(2024, 11, draw.randint(1, 30)) if draw.random() < 0.3 else ends
        district.covered("attendance", begins, through, school)
    if draw.random() < 0.9:
        through = date(2024, 12, draw.randint(1, 30)) if draw.random() < 0.3 else ends
        district.covered("course_grades", begins, through, school)


def _student(district: District, student: int, draw: random.Random) -> None:
    school, entered = draw.choice(SCHOOLS), date(2024, 9, 1)
    exits = ("promoted", "graduated", "transferred", "dropped_out", "other", None)
    while True:
        left = entered + timedelta(days=draw.randint(20, 150)) if draw.random() < 0.6 else None
        how = draw.choice(exits) if left else None
        district.enroll(student, entered, left, how, school=school)
        if left is None or left > date(2025, 1, 1) or draw.random() < 0.5:
            break
        school, entered = draw.choice(SCHOOLS), left + timedelta(days=draw.randint(1, 10))
    if draw.random() < 0.2:
        other = draw.choice(SCHOOLS)
        district.enroll(student, date(2024, 9, 20), school=other, primary=draw.random() < 0.3)
    _attendance(district, student, draw)
    for _ in range(draw.randint(0, 5)):
        district.grade(
            draw.choice((None, 40_000, 59_999, 60_000, 95_000)),
            draw.choice((None, None, "A", "F", "?")),
            student,
            draw.choice("ab"),
            draw.choice(("math", "ela", "other", None)),
            school=draw.choice((school, *SCHOOLS)),
            kind=draw.choice(("final", "final", "progress")),
        )
    for _ in range(draw.choice((0, 0, 1, 2))):
        district.sent_home(
            date(2024, 9, 10) + timedelta(days=draw.randint(0, 120)),
            draw.choice((500, 1_000, 2_500, 10_000, 30_000, None)),
            student,
            draw.choice(("out_of_school", "in_school", "expulsion")),
        )


def _attendance(district: District, student: int, draw: random.Random) -> None:
    rate = draw.choice((0.0, 0.05, 0.1, 0.2, 0.4))
    notes = draw.choice((0.0, 0.9))
    seen = set()
    for day in weekdays(date(2024, 9, 1), date(2025, 1, 31)):
        if draw.random() < max(rate, notes):
            away = draw.random() < (rate if notes else 1)
            statuses = ("excused", "unexcused", "absent") if away else ("present", "tardy")
            status, school = draw.choice(statuses), draw.choice((*SCHOOLS, None))
            if (day, status, school) not in seen:
                seen.add((day, status, school))
                fraction = draw.choice((None, 250, 500, 700, 1_000)) if away else None
                district.absent(
                    day, student=student, status=status, school=school, fraction=fraction
                )
