"""From a behavior to its severity, 1 to 5: set by what was done, never by the consequence."""

from __future__ import annotations

import polars as pl

SEVERITY_OF_BEHAVIOR: dict[str, int] = {
    "dress_code": 1,
    "off_task": 1,
    "minor_disruption": 1,
    "late_to_class": 1,
    "phone_use": 1,
    "disrespect": 2,
    "defiance": 2,
    "disruption": 2,
    "skipping_class": 2,
    "academic_dishonesty": 2,
    "inappropriate_language": 2,
    "bullying": 3,
    "harassment": 3,
    "theft": 3,
    "vandalism": 3,
    "tobacco": 3,
    "threat": 3,
    "fighting": 4,
    "assault": 4,
    "alcohol": 4,
    "drugs": 4,
    "weapon": 5,
    "serious_injury": 5,
}
"""The default table; a district's own replaces it. A behavior that is not here has no severity."""


def severity_of_behavior(behavior: pl.Expr) -> pl.Expr:
    """The severity of a behavior word; null where the table does not have it."""
    word = behavior.str.strip_chars().str.to_lowercase().str.replace_all(r"[\s\-]+", "_")
    return word.replace_strict(SEVERITY_OF_BEHAVIOR, default=None, return_dtype=pl.Int32)
