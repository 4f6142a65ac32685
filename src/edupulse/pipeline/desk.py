"""What an import knows while it runs: keys of ids, schools' clocks and calendars, enrollments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial

import polars as pl
from psycopg import Connection

from edupulse.pipeline.sought import Sought
from edupulse.school.calendar import Calendar, calendar_of
from edupulse.school.kind import Kind
from edupulse.school.records import CALENDAR, SCALES, SCHOOLS, SECTIONS, STUDENT_IDS, TERMS
from edupulse.store.district import District
from edupulse.store.held import current, current_of, enrolled_at
from edupulse.store.identities import intern, keys_of
from edupulse.store.tables import NOUNS


@dataclass
class Desk:
    """The state of one import.

    What it reads of the store it reads when it is first asked for: the kinds come in the order of
    `KINDS`, so schools, calendars and enrollments are merged before attendance asks for them.
    """

    connection: Connection
    district: District
    now: datetime
    historical: bool
    keys: dict[str, Sought] = field(default_factory=dict)
    _calendar: tuple[frozenset[int], Calendar] | None = None

    def __post_init__(self) -> None:
        self.keys = {noun: Sought(partial(keys_of, self.connection, noun)) for noun in NOUNS}

    def intern(self, noun: str, local_ids: pl.Series) -> None:
        """Give keys to ids that a file defines."""
        held = self.keys[noun].of(local_ids)
        strangers = local_ids.drop_nulls().unique()
        strangers = strangers.filter(~strangers.is_in(held["local_id"].implode()))
        if strangers.len():
            self.keys[noun].add(intern(self.connection, noun, strangers, self.district))

    def keyed(self, frame: pl.DataFrame, name: str, noun: str, column: str) -> pl.DataFrame:
        """The frame with the key of the ids in column `name` added as `column`; null: unknown."""
        found = self.keys[noun].of(frame[name])
        keys = found.select(pl.col("local_id").alias(name), pl.col(noun).alias(column))
        return frame.join(keys, on=name, how="left", maintain_order="left")

    @cached_property
    def timezone_of_school(self) -> dict[int, str]:
        """School key to its time zone."""
        zones = current(self.connection, SCHOOLS).select("school", "timezone").iter_rows()
        return {school: zone or self.district.timezone for school, zone in zones}

    def calendar_of(self, schools: pl.Series) -> Calendar:
        """The instructional days of these schools (keys), and maybe of others."""
        asked = frozenset(schools.drop_nulls().unique().to_list())
        if self._calendar is None or not asked <= self._calendar[0]:
            known = asked | (self._calendar[0] if self._calendar else frozenset())
            frames = (self._of_schools(kind, known) for kind in (SCHOOLS, CALENDAR, TERMS))
            self._calendar = known, calendar_of(*frames)
        return self._calendar[1]

    def _of_schools(self, kind: Kind, schools: Iterable[int]) -> pl.DataFrame:
        return current_of(self.connection, kind, "school", sorted(schools))

    @cached_property
    def sections(self) -> Sought:
        """Sections by their keys: among others the key of the school, and the term."""
        return Sought(partial(current_of, self.connection, SECTIONS, "section"))

    @cached_property
    def codes(self) -> pl.DataFrame:
        """School key and code of every letter that a scale names."""
        return current(self.connection, SCALES).select("school", "code")

    @cached_property
    def _enrolled(self) -> Sought:
        return Sought(self._read_enrolled)

    def _read_enrolled(self, students: Sequence[int] | None) -> pl.DataFrame:
        """Primary enrollments, each under the number that stands now."""
        return enrolled_at(self.connection, students).with_columns(
            pl.col("student").replace(self._survivors),
            pl.col("left_on").fill_null(pl.date(9999, 12, 31)),
        )

    def _primary(self, survivors: pl.Series) -> pl.DataFrame:
        """The primary enrollments of these students, under whatever number."""
        asked = set(survivors.to_list())
        old = [number for number, stands in self._survivors.items() if stands in asked]
        return self._enrolled.of(pl.concat([survivors, pl.Series(old, dtype=pl.Int32)]))

    @cached_property
    def _survivors(self) -> dict[int, int]:
        """Old student key to the key that stands now, through chains of merges."""
        pairs = current(self.connection, STUDENT_IDS).select("old_student_id", "student")
        step = dict(pairs.iter_rows())
        return {old: _end(old, step) for old in step}

    def primary_school(self, frame: pl.DataFrame, day: str) -> pl.DataFrame:
        """For each different student and day: `school_id` of the primary enrollment, if any.

        Of several the latest `entered_on`, then the smallest school_id. The columns are `student`,
        `day` and `school_id`.
        """
        asked = frame.select("student", pl.col(day).alias("day")).unique()
        asked = asked.with_columns(survivor=pl.col("student").replace(self._survivors))
        primary = self._primary(asked["survivor"].unique())
        candidates = asked.join(primary, left_on="survivor", right_on="student")
        open_then = candidates.filter(
            pl.col("entered_on") <= pl.col("day"), pl.col("day") <= pl.col("left_on")
        )
        ordered = open_then.sort(
            "student", "day", "entered_on", "school_id", descending=[False, False, True, False]
        )
        first = ordered.unique(["student", "day"], keep="first", maintain_order=True)
        return first.select("student", "day", "school_id")

    def school_of_section(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the school key of each row's section as `at_school`."""
        sections = self.sections.of(frame["section"])
        schools = sections.select("section", pl.col("school").alias("at_school"))
        return frame.join(schools, on="section", how="left", maintain_order="left")

    def with_school(self, kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the key of the school that each record concerns, as `at_school`.

        Its own, its section's, or that of the primary enrollment on its day; null where none is.
        """
        columns = set(frame.columns)
        if "school" in columns:
            return frame.with_columns(at_school=pl.col("school"))
        if "section" in columns:
            return self.school_of_section(frame)
        if kind.occurred_on and "student" in columns:
            found = self.keyed(
                self.primary_school(frame, kind.occurred_on), "school_id", "school", "at_school"
            )
            return frame.join(
                found.select("student", pl.col("day").alias(kind.occurred_on), "at_school"),
                on=["student", kind.occurred_on],
                how="left",
                maintain_order="left",
            )
        return frame.with_columns(at_school=pl.lit(None, pl.Int32))


def zones_expr(desk: Desk) -> pl.Expr:
    """The time zone of the school in `at_school`; the district's where there is none."""
    zones = desk.timezone_of_school
    return pl.col("at_school").replace_strict(
        pl.Series(list(zones), dtype=pl.Int32),
        pl.Series(list(zones.values()), dtype=pl.String),
        default=desk.district.timezone,
        return_dtype=pl.String,
    )


def _end(old: int, step: dict[int, int]) -> int:
    seen: set[int] = set()
    key = old
    while key in step and key not in seen:
        seen.add(key)
        key = step[key]
    return key


def defined_by(kind: Kind) -> Iterable[tuple[str, str]]:
    """(field, noun) of the ids that a kind's file defines; all others must be defined already."""
    return _DEFINES.get(kind.name, ())


_DEFINES: dict[str, tuple[tuple[str, str], ...]] = {
    "schools": (("school_id", "school"),),
    "students": (("student_id", "student"),),
    "student_ids": (("old_student_id", "student"),),
    "sections": (("section_id", "section"),),
    "staff": (("staff_id", "staff"),),
}
