"""Line items as a service said them, kept from one reading to the next.

Results are read by what changed, and a mark rests on its line item as well. What was kept tells
which line items have become others since their marks were read, so that the results of these alone
are asked for again: of a new line item all results are new too, and come by themselves. It also
saves reading all line items each night for the few that changed.
"""

from __future__ import annotations

import polars as pl

from edupulse.sources.oneroster.reading import Part, Parts, latest, schema_of
from edupulse.sources.oneroster.tables import CATEGORIES, LINE_ITEMS

_OWN = ("class_id", "category_id", "term_id", "due", "most")
_OF_CATEGORY = ("category", "weight")
_FACTS = (*_OWN, "deleted", *_OF_CATEGORY)
"""What a mark takes from its line item."""

SCHEMA = {
    **dict.fromkeys(("id", *_OWN, "modified", *_OF_CATEGORY), pl.String()),
    "deleted": pl.Boolean(),
    "is_there": pl.Boolean(),
}
"""Of what is kept; `is_there` is false where results name a line item that the service has not."""


def standing(kept: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Rows of all line items, from those kept and those that changed since.

    A deleted one that says no more than its id keeps what was said before.
    """
    before = kept.filter("is_there").select("id", *_OWN, "modified", "deleted")
    now = latest(LINE_ITEMS, changed)
    joined = now.join(before, on="id", how="left", maintain_order="left", suffix="_before")
    said = joined.with_columns(
        pl.when("deleted").then(pl.coalesce(name, f"{name}_before")).otherwise(name).alias(name)
        for name in _OWN
    ).select(now.columns)
    rest = before.join(now, on="id", how="anti").with_columns(
        file=pl.lit(LINE_ITEMS.name), line=pl.lit(0, pl.Int64)
    )
    return pl.concat([said, rest], how="diagonal").select(*schema_of(LINE_ITEMS))


def keeping(items: pl.DataFrame, categories: pl.DataFrame, named: pl.Series) -> pl.DataFrame:
    """What to keep of all line items, and of those that results `named` and that are not there."""
    of_category = latest(CATEGORIES, categories).select(
        category_id="id", category="title", weight="weight"
    )
    there = items.drop_nulls("id").join(
        of_category.drop_nulls("category_id"), on="category_id", how="left"
    )
    missed = pl.DataFrame({"id": named.unique().drop_nulls()}).join(items, on="id", how="anti")
    flagged = (
        there.with_columns(is_there=pl.lit(value=True)),
        missed.with_columns(is_there=pl.lit(value=False)),
    )
    return pl.concat(flagged, how="diagonal").select(
        pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()
    )


def become_others(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """The line items of whose marks some may be others: those that were there and say another
    thing, and those that results named before they were there."""
    both = now.filter("is_there").join(before, on="id", suffix="_before")
    is_other = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in _FACTS
    )
    return both.filter(~pl.col("is_there_before") | is_other)


def lost(kept: pl.DataFrame) -> pl.Series:
    """The ids that results named and that were not there."""
    return kept.filter(~pl.col("is_there"))["id"]


def as_parts(items: pl.DataFrame) -> list[Parts]:
    """Rows in memory as a table to be read."""
    return [lambda _: iter((Part(items),))]
