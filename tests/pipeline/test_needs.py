"""The table of what each feature needs agrees with what the features do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from builders import District
from edupulse.features.catalog import FEATURES, NAMES
from edupulse.features.weekly import weekly_features
from edupulse.pipeline.needs import CATEGORIES, GRADED, IN_WORDS, SUBJECTS, lacking, needs_of
from features.random_district import STUDENTS, random_district

SEEDS = range(25)
"""So many, that each of the 42 features is observed in some district."""

EVERYTHING = set(IN_WORDS)

Removal = Callable[[District], None]


def without_kinds(*kinds: str) -> Removal:
    """Neither rows of the kinds, nor coverage that says there were none."""

    def remove(district: District) -> None:
        for kind in kinds:
            district.rows[kind] = []
        coverage = district.rows["coverage"]
        district.rows["coverage"] = [row for row in coverage if row["kind"] not in kinds]

    return remove


def with_all(kind: str, field: str, value: object) -> Removal:
    def remove(district: District) -> None:
        for row in district.rows[kind]:
            row[field] = value

    return remove


REMOVED: dict[str, Removal] = {
    **{kind: without_kinds(kind) for kind in ("enrollments", "calendar", "attendance", "sections")},
    **{kind: without_kinds(kind) for kind in ("terms", "marks", "incidents")},
    GRADED: without_kinds("marks", "course_grades"),
    SUBJECTS: with_all("sections", "subject", None),
    CATEGORIES: with_all("marks", "category", None),
    **{need: with_all("schools", need, False) for need in IN_WORDS if need.startswith("records_")},
}


@cache
def observed(removed: str | None) -> frozenset[str]:
    """The features observed of anyone in any week of the random districts."""
    seen = np.zeros(len(FEATURES), bool)
    for seed in SEEDS:
        district, as_of = random_district(seed)
        if removed:
            REMOVED[removed](district)
        features = weekly_features(district.known(as_of, STUDENTS))
        seen |= features.observed.reshape(-1, len(FEATURES)).any(axis=0)
    return frozenset(name for name, there in zip(NAMES, seen, strict=True) if there)


def test_with_everything_all_features_are_observed_and_lack_nothing() -> None:
    assert observed(None) == set(NAMES)
    assert lacking(EVERYTHING) == {}


def test_every_need_is_tried_and_has_its_words() -> None:
    assert set(REMOVED) == set(IN_WORDS) == {need for name in NAMES for need in needs_of(name)}


@pytest.mark.parametrize("need", REMOVED)
def test_without_a_need_the_features_that_lack_it_are_unobserved_and_the_others_stay(
    need: str,
) -> None:
    there = EVERYTHING - {need}
    if need == GRADED:
        there -= {"marks"}
    assert observed(need) == set(NAMES) - set(lacking(there))
