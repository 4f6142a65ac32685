"""From a SCED course code to our word for the subject; what cannot be mapped is left unknown."""

from __future__ import annotations

import polars as pl

SUBJECT_OF_SCED: dict[str, str] = {
    "01": "ela",
    "02": "math",
    "03": "science",
    "04": "social_studies",
    **{f"{area:02d}": "other" for area in range(5, 25)},
}
"""By the subject area, the first two digits: the School Courses for the Exchange of Data (NCES)."""


def subject_of_sced(code: pl.Expr) -> pl.Expr:
    """The subject of a SCED code; null where the code begins with no known subject area."""
    area = code.str.strip_chars().str.slice(0, 2)
    return area.replace_strict(SUBJECT_OF_SCED, default=None, return_dtype=pl.String)
