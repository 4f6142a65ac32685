"""When each record counts as known: what the source says, else the default of its kind (csv.md).

A default is never later than the import itself: nothing is known later than when we were told.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from edupulse.pipeline.desk import Desk, zones_expr
from edupulse.school.calendar import NEVER, epoch_days
from edupulse.school.fields import INSTANT
from edupulse.school.kind import Always, AtImport, Kind, Knowledge, OnDay, SchoolDaysAfter
from edupulse.school.records import ALWAYS, SCHOOLS
from edupulse.sources.delivery import on_the_clock_of


def dated(desk: Desk, kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `known_from` and `defaulted`; needs `at_school`.

    In a historical import a record whose exit (or overturning) becomes known later than itself
    comes as two versions.
    """
    zoned = frame.with_columns(zone=_zone(desk, kind))
    said = zoned.with_columns(known_from=pl.coalesce("known_at", _on_clock(zoned, "known_local")))
    undated = pl.col("known_from").is_null()
    if said["known_from"].null_count() == 0:
        return said.with_columns(defaulted=pl.lit(False))
    explicit = said.filter(~undated).with_columns(defaulted=pl.lit(False))
    bare = said.filter(undated)
    full = bare.with_columns(known_from=_default(desk, _last(kind), bare))
    parts = [explicit]
    if kind.revision is not None:
        first = bare.with_columns(known_from=_default(desk, kind.known, bare))
        revised = _is_revised(kind)
        later = revised & ~pl.col("retracted") & (first["known_from"] < full["known_from"])
        if desk.historical:
            parts.append(_defaulted(_unrevised(kind, first.filter(full.select(later).to_series()))))
        known = pl.when(revised).then(pl.col("known_from")).otherwise(first["known_from"])
        full = full.with_columns(known_from=known)
    return pl.concat([*parts, _defaulted(full)])


def _zone(desk: Desk, kind: Kind) -> pl.Expr:
    return pl.col("timezone") if kind is SCHOOLS else zones_expr(desk)


def _defaulted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(defaulted=pl.lit(True))


def _last(kind: Kind) -> Knowledge:
    return kind.revision.known if kind.revision else kind.known


def _is_revised(kind: Kind) -> pl.Expr:
    """Does the row say what becomes known later?"""
    assert kind.revision is not None  # noqa: S101  (asked by the callers)
    filled = []
    for name in kind.revision.fields:
        column, default = pl.col(kind.field(name).column), kind.field(name).default
        said = column.is_not_null()
        filled.append(said if default is None else said & (column != default))
    return pl.any_horizontal(filled)


def _unrevised(kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """The first versions: what becomes known later is still empty."""
    assert kind.revision is not None  # noqa: S101  (asked by the callers)
    fields = [kind.field(name) for name in kind.revision.fields]
    return frame.with_columns(pl.lit(f.default, f.dtype).alias(f.column) for f in fields)


def _default(desk: Desk, known: Knowledge, frame: pl.DataFrame) -> pl.Series:
    """The default `known_from` of each row; the import's instant where the day is unknown."""
    now = pl.lit(desk.now, INSTANT)
    match known:
        case Always():
            return pl.Series("known_from", [ALWAYS], INSTANT).new_from_index(0, frame.height)
        case AtImport():
            return pl.Series("known_from", [desk.now], INSTANT).new_from_index(0, frame.height)
        case OnDay(name):
            days = frame[name]
        case SchoolDaysAfter(name, count):
            days = _school_days_after(desk, frame, name, count)
    wall = days.cast(pl.Datetime("us")) + pl.duration(days=1, microseconds=-1)
    instants = frame.with_columns(wall=wall).select(known_from=_on_clock(frame, "wall"))
    return instants.select(pl.min_horizontal(pl.col("known_from").fill_null(now), now)).to_series()


def _school_days_after(desk: Desk, frame: pl.DataFrame, name: str, count: int) -> pl.Series:
    schools = frame["at_school"]
    calendar = desk.calendar_of(schools)
    rows = calendar.row(schools.fill_null(-1).to_numpy())
    found = np.full(frame.height, NEVER, np.int32)
    there = rows >= 0
    days = epoch_days(frame[name])
    found[there] = calendar.nth_after(rows[there], days[there], count)
    return pl.Series(name, found).replace(int(NEVER), None).cast(pl.Date)


def _on_clock(frame: pl.DataFrame, wall: str) -> pl.Expr:
    """A wall-clock column as an instant, each row on the clock of its school (`zone`)."""
    zones = frame["zone"].unique().sort().to_list()
    if len(zones) == 1:
        return on_the_clock_of(zones[0], wall)
    return pl.coalesce(
        pl.lit(None, INSTANT),
        *(pl.when(pl.col("zone") == zone).then(on_the_clock_of(zone, wall)) for zone in zones),
    )
