"""A planted proxy is found, noise is not, and few students are not asked about."""

from __future__ import annotations

import numpy as np
import pytest

from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.probe import proxies
from edupulse.school.errors import BadInput


def students(seed, count=600, features=8):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(count, features)).astype(np.float32)
    table[rng.random(table.shape) < 0.1] = np.nan
    table[:, 0] = np.nan
    return table, rng.integers(0, 3, count).astype(np.int32)


def ask(table, code, **options):
    groups = Grouping("letter", ("a", "b", "c"), code)
    return proxies(table, np.arange(len(code)), [groups], replicates=100, **options)


def test_a_planted_proxy_is_found():
    table, code = students(1)
    table[:, 3] = code + np.random.default_rng(2).normal(size=len(code)) * 0.1
    for one in ask(table, code):
        assert one.auroc.value > 0.97
        assert one.auroc.low > 0.95


def test_a_proxy_hidden_in_what_is_missing_is_found():
    table, code = students(2)
    table[code == 1, 4] = np.nan
    assert ask(table, code)[1].auroc.low > 0.8


def test_noise_tells_nothing():
    found = [one.auroc for seed in range(3) for one in ask(*students(seed, 300))]
    assert np.mean([auroc.value for auroc in found]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([auroc.low <= 0.5 <= auroc.high for auroc in found]) >= 0.6


def test_a_student_is_never_scored_by_trees_that_knew_her():
    """A number of one's own for each student: who learns it by heart would tell all."""
    rng = np.random.default_rng(3)
    table = rng.permutation(400).astype(np.float32)[:, None]
    code = rng.integers(0, 3, 400).astype(np.int32)
    assert all(one.auroc.value < 0.62 for one in ask(table, code))


def test_few_students_are_not_asked_about():
    table, code = students(4)
    code[:] = 0
    code[:29] = 1
    found = {one.group: one for one in ask(table, code)}
    assert found["b"].students == 29
    assert found["b"].auroc is None


def test_students_whose_group_is_not_known_do_not_count():
    table, code = students(5)
    code[::2] = -1
    assert sum(one.students for one in ask(table, code)) == 300


def test_two_rows_of_one_student_are_refused():
    table, code = students(6)
    with pytest.raises(BadInput, match="one row a student"):
        proxies(table, np.zeros(len(code), int), [Grouping("letter", ("a", "b", "c"), code)])
