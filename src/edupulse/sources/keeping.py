"""What a source said, packed to be kept from one reading to the next."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import polars as pl

Schema = Mapping[str, pl.DataType]


def packed(kept: pl.DataFrame) -> bytes:
    """As bytes to keep."""
    to = BytesIO()
    kept.write_ipc(to, compression="zstd")
    return to.getvalue()


def unpacked(kept: bytes | None, schema: Schema) -> pl.DataFrame | None:
    """What was kept; None where nothing was, or by a version of ours that kept something else."""
    if kept is None:
        return None
    found = pl.read_ipc(BytesIO(kept))
    return found if dict(found.schema) == dict(schema) else None
