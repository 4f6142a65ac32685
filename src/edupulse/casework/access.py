"""The one place that decides which students a viewer may see, and what of them.

Deny by default: a student is seen only where a record ties the viewer to him or her on the day of
the asking. What is not known (a birth date, a role, an end) never opens anything. PostgreSQL's
row-level security decides the same a second time (`store/asking.py`); a test holds both against
a third opinion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import polars as pl

from edupulse.school.records import (
    CASELOADS,
    ENROLLMENTS,
    GUARDIANS,
    SCHOOLS,
    SECTION_STAFF,
    SECTION_STUDENTS,
    SECTIONS,
    STAFF,
    STUDENT_IDS,
    STUDENTS,
    TERMS,
)
from edupulse.store.asking import Asker
from edupulse.store.store import Store
from edupulse.store.ties import Ties
from edupulse.store.tokens import SCOPES, WRITE_RECORDS, Token

LONGEST_SEAT = timedelta(days=366)
"""A seat in a section without a term ends after a year, whatever the records forgot to say."""

OF_AGE = 18
"""From this birthday on, rights are the student's own and no longer the guardians' (FERPA)."""


class Part(StrEnum):
    """What there is to see of a student; `PLANS` are not only seen but written."""

    NAMES = "names"
    FACTS = "facts"
    SCORES = "scores"
    CONTACTS = "contacts"
    DISCLOSURES = "disclosures"
    PLANS = "plans"


Parts = frozenset[Part]
NOTHING: Parts = frozenset()
PARTS: Mapping[str, Parts] = {
    "teacher": frozenset({Part.NAMES, Part.FACTS, Part.SCORES, Part.PLANS}),
    "counselor": frozenset(Part) - {Part.DISCLOSURES},
    "school_admin": frozenset(Part),
    "district_admin": frozenset(Part),
    "analyst": frozenset({Part.FACTS, Part.SCORES}),
    "family": frozenset({Part.NAMES, Part.FACTS, Part.DISCLOSURES}),
}
"""What each role sees of its students; `family` is a guardian, or the student who is of age."""

Rights = frozenset[str]
_WITH_STUDENTS: Rights = frozenset({
    "students:read", "predictions:read", "predictions:write", "feedback:write",
    "interventions:read", "interventions:write", "models:read",
})  # fmt: skip
RIGHTS: Mapping[str, Rights] = {
    "teacher": _WITH_STUDENTS,
    "counselor": _WITH_STUDENTS,
    "school_admin": _WITH_STUDENTS | {"audit:read"},
    "district_admin": frozenset(SCOPES),
    "analyst": frozenset(
        {"students:read", "predictions:read", "predictions:write", "models:read", "trainings:read"}
    ),
    "family": frozenset({"students:read", "predictions:read", "interventions:read", "audit:read"}),
    "integration": frozenset({WRITE_RECORDS}),
}
"""What each role may do at all, whichever student it concerns: the scopes that it can use.

To administer (records, models, trainings, webhooks) is the district admin's alone.
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a member of staff (key), a guardian (the district's id) or a student (key).

    An integration is none of these: it sees nobody, and may push records alone. `name` stands in
    the audit log, so it is a number or an id, never a person's name.
    """

    name: str
    staff: int | None = None
    guardian: str | None = None
    student: int | None = None
    may_write_records: bool = False

    def asking(self, at: datetime) -> Asker:
        """The viewer at the instant of the asking, as the database is told."""
        return Asker(at, self.staff, self.guardian, self.student)


def viewer_of(token: Token) -> Viewer:
    """Whom a service token stands for: its member of staff, or an integration, which sees nobody.

    The token's scopes narrow this further; they never widen it.
    """
    writes = token.staff is None and WRITE_RECORDS in token.scopes
    return Viewer(f"token:{token.id}", staff=token.staff, may_write_records=writes)


@dataclass(frozen=True)
class Sight:
    """What a viewer sees: `everyone`'s parts, and of some students these parts; and may do."""

    everyone: Parts = NOTHING
    some: Mapping[int, Parts] = field(default_factory=dict)
    rights: Rights = frozenset()

    def of(self, student: int) -> Parts:
        """What is seen of one student; nothing where the student may not exist for the viewer."""
        return self.everyone | self.some.get(student, NOTHING)

    def may_see(self, student: int, part: Part = Part.FACTS) -> bool:
        """Is this part of this student seen?"""
        return part in self.of(student)

    def permitted(self, students: Iterable[int], part: Part = Part.FACTS) -> list[int]:
        """Those of the students of whom this part is seen, in their order."""
        return [student for student in students if self.may_see(student, part)]


def sight(store: Store, viewer: Viewer, at: datetime) -> Sight:
    """What the viewer sees and may do at the instant of the asking, by what is known then."""
    if viewer.may_write_records:
        return Sight(rights=RIGHTS["integration"])
    return sight_by(store.ties(viewer.asking(at)), viewer.asking(at))


def sight_by(ties: Ties, asker: Asker) -> Sight:
    """What follows from the ties."""
    roles = set(ties.frame(STAFF)["role"].drop_nulls().to_list())
    found: dict[int, set[Part]] = {}

    def see(students: Iterable[int], parts: Parts) -> None:
        for student in students:
            found.setdefault(student, set()).update(parts)

    days = _Days.of(ties, asker.at)
    if "teacher" in roles:
        see(_taught(ties, days), PARTS["teacher"])
    if "counselor" in roles:
        see(_looked_after(ties, days), PARTS["counselor"])
    if "school_admin" in roles:
        see(_at_own_school(ties, days), PARTS["school_admin"])
    survivors = survivors_of(ties.frame(STUDENT_IDS))
    see(_family(ties, asker, days.district, survivors), _family_parts(ties))
    everyone = [PARTS[role] for role in ("district_admin", "analyst") if role in roles]
    if asker.guardian is not None or asker.student is not None:
        roles.add("family")
    rights = (RIGHTS[role] for role in roles)
    return Sight(
        frozenset().union(*everyone),
        _by_all_numbers(found, survivors),
        frozenset().union(*rights),
    )


@dataclass(frozen=True)
class _Days:
    """What day it is: in the district, and at each school."""

    district: date
    schools: Mapping[int, date]

    @classmethod
    def of(cls, ties: Ties, at: datetime) -> _Days:
        zones = ties.frame(SCHOOLS).select("school", "timezone").iter_rows()
        return cls(
            at.astimezone(ZoneInfo(ties.timezone)).date(),
            {key: at.astimezone(ZoneInfo(zone or ties.timezone)).date() for key, zone in zones},
        )


def _enrolled(ties: Ties, days: _Days) -> list[tuple[int, int]]:
    """Student and school of those enrolled on the day."""
    rows = ties.frame(ENROLLMENTS).select("student", "school", "entered_on", "left_on").iter_rows()
    return [
        (student, school)
        for student, school, entered, left in rows
        if school in days.schools and _covers(days.schools[school], entered, left)
    ]


def _taught(ties: Ties, days: _Days) -> Iterable[int]:
    """Those who sit in a section of the teacher's on the day, and are enrolled in the district."""
    mine = set(ties.frame(SECTION_STAFF)["section"].to_list())
    enrolled = {student for student, _ in _enrolled(ties, days)}
    sections = {
        section: (school, term)
        for section, school, term in ties.frame(SECTIONS)
        .select("section", "school", "term_id")
        .iter_rows()
        if section in mine and school in days.schools
    }
    terms = {
        (school, term): (begins, ends)
        for school, term, begins, ends in ties.frame(TERMS)
        .select("school", "term_id", "begins_on", "ends_on")
        .iter_rows()
    }
    seats = ties.frame(SECTION_STUDENTS).select("student", "section", "entered_on", "left_on")
    for student, section, entered, left in seats.iter_rows():
        if section not in sections or student not in enrolled:
            continue
        school, term = sections[section]
        day = days.schools[school]
        if _covers(day, entered, left) and _in_course(
            day, entered, term, terms.get((school, term))
        ):
            yield student


def _in_course(
    day: date, entered: date | None, term: str | None, span: tuple[date, date] | None
) -> bool:
    """Does the section still meet: in its term, or within a year of the student's entry?"""
    if term is not None:
        return span is not None and span[0] <= day <= span[1]
    return entered is None or day - entered <= LONGEST_SEAT


def _looked_after(ties: Ties, days: _Days) -> list[int]:
    rows = ties.frame(CASELOADS).select("student", "from", "to").iter_rows()
    return [student for student, first, last in rows if _covers(days.district, first, last)]


def _at_own_school(ties: Ties, days: _Days) -> list[int]:
    heads = ties.frame(STAFF).filter(pl.col("role") == "school_admin")
    own = set(heads["school"].drop_nulls().to_list())
    return [student for student, school in _enrolled(ties, days) if school in own]


def _family(ties: Ties, asker: Asker, today: date, survivors: Mapping[int, int]) -> list[int]:
    """A guardian's children under 18 whose records he or she may see; oneself from 18 on."""
    births: dict[int, set[date]] = {}
    for student, born in ties.frame(STUDENTS).select("student", "birth_date").iter_rows():
        births.setdefault(survivors.get(student, student), set())
        if born is not None:
            births[survivors.get(student, student)].add(born)
    allowed: dict[int, bool] = {}
    for student, may in ties.frame(GUARDIANS).select("student", "may_see_records").iter_rows():
        child = survivors.get(student, student)
        allowed[child] = allowed.get(child, True) and bool(may)
    seen = [
        child
        for child, may in allowed.items()
        if may and births.get(child) and not any(_of_age(b, today) for b in births[child])
    ]
    if asker.student is not None:
        oneself = survivors.get(asker.student, asker.student)
        if births.get(oneself) and all(_of_age(born, today) for born in births[oneself]):
            seen.append(oneself)
    return seen


def _family_parts(ties: Ties) -> Parts:
    return PARTS["family"] | ({Part.SCORES} if ties.families_see_scores else NOTHING)


def survivors_of(merges: pl.DataFrame) -> dict[int, int]:
    """Old student key to the one that stands for it; numbers merged in a circle stay apart."""
    step = dict(merges.select("old_student_id", "student").iter_rows())
    survivors = {}
    for old in step:
        seen, new = {old}, step[old]
        while new in step and new not in seen:
            seen.add(new)
            new = step[new]
        if new not in step:
            survivors[old] = new
    return survivors


def _by_all_numbers(
    found: Mapping[int, set[Part]], survivors: Mapping[int, int]
) -> dict[int, Parts]:
    """Rights to one number are rights to all numbers of that student."""
    whole: dict[int, set[Part]] = {}
    for student, parts in found.items():
        whole.setdefault(survivors.get(student, student), set()).update(parts)
    every = {student: frozenset(parts) for student, parts in whole.items()}
    return every | {old: every[new] for old, new in survivors.items() if new in every}


def _covers(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _of_age(born: date, today: date) -> bool:
    try:
        birthday = born.replace(year=born.year + OF_AGE)
    except ValueError:
        birthday = date(born.year + OF_AGE, 2, 28)
    return birthday <= today
