"""What a system shows that keeps no versions: the newest of each record, and nothing taken back."""

from __future__ import annotations

import polars as pl

from edupulse.school.records import KIND_BY_NAME


def newest(kind: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The records of a kind as they stand at the end, without when they became known.

    All versions of one record must be in the frame.
    """
    key = [name for name in KIND_BY_NAME[kind].key if name in frame.columns]
    if "known_at" in frame.columns:
        # Dates and instants as text stand in the order of time.
        latest = pl.col("known_at").cast(pl.String)
        frame = frame.sort(latest, maintain_order=True).unique(
            key, keep="last", maintain_order=True
        )
    if "retracted" in frame.columns:
        frame = frame.filter(~pl.col("retracted").fill_null(False))
    return frame.drop("known_at", "retracted", strict=False)
