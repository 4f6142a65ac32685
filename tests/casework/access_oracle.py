"""A third opinion on who may see whom: from the district's own files, pair by pair, in plain words.

It shares no code with `casework/access.py` or the database's policies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

Row = dict[str, object]
PARTS = ("names", "facts", "scores", "contacts", "disclosures")
OF_ROLE = {
    "teacher": {"names", "facts", "scores"},
    "counselor": {"names", "facts", "scores", "contacts"},
    "school_admin": {"names", "facts", "scores", "contacts", "disclosures"},
    "district_admin": {"names", "facts", "scores", "contacts", "disclosures"},
    "analyst": {"facts", "scores"},
}


def newest(frame: pl.DataFrame, key: tuple[str, ...], known_by: date) -> list[Row]:
    """Of each record the version that was known last, if the file says when."""
    rows = frame.to_dicts()
    if "known_at" not in frame.columns:
        return rows
    kept: dict[tuple[object, ...], Row] = {}
    for row in sorted(rows, key=lambda row: str(row["known_at"])):
        if row["known_at"] is None or row["known_at"] <= known_by:
            kept[tuple(row[k] for k in key)] = row
    return list(kept.values())


def on(day: date, row: Row, first: str, last: str) -> bool:
    begins, ends = row[first], row[last]
    return (begins is None or begins <= day) and (ends is None or day <= ends)


def eighteen(born: date, day: date) -> bool:
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    leapling = (born.month, born.day) == (2, 29) and (day.month, day.day) == (2, 28)
    return years >= 18 or (leapling and day.year - born.year == 18)


@dataclass
class Opinion:
    """Who sees what on `day`, with what was known by `known_by`; ids are the district's own."""

    frames: Mapping[str, pl.DataFrame]
    day: date
    known_by: date
    families_see_scores: bool = False
    _enrolled: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        files = self.frames
        enrollments = newest(
            files["enrollments"], ("student_id", "school_id", "entered_on"), self.known_by
        )
        for row in enrollments:
            if on(self.day, row, "entered_on", "left_on"):
                self._enrolled[str(row["student_id"])].add(str(row["school_id"]))
        self.staff = files["staff"].to_dicts()
        self.sections = {row["section_id"]: row for row in files["sections"].to_dicts()}
        self.terms = {(r["school_id"], r["term_id"]): r for r in files["terms"].to_dicts()}
        self.seats = newest(
            files["section_students"], ("section_id", "student_id", "entered_on"), self.known_by
        )
        self.numbers = self._one_student()
        self.births: dict[str, list[date]] = defaultdict(list)
        for row in files["students"].to_dicts():
            if row["birth_date"] is not None:
                self.births[self.stands_for(row["student_id"])].append(row["birth_date"])

    def _one_student(self) -> dict[str, str]:
        return {
            str(row["old_student_id"]): str(row["student_id"])
            for row in self.frames["student_ids"].to_dicts()
        }

    def stands_for(self, number: str) -> str:
        way = [number]
        while way[-1] in self.numbers:
            way.append(self.numbers[way[-1]])
            if len(set(way)) < len(way):
                return number
        return way[-1]

    def staff_sees(self, staff_id: str) -> Iterator[tuple[str, str]]:
        """Student number that stands, and part."""
        jobs = [row for row in self.staff if row["staff_id"] == staff_id]
        for job in jobs:
            for student in self._students_of(staff_id, job):
                for part in OF_ROLE[str(job["role"])]:
                    yield self.stands_for(student), part

    def _students_of(self, staff_id: str, job: Row) -> Iterator[str]:
        match job["role"]:
            case "teacher":
                yield from self._taught(staff_id)
            case "counselor":
                for row in self.frames["caseloads"].to_dicts():
                    if row["staff_id"] == staff_id and on(self.day, row, "from", "to"):
                        yield str(row["student_id"])
            case "school_admin":
                for student, schools in self._enrolled.items():
                    if job["school_id"] in schools:
                        yield student
            case "district_admin" | "analyst":
                yield from self.everyone()

    def _taught(self, staff_id: str) -> Iterator[str]:
        rows = self.frames["section_staff"].to_dicts()
        mine = {row["section_id"] for row in rows if row["staff_id"] == staff_id}
        for seat in self.seats:
            if seat["section_id"] in mine and self._meets(seat):
                yield str(seat["student_id"])

    def everyone(self) -> set[str]:
        listed = [self.frames["students"]["student_id"].to_list()]
        listed += [list(self.numbers), list(self.numbers.values())]
        return {str(number) for numbers in listed for number in numbers}

    def _meets(self, seat: Row) -> bool:
        section = self.sections[seat["section_id"]]
        if not on(self.day, seat, "entered_on", "left_on"):
            return False
        if not self._enrolled.get(str(seat["student_id"])):
            return False
        if section["term_id"] is not None:
            term = self.terms.get((section["school_id"], section["term_id"]))
            return term is not None and on(self.day, term, "begins_on", "ends_on")
        return seat["entered_on"] is None or (self.day - seat["entered_on"]).days <= 366

    def guardian_sees(self, guardian_id: str) -> Iterator[tuple[str, str]]:
        words: dict[str, list[bool]] = defaultdict(list)
        for row in self.frames["guardians"].to_dicts():
            if row["guardian_id"] == guardian_id:
                words[self.stands_for(str(row["student_id"]))].append(
                    row["may_see_records"] is True
                )
        for child, said in words.items():
            births = self.births[child]
            if all(said) and births and not any(eighteen(born, self.day) for born in births):
                yield from self._family(child)

    def student_sees(self, number: str) -> Iterator[tuple[str, str]]:
        oneself = self.stands_for(number)
        births = self.births[oneself]
        if births and all(eighteen(born, self.day) for born in births):
            yield from self._family(oneself)

    def _family(self, student: str) -> Iterator[tuple[str, str]]:
        yield student, "names"
        yield student, "facts"
        yield student, "disclosures"
        if self.families_see_scores:
            yield student, "scores"

    def seen(self, pairs: Iterator[tuple[str, str]]) -> dict[str, set[str]]:
        """Part to the numbers of which it is seen: all numbers that are one student."""
        standing = set(pairs)
        found: dict[str, set[str]] = {part: set() for part in PARTS}
        for number in self.everyone():
            for part in PARTS:
                if (self.stands_for(number), part) in standing:
                    found[part].add(number)
        return found
