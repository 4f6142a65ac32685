"""What was known when: the one place where records of the future are kept out (law 1).

A `History` holds every version of some students' records. `History.at(as_of)` gives the `Known`,
the only thing from which features and outcomes are made; nothing else can make one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.columns import (
    NOT_YET,
    Columns,
    columns_of,
    inserted,
    rows_of,
)
from edupulse.school.errors import BadInput
from edupulse.school.kind import VERSION_COLUMNS, Kind
from edupulse.school.records import REFERENCE_KINDS, STUDENT_IDS, STUDENT_KINDS

StudentKeys = npt.NDArray[np.int32]

READ_KINDS: tuple[Kind, ...] = (*REFERENCE_KINDS, STUDENT_IDS, *STUDENT_KINDS)
"""The kinds that a history holds."""

SHARED_KINDS: tuple[Kind, ...] = (*REFERENCE_KINDS, STUDENT_IDS)
"""Those of them that are not one student's."""

_STAMP = object()


class Frames(Mapping[str, pl.DataFrame]):
    """A frame of each kind by its name; of rows that are kept as columns, made when asked for."""

    __slots__ = ("_columns", "_made", "_schemas")

    def __init__(
        self,
        made: Mapping[str, pl.DataFrame],
        columns: Mapping[str, Columns],
        schemas: Mapping[str, Mapping[str, pl.DataType]],
    ) -> None:
        self._made = dict(made)
        self._columns = columns
        self._schemas = schemas

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._made:
            self._made[name] = self._columns[name].frame(self._schemas[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._made, **self._columns})

    def __len__(self) -> int:
        return len({**self._made, **self._columns})


class Known:
    """The records of some students, as known at one instant.

    `students` are the keys asked for, in that order; `frames` has one frame a kind, with the
    kind's `schema`; `columns` are the students' own records without their texts made. Only
    `History.at` can make one.
    """

    __slots__ = ("_last_days", "_zones", "as_of", "columns", "frames", "students")

    def __init__(
        self,
        students: StudentKeys,
        shared: Mapping[str, pl.DataFrame],
        columns: Mapping[str, Columns],
        as_of: datetime,
        stamp: object,
    ) -> None:
        if stamp is not _STAMP:
            raise TypeError("Known is made by History.at() alone")
        self.students = students
        self.columns = MappingProxyType(columns)
        self.frames = Frames(shared, self.columns, _RECORD_SCHEMAS)
        self.as_of = as_of
        self._zones: Mapping[int, ZoneInfo] | None = None
        self._last_days: Mapping[int, date] | None = None

    def frame(self, kind: Kind) -> pl.DataFrame:
        """The known records of one kind."""
        return self.frames[kind.name]

    def zones(self) -> Mapping[int, ZoneInfo]:
        """School key to its time zone."""
        if self._zones is None:
            schools = self.frames["schools"]
            names = zip(schools["school"].to_list(), schools["timezone"].to_list(), strict=True)
            zones = {school: ZoneInfo(name or "UTC") for school, name in names}
            self._zones = MappingProxyType(zones)
        return self._zones

    def last_days(self) -> Mapping[int, date]:
        """School key to its local date at the as-of instant: the last day that has happened."""
        if self._last_days is None:
            days = {
                school: self.as_of.astimezone(zone).date() for school, zone in self.zones().items()
            }
            self._last_days = MappingProxyType(days)
        return self._last_days


class Schools:
    """Every version of the reference records: those of schools, and which numbers were merged.

    Many histories may share them. Between two instants at which something became known, `at` gives
    the same frames, the very objects, so that what is made from them need not be made again.
    """

    __slots__ = ("_at", "_changes", "frames")

    def __init__(self, frames: Mapping[str, pl.DataFrame]) -> None:
        self.frames = MappingProxyType({kind.name: frames[kind.name] for kind in SHARED_KINDS})
        self._changes = _changes(self.frames.values())
        self._at: dict[int, Mapping[str, pl.DataFrame]] = {}

    def at(self, as_of: datetime) -> Mapping[str, pl.DataFrame]:
        """What was known at an instant, `student_ids` too."""
        since = int(np.searchsorted(self._changes, _microseconds(as_of), "right"))
        found = self._at.get(since)
        if found is None:
            found = _known_at(self.frames, as_of)
            # A few instants are asked about again and again: now, and those of a page of history.
            self._at = {**dict(list(self._at.items())[-_KEPT:]), since: found}
        return found

    def next_change(self, as_of: datetime) -> datetime | None:
        """When something more is known than at an instant; None: never, by these records."""
        return _after(self._changes, as_of)


class History:
    """Every version of the records of some students, with the reference records of schools.

    Frames have the kinds' `version_schema`: `known_from`, and `known_until` when a later version
    took its place (null while current); of students' own kinds the same may come as columns.
    `schools` may be shared with other histories; of their frames only `student_ids` may be given
    too: the merges that concern these students.
    """

    __slots__ = ("columns", "frames", "merges", "schools", "students")

    def __init__(
        self,
        students: StudentKeys,
        frames: Mapping[str, pl.DataFrame | Columns],
        schools: Schools | None = None,
    ) -> None:
        self.students = np.asarray(students, np.int32)
        made = {
            name: frame
            for name, frame in frames.items()
            if name in _SCHEMAS and isinstance(frame, pl.DataFrame)
        }
        self.schools = schools or Schools(
            {kind.name: _checked(kind, made.get(kind.name)) for kind in SHARED_KINDS}
        )
        given = {kind.name: _columns(kind, frames.get(kind.name)) for kind in STUDENT_KINDS}
        self.columns = MappingProxyType(given)
        self.frames = Frames({**self.schools.frames, **made}, self.columns, _SCHEMAS)
        self.merges = self.frames[STUDENT_IDS.name]

    def at(self, as_of: datetime) -> Known:
        """What was known of these students at `as_of` (aware): the only filter there is."""
        if as_of.tzinfo is None:
            raise BadInput("An as-of instant needs a time zone.", "Give it as UTC.")
        as_of = as_of.astimezone(UTC)
        shared = dict(self.schools.at(as_of))
        del shared[STUDENT_IDS.name]
        own = {name: columns.rows(_holds(columns, as_of)) for name, columns in self.columns.items()}
        if self.merges.height:  # else there are no rows of other numbers
            merged = _merged_keys(_known_at({STUDENT_IDS.name: self.merges}, as_of))
            for kind in STUDENT_KINDS:
                followed = _follow_merges(kind, own[kind.name], merged)
                own[kind.name] = followed.rows(np.isin(followed["student"], self.students))
        bare = {name: columns.timeless() for name, columns in own.items()}
        return Known(self.students, shared, bare, as_of, _STAMP)

    def next_change(self, as_of: datetime) -> datetime | None:
        """When more is known of these students than at an instant, by these versions."""
        now = _microseconds(as_of)
        instants = [columns.instant("known_from") for columns in self.columns.values()]
        own = min(int(of_kind[of_kind > now].min(initial=NOT_YET)) for of_kind in instants)
        of_schools = self.schools.next_change(as_of)
        changes = [] if of_schools is None else [of_schools]
        return min([*changes, *([] if own == NOT_YET else [_instant(own)])], default=None)


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
    schema = _SCHEMAS[kind.name]
    if frame is None:
        return schema.to_frame()
    if frame.schema != schema:
        raise BadInput(f"A history's {kind.name} must have the columns {schema}.")
    return frame


_SCHEMAS = {kind.name: pl.Schema(kind.version_schema) for kind in READ_KINDS}
_RECORD_SCHEMAS = {kind.name: kind.schema for kind in STUDENT_KINDS}


def _columns(kind: Kind, given: pl.DataFrame | Columns | None) -> Columns:
    return given if isinstance(given, Columns) else Columns.of(_checked(kind, given))


def _known_at(frames: Mapping[str, pl.DataFrame], as_of: datetime) -> dict[str, pl.DataFrame]:
    return {
        name: rows_of(
            columns_of(frame, (name for name in frame.columns if name not in VERSION_COLUMNS)),
            _holds(Columns.of(columns_of(frame, VERSION_COLUMNS)), as_of),
        )
        for name, frame in frames.items()
    }


def _holds(versions: Columns, as_of: datetime) -> npt.NDArray[np.bool_]:
    """Which versions were known at an instant, not superseded yet and not retracted."""
    instant = _microseconds(as_of)
    known_from, known_until = versions.instant("known_from"), versions.instant("known_until")
    stands = (known_until > instant) & (versions["retracted"] == 0)
    return np.asarray((known_from <= instant) & stands, np.bool_)


def _changes(frames: Iterable[pl.DataFrame]) -> npt.NDArray[np.int64]:
    """The instants (microseconds since 1970) at which a version became known, in order."""
    instants = [_instants(frame) for frame in frames]
    return np.unique(np.concatenate(instants)) if instants else np.zeros(0, np.int64)


def _instants(versions: pl.DataFrame) -> npt.NDArray[np.int64]:
    return versions["known_from"].cast(pl.Int64).to_numpy()


def _after(changes: npt.NDArray[np.int64], as_of: datetime) -> datetime | None:
    at = int(np.searchsorted(changes, _microseconds(as_of), "right"))
    if at == changes.size:
        return None
    return _instant(int(changes[at]))


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = 7


def _merged_keys(known: Mapping[str, pl.DataFrame]) -> dict[int, int]:
    """Old student key to the key that stands for it now, through chains of merges."""
    student_ids = known[STUDENT_IDS.name]
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


def _follow_merges(kind: Kind, records: Columns, merged: Mapping[int, int]) -> Columns:
    """The records with merged students under one key, and each of their records once.

    Where the records of each student stood together, they still do.
    """
    touched = np.isin(records["student"], [*merged.keys(), *merged.values()])
    if not touched.any():
        return records
    together = (
        records.rows(touched)
        .frame(_SCHEMAS[kind.name])
        .with_columns(pl.col("student").replace(merged))
        .sort("known_from", *kind.content_columns)
        .unique(list(kind.key_columns), keep="last", maintain_order=True)
        .sort("student", maintain_order=True)
    )
    others, theirs = records.rows(~touched), Columns.of(together)
    return inserted(others, np.searchsorted(others["student"], theirs["student"]), theirs)
