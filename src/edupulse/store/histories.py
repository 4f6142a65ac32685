"""The records of some students with all their versions, and what was known of them when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl
from psycopg.sql import Composable

from edupulse.school.columns import MISSING, Columns, joined, rows_of
from edupulse.school.errors import BadInput
from edupulse.school.kind import Kind
from edupulse.school.knowledge import (
    SHARED_KINDS,
    History,
    Known,
    Schools,
    StudentKeys,
)
from edupulse.school.records import (
    COURSE_GRADES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    MARKS,
    SCHOOLS,
    SECTIONS,
    STUDENT_IDS,
)
from edupulse.store.packed import Since, records_of
from edupulse.store.question import Question
from edupulse.store.reading import EVERYTHING, Reading, When, among

AT_A_TIME = 50
"""Students whose records are read in one question: their rows lie in memory as they came."""

_FEW_SECTIONS = 20_000
"""Up to so many sections are asked for one by one; a larger block of students reads them all."""


def history(
    reading: Reading, students: Sequence[int] | StudentKeys, until: datetime | None = None
) -> History:
    """Every version of these students' records, or every version known by `until` (aware).

    Records of numbers that were merged into these students come along.
    """
    when = When() if until is None else When(until=_utc(until))
    return _history(reading, _keys(students), when)


def history_of(
    students: Sequence[int] | StudentKeys, schools: Schools, since: date
) -> Question[History]:
    """The same as a question, of what happened on that day or later (and all enrollments).

    `schools` were read before: the answer is true where they are of the same state of the database.
    """
    keys = _keys(students)
    merges = _on_the_way(schools.frames[STUDENT_IDS.name], keys)
    # Of one record under two numbers the one that holds may lie before that day.
    merged = np.union1d(merges["old_student_id"].to_numpy(), merges["student"].to_numpy())
    return records_of(_theirs(keys, merges), When(), Since(since, merged)).then(
        lambda own: History(keys, {**own, STUDENT_IDS.name: merges}, schools)
    )


def schools(reading: Reading) -> Schools:
    """Every version of all reference records."""
    return Schools({kind.name: reading.versions(kind) for kind in SHARED_KINDS})


def known(reading: Reading, students: Sequence[int] | StudentKeys, as_of: datetime) -> Known:
    """What was known of these students at `as_of`: the one door to records (law 1)."""
    instant = _utc(as_of)
    return _history(reading, _keys(students), When(at=instant)).at(instant)


def students_at(reading: Reading, as_of: datetime, school: int | None = None) -> StudentKeys:
    """The keys of all students enrolled on the local day of `as_of`, as known then, sorted.

    Of merged numbers the one that stands now. With `school`: those enrolled there.
    """
    enrolled = enrolled_on(reading, as_of, school)
    return enrolled["student"].unique().sort().to_numpy().astype(np.int32)


def enrolled_on(
    reading: Reading,
    as_of: datetime,
    school: int | None = None,
    students: Sequence[int] | None = None,
) -> pl.DataFrame:
    """The enrollments open on the local day of `as_of`, as known then, with the kind's columns.

    With `school`: those there; with `students`: those of these keys, old numbers among them.
    """
    which = EVERYTHING if students is None else among("student", _keys(students))
    enrolled = _enrolled(_enrollments(reading, _utc(as_of), which))
    return enrolled if school is None else enrolled.filter(pl.col("school") == school)


def ever_enrolled(reading: Reading, as_of: datetime) -> StudentKeys:
    """The keys of all students who were enrolled at any time, as known at `as_of`, sorted.

    Of merged numbers the one that stands then.
    """
    enrollments = _enrollments(reading, _utc(as_of)).frame(ENROLLMENTS)
    return enrollments["student"].unique().sort().to_numpy().astype(np.int32)


def _enrollments(reading: Reading, instant: datetime, which: Composable = EVERYTHING) -> Known:
    """All enrollments (`which`: of some students) as known at an instant, with their schools."""
    when = When(at=instant)
    kinds = (SCHOOLS, STUDENT_IDS)
    frames = {kind.name: reading.versions(kind, EVERYTHING, when) for kind in kinds}
    frames[ENROLLMENTS.name] = reading.versions(ENROLLMENTS, which, when)
    merged_into = frames[STUDENT_IDS.name]["student"]
    everyone = pl.concat([frames[ENROLLMENTS.name]["student"], merged_into]).unique().sort()
    return History(everyone.to_numpy(), frames).at(instant)


def demographics(reading: Reading, students: Sequence[int] | StudentKeys) -> pl.DataFrame:
    """What is on record for the fairness audit, one row a student; never an input (law 15)."""
    rows = reading.versions(DEMOGRAPHICS, among("student", _keys(students)))
    current = rows.filter(pl.col("known_until").is_null(), ~pl.col("retracted"))
    return current.select(list(DEMOGRAPHICS.schema))


def _history(reading: Reading, students: StudentKeys, when: When) -> History:
    every = reading.versions(STUDENT_IDS, EVERYTHING, when)
    merges = _on_the_way(every, students)
    own = _own(reading, students, merges, when)
    shared = {STUDENT_IDS.name: merges}
    shared[SECTIONS.name] = reading.versions(SECTIONS, _sections_in(own), when)
    rest = [kind for kind in SHARED_KINDS if kind.name not in shared]
    shared |= {kind.name: reading.versions(kind, EVERYTHING, when) for kind in rest}
    return History(students, {**own, **shared})


def _own(
    reading: Reading, students: StudentKeys, merges: pl.DataFrame, when: When
) -> dict[str, Columns]:
    """Each kind's versions, those of a number of students at a time."""
    theirs = _theirs(students, merges)
    begins = range(0, max(theirs.size, 1), AT_A_TIME)
    parts = [
        reading.answer(records_of(theirs[begin : begin + AT_A_TIME], when)) for begin in begins
    ]
    return {name: joined([part[name] for part in parts]) for name in parts[0]}


def _theirs(students: StudentKeys, merges: pl.DataFrame) -> StudentKeys:
    """The students' keys, and those of numbers that were merged into them."""
    return np.union1d(students, merges["old_student_id"].to_numpy())


def _on_the_way(merges: pl.DataFrame, students: StudentKeys) -> pl.DataFrame:
    """Versions of merges on the way to these students, or away from them."""
    old, new = merges["old_student_id"].to_numpy(), merges["student"].to_numpy()
    reached = np.unique(students)
    while (found := _among(new, reached) & ~_among(old, reached)).any():
        reached = np.union1d(reached, old[found])
    way = _among(old, reached)
    return rows_of(merges, way) if way.any() else merges.clear()


def _among(keys: StudentKeys, of: StudentKeys) -> npt.NDArray[np.bool_]:
    """np.isin for sorted keys; it takes a tenth of the time where there are few."""
    if not of.size:
        return np.zeros(keys.shape, np.bool_)
    return np.asarray(of[np.minimum(np.searchsorted(of, keys), of.size - 1)] == keys, np.bool_)


def _sections_in(own: Mapping[str, Columns]) -> Composable:
    named = np.unique(np.concatenate([own[kind.name]["section"] for kind in _BY_SECTION]))
    sections = named[named != MISSING]
    return EVERYTHING if sections.size > _FEW_SECTIONS else among("section", sections)


_BY_SECTION: tuple[Kind, ...] = (MARKS, COURSE_GRADES)


def _enrolled(record: Known) -> pl.DataFrame:
    today = record.last_days()
    days = pl.DataFrame(
        {"school": list(today), "today": list(today.values())},
        schema={"school": pl.Int32, "today": pl.Date},
    )
    open_ended = pl.col("left_on").is_null() | (pl.col("left_on") >= pl.col("today"))
    return (
        record.frame(ENROLLMENTS)
        .join(days, on="school")
        .filter(pl.col("entered_on") <= pl.col("today"), open_ended)
    )


def _keys(students: Sequence[int] | StudentKeys) -> StudentKeys:
    return np.asarray(students, np.int32)


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise BadInput("An as-of instant needs a time zone.", "Give it as UTC.")
    return instant.astimezone(UTC)
