"""What must hold between the fields of one record: declared here, once, for every source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import available_timezones

import polars as pl


@dataclass(frozen=True, slots=True)
class Check:
    """A record is left out where `broken` is true (null is not); `field` is the one to correct."""

    field: str
    broken: pl.Expr
    reason: str


def _not_before(last: str, first: str) -> Check:
    return Check(last, pl.col(last) < pl.col(first), f"must not be before {first}")


_STATUS, _FRACTION = pl.col("status"), pl.col("fraction")

CHECKS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "schools": (
            Check(
                "timezone",
                ~pl.col("timezone").is_in(sorted(available_timezones())),
                "an IANA time zone as America/Chicago expected",
            ),
        ),
        "coverage": (_not_before("observed_through", "observed_from"),),
        "terms": (_not_before("ends_on", "begins_on"),),
        "student_ids": (
            Check(
                "student_id",
                pl.col("student_id") == pl.col("old_student_id"),
                "must differ from old_student_id",
            ),
        ),
        "caseloads": (_not_before("to", "from"),),
        "enrollments": (_not_before("left_on", "entered_on"),),
        "section_students": (_not_before("left_on", "entered_on"),),
        "attendance": (
            Check(
                "fraction",
                (_STATUS == "present") & (_FRACTION > 0),
                "a present student has missed nothing: leave it empty, or write the absence",
            ),
            Check(
                "fraction",
                _STATUS.is_in(["excused", "unexcused", "absent"]) & (_FRACTION == 0),
                "an absence needs a fraction above 0, or none for the whole day",
            ),
        ),
        "course_grades": (
            Check(
                "percent",
                pl.col("percent").is_null() & pl.col("code").is_null(),
                "percent or code is required",
            ),
        ),
    }
)
"""Kind to its checks, made before defaults are filled in."""
