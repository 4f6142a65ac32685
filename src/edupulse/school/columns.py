"""A frame's columns as arrays, and frames of some columns or rows, without a query.

A query of Polars takes a tenth of a millisecond however little it is about, and one student's
features need a hundred such steps. These take a few microseconds each, and are no slower for many.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl


def integers(column: pl.Series, missing: int) -> npt.NDArray[np.int32]:
    """Whole numbers, days since 1970-01-01 or truths as int32, null as `missing`."""
    if column.null_count() == column.len():
        return np.full(column.len(), missing, np.int32)
    # 32 bits and fewer: where there are nulls, NumPy gets floats that hold them exactly.
    values = column.cast(pl.Int32).to_numpy()
    if column.null_count():
        values = np.where(np.isnan(values), missing, values).astype(np.int32)
    return values


def positions_of_words(column: pl.Series) -> npt.NDArray[np.int8]:
    """A column of one of at most 127 words (Enum) as positions in its words, null as −1."""
    if column.null_count() == column.len():
        return np.full(column.len(), -1, np.int8)
    return integers(column.to_physical(), -1).astype(np.int8)


def columns_of(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The frame with these columns alone."""
    return pl.DataFrame([frame[name] for name in names])


def rows_of(frame: pl.DataFrame, mask: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """The rows for which the mask holds."""
    if mask.all():
        return frame
    chosen = pl.Series(mask)
    return pl.DataFrame([column.filter(chosen) for column in frame.get_columns()])
