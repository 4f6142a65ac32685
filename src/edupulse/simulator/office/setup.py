"""What a district sets up before the first student comes: schools, calendars, sections, staff."""

from __future__ import annotations

import numpy as np
import polars as pl

from edupulse.simulator import draws
from edupulse.simulator.courses import CORE, SCED, SLOTS
from edupulse.simulator.days import World
from edupulse.simulator.office.desk import dates, school_ids, section_ids, term_ids
from edupulse.simulator.office.enrollment import counselor_id, counselors
from edupulse.simulator.office.registry import first_names, last_names
from edupulse.simulator.places import TIMEZONE, Places

SCALE = (
    ("A", 95, 4.0, True),
    ("B", 85, 3.0, True),
    ("C", 75, 2.0, True),
    ("D", 65, 1.0, True),
    ("F", 50, 0.0, False),
)
TITLES = ("English", "Mathematics", "Science", "Social Studies", "Art", "Health", "Computing")
MIDSUMMER = 365


def setup(world: World) -> dict[str, pl.DataFrame]:
    """The frames of all files that speak of no student."""
    return {
        "schools": _schools(world.places),
        "coverage": _coverage(world.places),
        "calendar": _calendar(world.places),
        "terms": _terms(world.places),
        "scales": _scales(world.places),
        "sections": _sections(world),
        "staff": _staff(world),
        "section_staff": _section_staff(world),
    }


def _schools(places: Places) -> pl.DataFrame:
    ids = school_ids(places)
    names = [f"{level.title()} School {i}" for i, level in zip(ids, places.levels, strict=True)]
    return pl.DataFrame(
        {
            "school_id": ids,
            "name": names,
            "timezone": [TIMEZONE] * places.count,
            "attendance_recording": np.where(places.every_day, "all", "exceptions").astype(str),
            "passing_percent": places.passing,
            **{f"records_{kind}": flags for kind, flags in places.records.items()},
        }
    )


def _coverage(places: Places) -> pl.DataFrame:
    """Attendance without the days on which the system was down; the rest whole, if recorded."""
    rows: list[tuple[str, str, int, int]] = []
    for school, name in enumerate(school_ids(places)):
        edges = np.flatnonzero(np.diff(places.observed[school].astype(int), prepend=0, append=0))
        rows += [
            (name, "attendance", int(a), int(b) - 1)
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]
        whole = [
            ("marks", places.records["gradebook"][school]),
            ("course_grades", True),
            ("incidents", places.records["incidents"][school]),
        ]
        rows += [(name, kind, 0, places.days - 1) for kind, kept in whole if kept]
    return pl.DataFrame(
        [
            pl.Series("school_id", [r[0] for r in rows]),
            pl.Series("kind", [r[1] for r in rows]),
            dates(places, "observed_from", np.array([r[2] for r in rows])),
            dates(places, "observed_through", np.array([r[3] for r in rows])),
        ]
    )


def _calendar(places: Places) -> pl.DataFrame:
    """The plan, known since the summer before; a snow day as a second version, known that day."""
    weekday = (np.arange(places.days) + places.first.weekday()) % 7
    years = np.array([places.year_of(day) for day in range(places.days)])
    within = np.zeros_like(places.planned)
    for term in places.terms:
        same = [t for t in places.terms if (t.school, t.year) == (term.school, term.year)]
        within[term.school, min(t.begins for t in same) : max(t.ends for t in same) + 1] = True
    school, day = np.nonzero(within & (weekday < 5))
    summer = np.array([int(np.argmax(years == y)) for y in range(years.max() + 1)])
    snow_school, snow_day = np.nonzero(places.planned & ~places.open)
    names = pl.Series("school_id", school_ids(places))
    plan = pl.DataFrame(
        [
            names.gather(school),
            dates(places, "date", day),
            pl.Series("instructional", places.planned[school, day]),
            dates(places, "known_at", summer[years[day]] - MIDSUMMER),
        ]
    )
    snow = pl.DataFrame(
        [
            names.gather(snow_school),
            dates(places, "date", snow_day),
            pl.Series("instructional", np.zeros(snow_day.size, np.bool_)),
            dates(places, "known_at", snow_day),
        ]
    )
    return pl.concat([plan, snow]).sort("school_id", "date", "known_at")


def _terms(places: Places) -> pl.DataFrame:
    terms, names = places.terms, school_ids(places)
    kind = np.where(places.semesters, "Semester", "Quarter")
    return pl.DataFrame(
        [
            pl.Series("school_id", [names[t.school] for t in terms]),
            pl.Series("term_id", term_ids(places)),
            dates(places, "begins_on", np.array([t.begins for t in terms])),
            dates(places, "ends_on", np.array([t.ends for t in terms])),
            pl.Series("name", [f"{kind[t.school]} {t.number + 1}" for t in terms]),
            pl.Series("school_year", [places.first.year + t.year + 1 for t in terms]),
            pl.Series("grading", [True] * len(terms)),
        ]
    )


def _scales(places: Places) -> pl.DataFrame:
    names = school_ids(places)
    rows = [(names[school], *step) for school in np.flatnonzero(places.letters) for step in SCALE]
    return pl.DataFrame(
        rows,
        schema={
            "school_id": pl.String,
            "code": pl.String,
            "percent": pl.Int64,
            "gpa_points": pl.Float64,
            "passing": pl.Boolean,
        },
        orient="row",
    )


def _sections(world: World) -> pl.DataFrame:
    places, courses = world.places, world.courses
    terms = {
        (t.school, t.year, t.number): i for i, t in zip(term_ids(places), places.terms, strict=True)
    }
    keys = zip(courses.school, courses.year, courses.term, strict=True)
    sced = places.sced[courses.school]
    subject = [slot if n < CORE else "other" for n, slot in enumerate(SLOTS)]
    names = zip(courses.slot, courses.grade, strict=True)
    return pl.DataFrame(
        {
            "section_id": section_ids(courses.count),
            "school_id": pl.Series(school_ids(places)).gather(courses.school),
            "term_id": pl.Series(
                [terms.get((int(s), int(y), int(t))) for s, y, t in keys], dtype=pl.String
            ),
            "title": [f"{TITLES[slot]} {grade}" for slot, grade in names],
            "subject": pl.Series(
                [None if s else subject[n] for s, n in zip(sced, courses.slot, strict=True)],
                dtype=pl.String,
            ),
            "sced_code": pl.Series(
                [
                    f"{SCED[n]}{100 + g:03d}" if s else None
                    for s, n, g in zip(sced, courses.slot, courses.grade, strict=True)
                ],
                dtype=pl.String,
            ),
            "credits": np.where(courses.slot < CORE, 1.0, 0.5),
        }
    )


def _teacher_ids(world: World) -> list[str]:
    return [f"T{n + 1:05d}" for n in range(world.courses.teachers.shape[0])]


def _staff(world: World) -> pl.DataFrame:
    """Teachers, counselors and a head of each school, and the district's own."""
    places, courses = world.places, world.courses
    each = counselors(world.plan.students, places.count)
    rows = [
        (i, "teacher", int(s))
        for i, s in zip(_teacher_ids(world), courses.teachers[:, 0], strict=True)
    ]
    for school in range(places.count):
        rows += [(counselor_id(school, n), "counselor", school) for n in range(each)]
        rows.append((f"H{school + 1:03d}", "school_admin", school))
    rows += [("D001", "district_admin", -1), ("D002", "analyst", -1)]
    keys = draws.root(world.plan.seed, "staff", len(rows))
    names = [f"{a} {b}" for a, b in zip(first_names(keys), last_names(keys), strict=True)]
    codes = school_ids(places)
    return pl.DataFrame(
        {
            "staff_id": [r[0] for r in rows],
            "name": names,
            "email": [f"{r[0].lower()}@district.example" for r in rows],
            "login": [f"{r[0].lower()}@district.example" for r in rows],
            "role": [r[1] for r in rows],
            "school_id": pl.Series(
                [codes[r[2]] if r[2] >= 0 else None for r in rows], dtype=pl.String
            ),
        }
    )


def _section_staff(world: World) -> pl.DataFrame:
    """Each section's teacher; one section in forty has the school's head as a second one."""
    courses = world.courses
    ids = section_ids(courses.count)
    teachers = pl.Series(_teacher_ids(world)).gather(courses.teacher)
    both = np.arange(0, courses.count, 40)
    heads = [f"H{courses.school[n] + 1:03d}" for n in both]
    return pl.DataFrame(
        {
            "section_id": ids + [ids[n] for n in both],
            "staff_id": [*teachers, *heads],
        }
    ).sort("section_id", "staff_id")
