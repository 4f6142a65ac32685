"""Random small districts with everything that makes schools hard to count.

Two school years with a summer, schools with different calendars (four-day weeks, breaks, one
that writes every day), half days, moves, concurrent enrollments, gaps of coverage, late knowledge,
corrections and retractions, whole-year sections, categories, codes, open exclusions.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from builders import District, weekdays

YEARS = (("2024-11-04", "2025-03-28"), ("2025-08-18", "2025-12-19"))
TERMS = (
    ("A1", "2024-11-04", "2025-01-17", 2025),
    ("A2", "2025-01-20", "2025-03-28", 2025),
    ("B1", "2025-08-18", "2025-10-17", 2026),
    ("B2", "2025-10-20", "2025-12-19", None),
)
SCHOOLS, STUDENTS = (1, 2, 3), (1, 2, 3, 4)
FLAGS = ("excuse", "tardies", "partial_days", "gradebook", "incidents")
SUBJECTS = ("ela", "math", "science", "social_studies", "other", None)
CODES = ("A", "B", "F", "P", "?")


def random_district(seed: int) -> tuple[District, datetime]:
    """A district and an instant at which to look at it."""
    chance = Random(seed)  # noqa: S311 - it makes a district, not a secret
    district = District()
    days = {school: _school(chance, district, school) for school in SCHOOLS}
    for student in STUDENTS:
        homes = _enrollments(chance, district, student)
        _attendance(chance, district, student, homes, days)
        _gradebook(chance, district, student, days)
        _discipline(chance, district, student)
    return district, _as_of(chance)


def _as_of(chance: Random) -> datetime:
    day = date(2025, 9, 1) + timedelta(chance.randrange(115))
    if chance.random() < 0.25:
        day = date(2025, 2, 1) + timedelta(chance.randrange(180))
    return datetime.combine(day, time(chance.randrange(24), 30), tzinfo=UTC)


def _school(chance: Random, district: District, school: int) -> list[date]:
    days = [day for begin, end in YEARS for day in weekdays(begin, end)]
    if school == 2:
        days = [day for day in days if day.weekday() != 4]
    off = set(chance.sample(days, 12))
    days = [day for day in days if day not in off]
    flags = {f"records_{flag}": chance.random() < 0.8 for flag in FLAGS}
    district.school(
        school,
        days,
        covered=(),
        attendance_recording="all" if school == 3 else "exceptions",
        passing_percent=chance.choice((60, 65, 70)),
        timezone=chance.choice(("America/Los_Angeles", "Europe/Berlin", None)),
        **flags,
    )
    for kind in ("attendance", "marks", "course_grades", "incidents"):
        _coverage(chance, district, school, kind)
    for term, begin, end, year in TERMS:
        district.term(school, term, begin, end, school_year=year)
    if chance.random() < 0.3:
        district.term(school, "progress", "2025-09-01", "2025-10-01", grading=False)
    _sections(chance, district, school)
    return days


def _coverage(chance: Random, district: District, school: int, kind: str) -> None:
    if chance.random() < 0.1:
        return
    cut = date(2025, 8, 1) + timedelta(chance.randrange(100))
    last = date(2026, 1, 1) if chance.random() < 0.7 else cut + timedelta(30)
    spans = [(date(2024, 1, 1), cut), (cut + timedelta(chance.choice((1, 9))), last)]
    for begin, end in spans:
        district.add(
            "coverage", school=school, kind=kind, observed_from=begin, observed_through=end
        )


def _sections(chance: Random, district: District, school: int) -> None:
    for number, subject in enumerate(SUBJECTS * 2):
        term = chance.choice((None, "A1", "A2", "B1", "B2"))
        district.add(
            "sections",
            section=100 * school + number,
            school=school,
            term_id=term,
            subject=subject,
            credits=chance.choice((0, 0.5, 1, 1, 1)),
        )
    if chance.random() < 0.6:
        for code, percent, points, passing in (
            ("A", 92, 4, True),
            ("B", 81.5, 2.7, None),
            ("F", 30, 0, False),
            ("P", None, None, True),
        ):
            district.add(
                "scales",
                school=school,
                code=code,
                percent=percent,
                gpa_points=points,
                passing=passing,
            )


def _enrollments(chance: Random, district: District, student: int) -> list[int]:
    homes = chance.sample(SCHOOLS, 2)
    move = date(2024, 11, 20) + timedelta(chance.randrange(380))
    stays = chance.random() < 0.4
    district.add(
        "enrollments",
        student=student,
        school=homes[0],
        grade_level=9,
        entered_on=date(2024, 11, 4),
        left_on=None if stays else move,
    )
    if not stays:
        again = move + timedelta(chance.choice((0, 1, 20)))
        district.add(
            "enrollments", again, student=student, school=homes[1], grade_level=10, entered_on=again
        )
    if chance.random() < 0.4:
        begin = date(2025, 1, 10) + timedelta(chance.randrange(250))
        district.add(
            "enrollments",
            student=student,
            school=homes[1],
            grade_level=9,
            entered_on=begin,
            left_on=begin + timedelta(60),
            primary=chance.random() < 0.5,
        )
    return homes


def _attendance(
    chance: Random,
    district: District,
    student: int,
    homes: list[int],
    days: dict[int, list[date]],
) -> None:
    rate = chance.choice((0.03, 0.15, 0.4))
    for school in homes:
        for day in days[school]:
            absent = chance.random() < rate
            if not absent and not (school == 3 and chance.random() < 0.9):
                continue
            status = (
                chance.choice(("excused", "unexcused", "absent", "tardy")) if absent else "present"
            )
            fraction = chance.choice((None, None, 0.25, 0.5, 1)) if absent else None
            known = day + timedelta(chance.choice((0, 0, 0, 3, 30)))
            row = {"student": student, "school": school, "date": day}
            district.add("attendance", known, **row, status=status, fraction=fraction)
            if absent and chance.random() < 0.1:
                other = {"excused": "unexcused"}.get(status, "excused")
                district.add("attendance", known, **row, status=other, fraction=0.5)
            if chance.random() < 0.05:
                later = known + timedelta(7)
                district.add("attendance", later, retracted=True, **row, status=status)


def _gradebook(
    chance: Random, district: District, student: int, days: dict[int, list[date]]
) -> None:
    weighted = chance.random() < 0.5
    for school in SCHOOLS:
        if chance.random() < 0.4:
            continue
        for number in chance.sample(range(12), 4):
            section = 100 * school + number
            for assignment, day in enumerate(chance.sample(days[school], 30)):
                _mark(chance, district, student, section, f"m{assignment}", day, weighted)
            for term in chance.sample(("A1", "A2", "B1", "B2"), 2):
                _grade(chance, district, student, section, term, chance.choice(days[school]))


def _mark(
    chance: Random,
    district: District,
    student: int,
    section: int,
    assignment: str,
    day: date,
    weighted: bool,
) -> None:
    category = chance.choice(("assessment", "practice", None))
    weights = chance.choice((None, 0, 0.4, 1)) if weighted and section % 2 else None
    due = day + timedelta(chance.choice((0, 0, 0, 1, 2)))
    district.add(
        "marks",
        due + timedelta(chance.choice((-2, 0, 1, 10))),
        student=student,
        section=section,
        assignment_id=assignment,
        due_on=due,
        category=category,
        points=chance.choice((None, 0, 3, 7, 8.5, 10, 12)),
        points_possible=chance.choice((None, 0, 10, 10, 10, 10, 20)),
        status=chance.choice((None, "scored", "scored", "missing", "late", "excused")),
        weight=chance.choice((1, 1, 2, 0)),
        category_weight=weights,
    )


def _grade(
    chance: Random, district: District, student: int, section: int, term: str, day: date
) -> None:
    for kind in chance.sample(("progress", "final"), chance.choice((1, 2))):
        posted = day + timedelta(chance.choice((0, 0, 12)))
        district.add(
            "course_grades",
            posted,
            student=student,
            section=section,
            posted_on=posted,
            percent=chance.choice((None, 55, 68.5, 91)),
            code=chance.choice((None, *CODES)),
            term_id=term,
            kind=kind,
        )


def _discipline(chance: Random, district: District, student: int) -> None:
    for number in range(chance.choice((0, 2, 8, 25))):
        day = date(2024, 11, 4) + timedelta(chance.randrange(400))
        incident = {"incident_id": f"i{number}", "student": student}
        row = {
            **incident,
            "date": day,
            "behavior": chance.choice(("fighting", "disruption", "theft")),
            "severity": chance.choice((1, 2, 3, 4, 5, None)),
            "role": chance.choice(("perpetrator", "perpetrator", "perpetrator", "victim")),
        }
        district.add("incidents", day, **row)
        if chance.random() < 0.15:
            district.add("incidents", day + timedelta(20), **row, overturned=True)
        if chance.random() < 0.4:
            begins = day + timedelta(chance.randrange(4))
            district.add(
                "exclusions",
                begins,
                **incident,
                kind="out_of_school",
                begins_on=begins,
                days=chance.choice((None, 0.5, 3, 10)),
            )
