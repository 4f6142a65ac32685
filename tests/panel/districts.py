"""Readable districts for the tests of outcomes, panels and splits."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl

from edupulse.panel.windows import Cohort
from edupulse.school.knowledge import History, Known, with_known_until
from edupulse.school.records import ALWAYS, KIND_BY_NAME

YEAR_BEGINS, YEAR_ENDS = date(2024, 9, 2), date(2025, 6, 13)
Day = date | str


def day(text: Day) -> date:
    return text if isinstance(text, date) else date.fromisoformat(text)


def end(text: Day) -> datetime:
    return datetime.combine(day(text), time.max, tzinfo=UTC)


def weekdays(begins: Day, ends: Day) -> list[date]:
    span = (day(ends) - day(begins)).days + 1
    every = (day(begins) + timedelta(days=n) for n in range(span))
    return [d for d in every if d.weekday() < 5]


class District:
    """Rows of records, added one fact at a time; `known` reads them through the one door."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, object]]] = {}
        self.number = 0

    def add(self, name: str, /, known_from: datetime = ALWAYS, **row) -> None:
        filled = {column: row.get(column) for column in KIND_BY_NAME[name].schema}
        stamped = {**filled, "known_from": known_from, "retracted": False}
        self.rows.setdefault(name, []).append(stamped)

    def school(self, school=1, timezone="UTC", recording="exceptions", covered=True) -> District:
        self.add(
            "schools",
            school=school,
            name="S",
            timezone=timezone,
            attendance_recording=recording,
            passing_percent=60_000,
            **{
                f"records_{what}": True
                for what in ("excuse", "tardies", "partial_days", "gradebook", "incidents")
            },
        )
        self.scale(school, "F", False).scale(school, "A", True)
        for kind in ("attendance", "course_grades") if covered else ():
            self.covered(kind, school=school)
        return self

    def scale(self, school: int, code: str, passing: bool) -> District:
        self.add("scales", school=school, code=code, passing=passing)
        return self

    def covered(self, kind: str, begins: Day = "2000-01-01", through: Day = "2100-01-01", school=1):
        self.add(
            "coverage",
            school=school,
            kind=kind,
            observed_from=day(begins),
            observed_through=day(through),
        )
        return self

    def year(self, begins: Day = YEAR_BEGINS, ends: Day = YEAR_ENDS, school=1, without=()):
        for held in weekdays(begins, ends):
            if held not in [day(d) for d in without]:
                self.add("calendar", school=school, date=held, instructional=True)
        return self

    def term(self, begins: Day, ends: Day, term="t", school=1, grading=True) -> District:
        self.add(
            "terms",
            school=school,
            term_id=term,
            begins_on=day(begins),
            ends_on=day(ends),
            school_year=day(ends).year + (day(ends).month >= 8),
            grading=grading,
        )
        return self

    def enroll(
        self, student=1, entered: Day = YEAR_BEGINS, left=None, how=None, **more
    ) -> District:
        row = {"school": 1, "grade_level": 9, "primary": True, **more}
        self.add(
            "enrollments",
            student=student,
            entered_on=day(entered),
            left_on=day(left) if left else None,
            exit_type=how,
            **row,
        )
        return self

    def absent(
        self, *days: Day, student=1, status="unexcused", fraction=None, school=1
    ) -> District:
        for missed in days:
            self.add(
                "attendance",
                student=student,
                date=day(missed),
                status=status,
                school=school,
                fraction=fraction,
            )
        return self

    def grade(
        self, percent=None, code=None, student=1, term="t", subject="math", **more
    ) -> District:
        self.number += 1
        posted, known_from = more.get("posted", "2024-12-20"), more.get("known_from", ALWAYS)
        self.add(
            "sections",
            section=self.number,
            school=more.get("school", 1),
            term_id=term,
            subject=subject,
            credits=1_000,
        )
        self.add(
            "course_grades",
            known_from,
            student=student,
            section=self.number,
            posted_on=day(posted),
            percent=percent,
            code=code,
            kind=more.get("kind", "final"),
        )
        return self

    def sent_home(self, begins: Day, days=None, student=1, kind="out_of_school") -> District:
        self.number += 1
        self.add(
            "exclusions",
            student=student,
            incident_id=f"i{self.number}",
            kind=kind,
            begins_on=day(begins),
            days=days,
        )
        return self

    def history(self, students=(1,)) -> History:
        frames = {}
        for name, rows in self.rows.items():
            kind = KIND_BY_NAME[name]
            schema = {k: v for k, v in kind.version_schema.items() if k != "known_until"}
            frames[name] = with_known_until(kind, pl.DataFrame(rows, schema=schema))
        return History(np.array(students, np.int32), frames)

    def known(self, as_of: datetime, students=(1,)) -> Known:
        return self.history(students).at(as_of)


def cohort(students=(1,), school=1, as_of: Day | datetime = "2024-10-01") -> Cohort:
    instant = as_of if isinstance(as_of, datetime) else end(as_of)
    size = len(students)
    schools = np.broadcast_to(np.asarray(school, np.int32), (size,))
    when = np.full(size, np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us"))
    return Cohort(np.array(students, np.int32), schools, when)
