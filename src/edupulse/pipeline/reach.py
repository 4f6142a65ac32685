"""From when to when the rows of a delivery reach, school by school: coverage, and snapshots."""

from __future__ import annotations

from datetime import date

import polars as pl

from edupulse.school.kind import Kind
from edupulse.store.held import snapshot_day, snapshot_scope
from edupulse.store.rows import NO_KEY

Days = tuple[date | None, date | None]


class Reach:
    """The first and last day of one kind's rows for each school (or student, or staff).

    `days` maps the key to them; kinds without a day have None.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.days: dict[int, Days] = {}

    def extend(self, frame: pl.DataFrame) -> None:
        """Count in the rows of a batch, which has keys and `at_school`."""
        whose = snapshot_scope(self.kind)
        if whose is None:
            return
        column = "at_school" if whose == "school" else whose
        day = snapshot_day(self.kind)
        when = pl.col(day) if day else pl.lit(None, pl.Date)
        alive = frame.filter(~pl.col("retracted"))
        spans = alive.group_by(pl.col(column).fill_null(NO_KEY).alias("key")).agg(
            when.min().alias("first"), when.max().alias("last")
        )
        for key, first, last in spans.iter_rows():
            self.include(key, first, last)

    def include(self, key: int, first: date | None, last: date | None) -> None:
        """Count in a span of days."""
        held = self.days.get(key, (None, None))
        firsts = [day for day in (held[0], first) if day is not None]
        lasts = [day for day in (held[1], last) if day is not None]
        self.days[key] = (min(firsts, default=None), max(lasts, default=None))
