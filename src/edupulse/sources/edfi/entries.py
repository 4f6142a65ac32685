"""Gradebook entries as a service said them, kept from one reading to the next.

A mark rests on the student's entry and on the gradebook's, and both are read by what changed. What
was kept tells which of the gradebook's entries have become others since their marks were read, so
that the students' entries of these alone are asked for again: of a new one they are new too, and
come by themselves. It also tells what the entry of a mark says that changed by itself.
"""

from __future__ import annotations

import polars as pl

from edupulse.sources.edfi.resources import GRADEBOOK_ENTRY as ENTRY
from edupulse.sources.edfi.resources import STUDENT_GRADEBOOK_ENTRY as MARK
from edupulse.sources.edfi.spool import Spool

KEY = ["entry", "namespace"]
_FACTS = [name for name in ENTRY.content if name not in KEY]
SCHEMA = {
    **dict.fromkeys(("id", *KEY, *_FACTS), pl.String()),
    "is_there": pl.Boolean(),
}
"""Of what is kept; `is_there` is false where marks name an entry that the service has not."""


def keeping(spool: Spool, kept: pl.DataFrame | None) -> pl.DataFrame:
    """What to keep of all entries, those kept and those that a spool has, and of those named."""
    before = pl.DataFrame(schema=SCHEMA) if kept is None else kept
    read = spool.whole(ENTRY)
    now = read.filter(~pl.col("deleted")).unique(KEY, keep="any")
    rest = before.filter("is_there").join(read, on=KEY, how="anti")
    there = pl.concat([now.with_columns(is_there=pl.lit(value=True)), rest], how="diagonal")
    lost = before.filter(~pl.col("is_there")).select(KEY)
    named = pl.concat([lost, _named(spool)]).drop_nulls().unique()
    missed = named.join(there, on=KEY, how="anti").with_columns(is_there=pl.lit(value=False))
    return pl.concat([there, missed], how="diagonal").select(
        pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()
    )


def become_others(kept: pl.DataFrame, spool: Spool) -> pl.DataFrame:
    """The keys of entries of whose marks some may be others.

    These are entries that say another thing, have another key, or are gone, and those that marks
    named before they were there.
    """
    read = spool.whole(ENTRY)
    gone = read.filter("deleted")
    now = read.filter(~pl.col("deleted"))
    both = now.join(kept, on=KEY, suffix="_before")
    is_other = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in _FACTS
    )
    others = both.filter(~pl.col("is_there") | is_other)
    renamed = now.join(kept, on=KEY, how="anti").join(kept.drop_nulls("id"), on="id", how="semi")
    found = (others, renamed, gone.join(kept, on=KEY, how="semi"))
    return pl.concat(frame.select(KEY) for frame in found).unique()


def of_marks(kept: pl.DataFrame, spool: Spool) -> pl.DataFrame:
    """The entries of the marks in a spool that were kept, and of which it says nothing."""
    unsaid = lost(spool).join(spool.whole(ENTRY), on=KEY, how="anti")
    return kept.filter("is_there").join(unsaid, on=KEY, how="semi")


def lost(spool: Spool) -> pl.DataFrame:
    """The keys that marks in a spool name, and of which it has no entry."""
    return _named(spool).join(spool.live(ENTRY), on=KEY, how="anti")


def _named(spool: Spool) -> pl.DataFrame:
    """The keys of the entries that marks name."""
    named = pl.DataFrame(schema=dict.fromkeys(KEY, pl.String()))
    for part in spool.parts(MARK):
        alive = part.filter(~pl.col("deleted")).select(KEY)
        named = pl.concat([named, alive]).unique()
    return named.drop_nulls()
