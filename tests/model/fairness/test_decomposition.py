"""The part between schools and the part within them add up, and each is found where it was put."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.model.fairness.decomposition import decompositions
from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.rates import Judged


def rows(seed, students=600, schools=5, by_school=0.0, by_group=0.0, sorted_by=0.0):
    """`sorted_by`: how closely groups follow schools; `by_school`, `by_group`: what moves rates."""
    rng = np.random.default_rng(seed)
    school = rng.integers(0, schools, students)
    share = np.clip(0.3 + sorted_by * (school - (schools - 1) / 2), 0.02, 0.98)
    code = (rng.random(students) < share).astype(np.int32)
    chance = np.clip(0.35 + by_school * (school - (schools - 1) / 2) + by_group * code, 0.02, 0.98)
    risk = rng.beta(2, 3, students)
    off_track = rng.random(students) < chance
    judged = Judged(np.tile(risk, 2), np.tile(off_track, 2), np.tile(np.arange(students), 2))
    return judged, np.tile(school, 2), Grouping("letter", ("a", "b"), np.tile(code, 2))


def of(found, group, rate):
    return next(one for one in found if (one.group, one.rate) == (group, rate))


@given(st.integers(0, 10_000), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(-0.1, 0.1))
@settings(max_examples=20, deadline=None)
def test_the_parts_add_up_to_the_plain_gap(seed, by_school, by_group, sorted_by):
    judged, school, groups = rows(seed, 600, 4, by_school, by_group, sorted_by)
    for one in decompositions(judged, school, [groups], replicates=5):
        assert one.between.value + one.within.value == pytest.approx(one.gap.value, abs=1e-12)
    b = groups.code == 1
    plain = judged.off_track[b].mean() - judged.off_track[~b].mean()
    found = decompositions(judged, school, [groups], replicates=5)
    assert of(found, "b", "base_rate").gap.value == pytest.approx(plain, abs=1e-12)
    missed = judged.risk < 0.3
    late = judged.off_track
    plain = missed[late & b].mean() - missed[late & ~b].mean()
    assert of(found, "b", "false_negative_rate").gap.value == pytest.approx(plain, abs=1e-12)


def test_a_gap_made_by_schools_lies_between_them():
    found = decompositions(*_with(rows(1, 4000, by_school=0.12, sorted_by=0.15)), replicates=100)
    one = of(found, "b", "base_rate")
    assert one.between.low > 0.05
    assert one.within.low < 0 < one.within.high


def test_a_gap_made_by_groups_lies_within_schools():
    found = decompositions(*_with(rows(2, 4000, by_group=0.2)), replicates=100)
    one = of(found, "b", "base_rate")
    assert one.within.low > 0.1
    assert abs(one.between.value) < 0.02


def test_schools_of_one_group_each_put_all_of_it_between():
    judged, school, _ = rows(3, 400, schools=2, by_school=0.3)
    apart = Grouping("letter", ("a", "b"), school.astype(np.int32))
    one = of(decompositions(judged, school, [apart], replicates=20), "b", "base_rate")
    assert one.within.value == pytest.approx(0.0, abs=1e-12)
    assert one.between.value == pytest.approx(one.gap.value)


def test_groups_too_small_are_left_out():
    judged, school, _ = rows(4, 200)
    code = np.where(judged.student < 20, 1, 0).astype(np.int32)
    assert decompositions(judged, school, [Grouping("letter", ("a", "b"), code)]) == ()


def _with(made):
    judged, school, groups = made
    return judged, school, [groups]
