"""Laws 2 and 3: one student alone, a batch, any block and any order give the same bits."""

from __future__ import annotations

from dataclasses import fields
from random import Random

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from edupulse.features.weekly import weekly_features
from features.random_district import STUDENTS, random_district

SEEDS = st.integers(0, 10_000)
GENERATE = (Phase.explicit, Phase.generate)
"""No shrinking: a smaller seed is no smaller district."""


def assert_same(one, other):
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert left.dtype == right.dtype
        assert left.tobytes() == right.tobytes(), field.name


def taken(features, place):
    return type(features)(*(getattr(features, f.name)[place] for f in fields(features)))


@settings(max_examples=6, phases=GENERATE)
@given(seed=SEEDS, students=st.permutations(STUDENTS), block=st.integers(1, 4))
def test_a_student_alone_is_the_student_in_a_batch(seed, students, block):
    district, as_of = random_district(seed)
    batch = weekly_features(district.known(as_of, students))
    assert_same(batch, weekly_features(district.known(as_of, students), block=block))
    for at, student in enumerate(students):
        alone = weekly_features(district.known(as_of, [student]))
        assert_same(alone, taken(batch, np.array([at])))


@settings(max_examples=6, phases=GENERATE)
@given(seed=SEEDS, order=st.integers(0, 10_000))
def test_order_and_repetition_of_records_do_not_matter(seed, order):
    district, as_of = random_district(seed)
    before = weekly_features(district.known(as_of, STUDENTS))
    chance = Random(order)  # noqa: S311 - it shuffles, it keeps no secret
    for rows in district.rows.values():
        rows.extend(chance.sample(rows, len(rows) // 3))
        chance.shuffle(rows)
    assert_same(before, weekly_features(district.known(as_of, STUDENTS)))


@settings(max_examples=4, phases=GENERATE)
@given(seed=SEEDS, weeks=st.integers(1, 19))
def test_fewer_weeks_are_the_last_of_more(seed, weeks):
    district, as_of = random_district(seed)
    known = district.known(as_of, STUDENTS)
    few, many = weekly_features(known, weeks=weeks), weekly_features(known)
    assert few.values.tobytes() == many.values[:, -weeks:].tobytes()
    assert few.week_start.tolist() == many.week_start[:, -weeks:].tolist()


def test_a_student_asked_for_twice_comes_twice():
    district, as_of = random_district(3)
    features = weekly_features(district.known(as_of, [2, 1, 2]))
    assert features.students.tolist() == [2, 1, 2]
    assert features.values[0].tobytes() == features.values[2].tobytes()
