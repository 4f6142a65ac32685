"""The groups for which a model must hold: read here alone, and handed on as opaque labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.model.rows import Labels
from edupulse.panel.windows import Windows
from edupulse.school.records import DEMOGRAPHICS
from edupulse.store.people import school_names
from edupulse.store.store import Store

AUDITED = tuple(name for name in DEMOGRAPHICS.content_columns if name != "home_language")
"""Home language has too many values to be a group; who learns English is one."""


def subgroups(store: Store, windows: Windows) -> Labels:
    """By dimension a label `[N]` for each row of the windows, empty where nothing is on record.

    The dimensions are the attributes of the audit store, the school and the grade level.
    """
    on_record = store.demographics(np.unique(windows.student))
    return {
        **attribute_labels(on_record, windows.student),
        "school": _schools(store, windows),
        "grade_level": np.where(
            windows.grade_level == _UNKNOWN, "", windows.grade_level.astype(str)
        ),
    }


def attribute_labels(on_record: pl.DataFrame, students: npt.NDArray[np.int32]) -> Labels:
    """By attribute a label for each of the students, one a row, from what is on record of them."""
    rows = pl.DataFrame({"student": students}).join(
        on_record.select("student", *AUDITED), on="student", how="left", maintain_order="left"
    )
    return {name: _texts(rows[name]) for name in AUDITED}


_UNKNOWN = np.iinfo(np.int8).min


def _schools(store: Store, windows: Windows) -> npt.NDArray[np.str_]:
    with store.writing() as connection:
        names = dict(school_names(connection).select("school", "school_id").iter_rows())
    keys, place = np.unique(windows.school, return_inverse=True)
    return np.array([names.get(key, "") for key in keys.tolist()], np.str_)[place]


def _texts(column: pl.Series) -> npt.NDArray[np.str_]:
    return column.cast(pl.String).fill_null("").to_numpy().astype(np.str_)
