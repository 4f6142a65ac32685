"""What was known when: the one place where records of the future are kept out (law 1).

A `History` holds every version of some students' records. `History.at(as_of)` gives the `Known`,
the only thing from which features and outcomes are made; nothing else can make one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.kind import Kind
from edupulse.school.records import REFERENCE_KINDS, STUDENT_IDS, STUDENT_KINDS

StudentKeys = npt.NDArray[np.int32]

READ_KINDS: tuple[Kind, ...] = (*REFERENCE_KINDS, STUDENT_IDS, *STUDENT_KINDS)
"""The kinds that a history holds."""

_STAMP = object()


class Known:
    """The records of some students, as known at one instant.

    `students` are the keys asked for, in that order; `frames` has one frame a kind, with the
    kind's `schema`. Only `History.at` can make one.
    """

    __slots__ = ("as_of", "frames", "students")

    def __init__(
        self,
        students: StudentKeys,
        frames: Mapping[str, pl.DataFrame],
        as_of: datetime,
        stamp: object,
    ) -> None:
        if stamp is not _STAMP:
            raise TypeError("Known is made by History.at() alone")
        self.students = students
        self.frames = MappingProxyType(dict(frames))
        self.as_of = as_of

    def frame(self, kind: Kind) -> pl.DataFrame:
        """The known records of one kind."""
        return self.frames[kind.name]

    def last_days(self) -> dict[int, date]:
        """School key to its local date at the as-of instant: the last day that has happened."""
        schools = self.frames["schools"]
        return {
            school: self.as_of.astimezone(ZoneInfo(zone or "UTC")).date()
            for school, zone in schools.select("school", "timezone").iter_rows()
        }


class History:
    """Every version of the records of some students, with the reference records of schools.

    Frames have the kinds' `version_schema`: `known_from`, and `known_until` when a later version
    took its place (null while current).
    """

    __slots__ = ("frames", "students")

    def __init__(self, students: StudentKeys, frames: Mapping[str, pl.DataFrame]) -> None:
        self.students = np.asarray(students, np.int32)
        self.frames = MappingProxyType(
            {kind.name: _checked(kind, frames.get(kind.name)) for kind in READ_KINDS}
        )

    def at(self, as_of: datetime) -> Known:
        """What was known of these students at `as_of` (aware): the only filter there is."""
        if as_of.tzinfo is None:
            raise BadInput("An as-of instant needs a time zone.", "Give it as UTC.")
        as_of = as_of.astimezone(UTC)
        frames = {name: _known_at(frame, as_of) for name, frame in self.frames.items()}
        merged = _merged_keys(frames.pop(STUDENT_IDS.name))
        if self.frames[STUDENT_IDS.name].height:  # else there are no rows of other numbers
            for kind in STUDENT_KINDS:
                frame = frames[kind.name]
                frame = _follow_merges(kind, frame, merged) if merged else frame
                frames[kind.name] = frame.filter(pl.col("student").is_in(self.students.tolist()))
        bare = {name: frame.drop("known_from") for name, frame in frames.items()}
        return Known(self.students, bare, as_of, _STAMP)


def with_known_until(kind: Kind, versions: pl.DataFrame) -> pl.DataFrame:
    """Versions of a kind (schema + known_from + retracted) with `known_until` set from the next.

    Of versions of one record with the same `known_from` and different content, the one that is
    greatest column by column stays, so that the order of rows does not matter.
    """
    keys = list(kind.key_columns)
    rest = [*kind.content_columns, "retracted"]
    ordered = versions.sort([*keys, "known_from", *rest], nulls_last=False)
    single = ordered.unique([*keys, "known_from"], keep="last", maintain_order=True)
    return single.with_columns(
        known_until=pl.col("known_from").shift(-1).over(keys, order_by="known_from")
    ).select(list(kind.version_schema))


def end_of_day(day: date, timezones: Iterable[str]) -> datetime:
    """The last microsecond of `day` in the westernmost of the time zones, in UTC."""
    zones = list(timezones) or ["UTC"]
    return max(
        datetime.combine(day, time.max, tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in zones
    )


def _checked(kind: Kind, frame: pl.DataFrame | None) -> pl.DataFrame:
    schema = pl.Schema(kind.version_schema)
    if frame is None:
        return schema.to_frame()
    if frame.schema != schema:
        raise BadInput(f"A history's {kind.name} must have the columns {schema}.")
    return frame


def _known_at(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    known_until = pl.col("known_until")
    return frame.filter(
        pl.col("known_from") <= as_of,
        known_until.is_null() | (known_until > as_of),
        ~pl.col("retracted"),
    ).drop("known_until", "retracted")


def _merged_keys(student_ids: pl.DataFrame) -> dict[int, int]:
    """Old student key to the key that stands for it now, through chains of merges."""
    step = dict(student_ids.select("old_student_id", "student").iter_rows())
    final: dict[int, int] = {}
    for old in step:
        seen, new = {old}, step[old]
        while new in step and new not in seen:
            seen.add(new)
            new = step[new]
        if new != old:
            final[old] = new
    return final


def _follow_merges(kind: Kind, frame: pl.DataFrame, merged: dict[int, int]) -> pl.DataFrame:
    """The frame with merged students under one key, and each of their records once.

    Where the records of each student stood together, they still do.
    """
    touched = pl.col("student").is_in([*merged.keys(), *merged.values()])
    theirs = frame.filter(touched)
    if not theirs.height:
        return frame
    together = (
        theirs.with_columns(pl.col("student").replace(merged))
        .sort("known_from", *kind.content_columns)
        .unique(list(kind.key_columns), keep="last", maintain_order=True)
    )
    return _inserted(frame.filter(~touched), together.partition_by("student"))


def _inserted(frame: pl.DataFrame, students: list[pl.DataFrame]) -> pl.DataFrame:
    """The frame with each student's records where they belong, if it is in order of students."""
    pieces, begin = [], 0
    for records in sorted(students, key=lambda records: int(records["student"][0])):
        stop = int(frame["student"].search_sorted(records["student"][0]))
        pieces += [frame[begin:stop], records]
        begin = max(begin, stop)
    return pl.concat([*pieces, frame[begin:]])
