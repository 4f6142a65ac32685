"""What each of the 42 features needs of a district's records before it can be observed at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from edupulse.features.catalog import ATTENDANCE, DISCIPLINE, FEATURES, GRADES

SUBJECTS, CATEGORIES = "subjects", "categories"
"""Sections that have a subject; marks of both categories."""

GRADED = "marks or course_grades"

OF_ALL = ("enrollments", "calendar")
"""No feature without a student enrolled on instructional days."""

OF_FAMILY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ATTENDANCE: ("attendance",),
        GRADES: ("sections", GRADED),
        DISCIPLINE: ("incidents", "records_incidents"),
    }
)
_BY_TERM = (
    *("gpa_ytd", "gpa_term", "gpa_change_prev", "percent_slope_w8", "max_drop_d20"),
    *("lowest_percent", "failing_share"),
)
_BY_SUBJECT = ("ela_percent", "math_percent", "core_percent", "core_elective_gap", "core_spread")

OF_FEATURE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "unexcused_rate_d45": ("records_excuse",),
        "excused_rate_d45": ("records_excuse",),
        "tardy_rate_d20": ("records_tardies",),
        "partial_day_rate_d20": ("records_partial_days",),
        **dict.fromkeys(_BY_TERM, ("terms",)),
        **dict.fromkeys(_BY_SUBJECT, ("terms", SUBJECTS)),
        "percent_volatility_w8": ("marks",),
        "missing_work_rate_d20": ("marks", "records_gradebook"),
        "assessment_practice_gap_d45": ("marks", CATEGORIES),
    }
)

IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "enrollments": "enrollments of students at schools, with grade and first day",
        "calendar": "the schools' instructional days",
        "attendance": "attendance, or coverage that says it was observed",
        "sections": "sections",
        GRADED: "marks or posted course grades",
        "marks": "marks of single assignments",
        "terms": "terms",
        "incidents": "incidents, or coverage that says they were observed",
        SUBJECTS: "sections with a subject",
        CATEGORIES: "marks called assessment, and marks called practice",
        "records_excuse": "a school that says it records excuses",
        "records_tardies": "a school that says it records tardies",
        "records_partial_days": "a school that says it records parts of days",
        "records_gradebook": "a school that says it records all of its gradebook",
        "records_incidents": "a school that says it records incidents",
    }
)
"""Each need for people."""


def needs_of(name: str) -> tuple[str, ...]:
    """What a feature needs."""
    family = next(feature.family for feature in FEATURES if feature.name == name)
    return tuple(dict.fromkeys([*OF_ALL, *OF_FAMILY[family], *OF_FEATURE.get(name, ())]))


def lacking(present: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Feature to what it lacks, where only `present` is there; those that lack nothing are absent.

    `present`: names of kinds with rows (or with coverage), flags that a school
    says, SUBJECTS and CATEGORIES.
    """
    there = {*present}
    if there & {"marks", "course_grades"}:
        there.add(GRADED)
    found = {
        feature.name: [n for n in needs_of(feature.name) if n not in there] for feature in FEATURES
    }
    return {name: tuple(needs) for name, needs in found.items() if needs}
