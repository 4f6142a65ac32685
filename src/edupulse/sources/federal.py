"""Race and ethnicity as one word, as federal reports count them: for the audit alone.

Hispanic of any race first, then two or more races, else the one race (OMB standards of 1997, as the
Department of Education's guidance of 2007 has schools report them).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

RACES: Mapping[str, str] = MappingProxyType(
    {
        "american_indian": "American Indian or Alaska Native",
        "asian": "Asian",
        "black": "Black or African American",
        "pacific": "Native Hawaiian or Other Pacific Islander",
        "white": "White",
    }
)
"""A short name of each race to its word."""

SEVERAL, HISPANIC = "Two or more races", "Hispanic or Latino"


def race_ethnicity(hispanic: pl.Expr, several: pl.Expr, one: pl.Expr) -> pl.Expr:
    """The word of each row, of three columns: is Hispanic, has more than one race, the one race."""
    return (
        pl.when(hispanic)
        .then(pl.lit(HISPANIC))
        .when(several.fill_null(value=False))
        .then(pl.lit(SEVERAL))
        .otherwise(one)
    )
