"""Coverage where no file says it: from the first to the last row of a kind in each school."""

from __future__ import annotations

from datetime import date

import polars as pl
from psycopg import Connection

from edupulse.pipeline.reach import Days
from edupulse.school.records import ALWAYS, COVERAGE
from edupulse.store.held import current_of


def default_coverage(connection: Connection, reaches: dict[str, dict[int, Days]]) -> pl.DataFrame:
    """Versions of coverage for what was delivered; `reaches` is kind to school to days.

    Where a school's coverage of the kind begins no later than the new rows, its last span is made
    longer; so the next import of a running year goes on where the one before ended. What lies
    within it is no news.
    """
    schools = sorted({school for days in reaches.values() for school in days})
    held = current_of(connection, COVERAGE, "school", schools)
    spans = [
        _span(held, school, kind, first, last)
        for kind, days in reaches.items()
        for school, (first, last) in days.items()
        if first is not None and last is not None
    ]
    there = set(held.select("school", "kind", "observed_from", "observed_through").iter_rows())
    rows = [span for span in spans if span not in there]
    made = pl.DataFrame(rows, schema=COVERAGE.schema, orient="row")
    return made.with_columns(
        known_from=pl.lit(ALWAYS, pl.Datetime("us", "UTC")),
        retracted=pl.lit(False),
        defaulted=pl.lit(True),
    )


def _span(
    held: pl.DataFrame, school: int, kind: str, first: date, last: date
) -> tuple[int, str, date, date]:
    before = held.filter(
        pl.col("school") == school,
        pl.col("kind") == kind,
        pl.col("observed_from") <= first,
    ).sort("observed_from")
    if before.height:
        begun, through = before.select("observed_from", "observed_through").row(-1)
        return school, kind, begun, max(last, through)
    return school, kind, first, last
