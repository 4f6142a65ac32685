"""The truth that a simulator wrote beside its district: the bound of an evaluation, no teacher."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.windows import Floats, Windows
from edupulse.pipeline.judging import Parts, Truth
from edupulse.pipeline.material import instants_of, material
from edupulse.school.errors import NotFound, NotReady
from edupulse.store.people import student_keys
from edupulse.store.store import Store

PROBABILITIES = Path("truth") / "probabilities.parquet"


def truth_in(
    folder: Path, store: Store, definition: OutcomeDefinition, now: datetime
) -> Callable[[Parts], Truth | None]:
    """Reads the truth of a simulated district's folder for the test period of some parts.

    Gives None where no pair lies there. Raises NotFound where the folder holds no truth.
    """
    path = folder / PROBABILITIES
    if not path.exists():
        raise NotFound(f"{folder} holds no truth.", "Name a folder that `edupulse simulate` wrote.")

    def read(parts: Parts) -> Truth | None:
        pairs = _pairs(path, store, now).filter(pl.col("as_of") >= parts.test.windows.as_of.min())
        if pairs.is_empty():
            return None
        instants = [instant for instant in pairs["instant"].unique().sort() if instant <= now]
        students = pairs["student"].unique().sort().to_numpy()
        try:
            rows = material(store, instants, definition, now, students=students)
        except NotReady:
            return None
        probability = _probability(rows.windows, pairs)
        known = rows.outcomes.known & ~np.isnan(probability)
        return Truth(rows.take(known), probability[known]) if known.any() else None

    return read


def _pairs(path: Path, store: Store, now: datetime) -> pl.DataFrame:
    """student (key), as_of (datetime64 UTC), instant, off_track (the true probability)."""
    pairs = pl.read_parquet(path, columns=["student_id", "as_of", "off_track"])
    days = pairs["as_of"].unique().sort().to_list()
    instants = instants_of(store.known(np.zeros(0, np.int32), now), days)
    ends = pl.DataFrame(
        {"as_of": days, "instant": instants},
        schema={"as_of": pl.Date, "instant": pl.Datetime("us", "UTC")},
    )
    with store.writing() as connection:
        keys = student_keys(connection, pairs["student_id"].unique().to_list())
    return (
        pairs.join(ends, on="as_of")
        .join(keys, left_on="student_id", right_on="local_id")
        .select(
            "student",
            pl.col("instant").dt.replace_time_zone(None).alias("as_of"),
            "instant",
            "off_track",
        )
    )


def _probability(windows: Windows, pairs: pl.DataFrame) -> Floats:
    """The true probability of each row; NaN where the simulator did not sample it."""
    rows = pl.DataFrame({"student": windows.student, "as_of": windows.as_of})
    found = rows.join(pairs, on=["student", "as_of"], how="left", maintain_order="left")
    return found["off_track"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
