"""A small district from readable rows: histories and Knowns for tests of features and above."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from edupulse.features.catalog import INDEX
from edupulse.features.weekly import weekly_features
from edupulse.school.fields import Day, Milli
from edupulse.school.knowledge import READ_KINDS, History, Known, with_known_until
from edupulse.school.records import ALWAYS, COVERED, KIND_BY_NAME

LONG_AGO, FAR_AHEAD = date(2000, 1, 1), date(2100, 1, 1)


def weekdays(begin: str, end: str, without: Iterable[str] = ()) -> list[date]:
    """Monday to Friday from `begin` to `end`, except the days off."""
    first, last = date.fromisoformat(begin), date.fromisoformat(end)
    off = {date.fromisoformat(day) for day in without}
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in off]


def end_of(day: str | date) -> datetime:
    """The last microsecond of a day, UTC."""
    whole = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime(whole.year, whole.month, whole.day, 23, 59, 59, 999_999, tzinfo=UTC)


class District:
    """Records by kind. Fields left out have their default; thousandths are given as numbers.

    `known_from` is a day (its end) or an instant; without it a record was always known.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, object]]] = defaultdict(list)

    def add(
        self,
        record: str,
        /,
        known_from: str | date | datetime = ALWAYS,
        retracted: bool = False,
        **fields: object,
    ) -> District:
        """One version of one record."""
        since = known_from if isinstance(known_from, datetime) else end_of(known_from)
        row: dict[str, object] = {"known_from": since, "retracted": retracted}
        for field in KIND_BY_NAME[record].fields:
            value = fields.pop(field.column, None)
            if value is None:
                value = field.default
            elif isinstance(field.type, Milli):
                value = round(float(str(value)) * 1_000)
            elif isinstance(field.type, Day) and isinstance(value, str):
                value = date.fromisoformat(value)
            row[field.column] = value
        assert not fields, f"{record} has no {fields}"
        self.rows[record].append(row)
        return self

    def school(
        self,
        key: int,
        days: Iterable[date],
        *,
        covered: Sequence[str] = COVERED,
        since: date = LONG_AGO,
        through: date = FAR_AHEAD,
        **fields: object,
    ) -> District:
        """A school that records everything, open on `days`, covered for those kinds."""
        flags = ("excuse", "tardies", "partial_days", "gradebook", "incidents")
        recorded = {f"records_{what}": True for what in flags}
        self.add("schools", school=key, name=f"School {key}", **{**recorded, **fields})
        for day in days:
            self.add("calendar", school=key, date=day, instructional=True)
        for kind in covered:
            self.add(
                "coverage", school=key, kind=kind, observed_from=since, observed_through=through
            )
        return self

    def term(self, school: int, term_id: str, begins: str, ends: str, **fields: object) -> District:
        """A grading term."""
        return self.add(
            "terms", school=school, term_id=term_id, begins_on=begins, ends_on=ends, **fields
        )

    def enrolled(
        self,
        student: int,
        school: int,
        entered_on: str,
        left_on: str | None = None,
        **fields: object,
    ) -> District:
        """An enrollment, in grade 9 unless said otherwise."""
        level = fields.pop("grade_level", 9)
        return self.add(
            "enrollments",
            student=student,
            school=school,
            grade_level=level,
            entered_on=entered_on,
            left_on=left_on,
            **fields,
        )

    def history(self, students: Sequence[int]) -> History:
        """Every version of every record."""
        frames = {}
        for kind in READ_KINDS:
            rows = self.rows.get(kind.name)
            if rows:
                schema = {
                    **kind.schema,
                    "known_from": pl.Datetime("us", "UTC"),
                    "retracted": pl.Boolean(),
                }
                frames[kind.name] = with_known_until(kind, pl.DataFrame(rows, schema=schema))
        return History(list(students), frames)

    def known(self, as_of: str | datetime, students: Sequence[int] = (1,)) -> Known:
        """What was known of some students at an instant, or at the end of a day."""
        instant = as_of if isinstance(as_of, datetime) else end_of(as_of)
        return self.history(students).at(instant)


def value_of(
    district: District, as_of: str | date | datetime, name: str, week: int = -1, student: int = 1
) -> float:
    """One feature of one student, in the current week unless said otherwise; NaN: not observed."""
    instant = as_of if isinstance(as_of, datetime) else end_of(as_of)
    features = weekly_features(district.known(instant, (student,)))
    return float(features.values[0, week, INDEX[name]])
