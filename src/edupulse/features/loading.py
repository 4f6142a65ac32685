"""All loops of this room, loaded before anybody waits for one, or compiled for who loads them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from edupulse.features.weekly import weekly_features
from edupulse.school.kind import Kind
from edupulse.school.knowledge import READ_KINDS, History
from edupulse.school.records import COVERAGE, COVERED, STUDENT_IDS

_DAY = date(2001, 9, 3)
_SINCE = datetime(2001, 9, 3, tzinfo=UTC)
_VALUES: dict[type[pl.DataType], Any] = {
    pl.Int32: 1,
    pl.Boolean: True,
    pl.Date: _DAY,
    pl.String: "UTC",  # one of them is a time zone
}


def load_loops() -> None:
    """Work out the features of a student of whom one record of each kind is made up.

    Where no process did so before, that compiles the loops: half a minute, and hundreds of MB that
    this process keeps. Later ones find them on disk.
    """
    frames = {kind.name: _record(kind) for kind in READ_KINDS if kind is not STUDENT_IDS}
    (coverage,) = frames[COVERAGE.name].to_dicts()
    all_covered = [{**coverage, "kind": kind} for kind in COVERED]
    frames[COVERAGE.name] = pl.DataFrame(all_covered, COVERAGE.version_schema)
    weekly_features(History(np.array([1], np.int32), frames).at(_SINCE))


def _record(kind: Kind) -> pl.DataFrame:
    row = {column: _value(of) for column, of in kind.schema.items()}
    version = {"known_from": _SINCE, "known_until": None, "retracted": False}
    return pl.DataFrame([{**row, **version}], kind.version_schema)


def _value(of: pl.DataType) -> Any:
    return of.categories[0] if isinstance(of, pl.Enum) else _VALUES[type(of)]
