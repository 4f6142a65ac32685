from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.features.catalog import FAMILIES
from edupulse.risk.explanation import explain, typical
from edupulse.risk.shapley import exact_shares


@pytest.fixture(scope="module")
def few(windows):
    long = np.flatnonzero(windows.held.sum(1) >= 10)[:6]
    return windows.take(long)


def test_contributions_add_up_to_the_difference_of_the_logits(scorer, peers, few):
    reference = typical(few, peers)
    found = explain(scorer, few, reference)
    np.testing.assert_allclose(found.logit, scorer.score(few).logit, atol=1e-5)
    usual = replace(few, values=reference.values, observed=reference.observed)
    np.testing.assert_allclose(found.reference_logit, scorer.score(usual).logit, atol=1e-5)
    np.testing.assert_allclose(
        found.contribution.sum(1), found.logit - found.reference_logit, atol=1e-6
    )


def test_one_student_alone_is_explained_as_among_others(scorer, peers, few):
    together = explain(scorer, few, typical(few, peers))
    alone = few.take([4])
    found = explain(scorer, alone, typical(alone, peers))
    np.testing.assert_allclose(found.contribution[0], together.contribution[4], atol=1e-5)


def test_what_is_not_observed_has_no_part(scorer, peers, few):
    observed = few.observed.copy()
    observed[:, :, 3] = False
    hidden = replace(few, observed=observed, values=np.where(observed, few.values, np.nan))
    reference = typical(hidden, peers)
    assert not reference.observed[:, :, 3].any()
    assert not explain(scorer, hidden, reference).contribution[:, 3].any()


def test_a_student_who_is_typical_has_no_factors(scorer, peers, few):
    reference = typical(few, peers)
    usual = replace(few, values=reference.values, observed=reference.observed)
    found = explain(scorer, usual, reference)
    assert not found.contribution.any()
    assert found.strongest(0).size == 0
    np.testing.assert_allclose(found.logit, found.reference_logit)


def test_groups_are_explained_as_one_and_exactly_where_they_are_few(scorer, peers, few):
    groups = [range(42)[columns] for columns in FAMILIES.values()]
    reference = typical(few, peers)
    found = explain(scorer, few, reference, groups)
    assert found.contribution.shape == (6, 3)
    assert not found.stderr.any()

    def game(coalitions):
        taken = np.repeat(coalitions, [len(group) for group in groups], axis=1)[:, None]
        return scorer.logits(
            np.where(taken, few.values[0], reference.values[0]),
            np.where(taken, few.observed[0], reference.observed[0]),
            np.repeat(few.held[:1], len(coalitions), 0),
        )

    np.testing.assert_allclose(found.contribution[0], exact_shares(game, 3).share, atol=1e-6)


def test_uncertain_shares_are_not_named(scorer, peers, few):
    found = explain(scorer, few, typical(few, peers), evaluations=256)
    for row in range(len(few)):
        named = found.strongest(row)
        assert named.size <= 5
        share, error = np.abs(found.contribution[row, named]), found.stderr[row, named]
        assert (share > 1.96 * error).all()
        assert (np.diff(share) <= 0).all()
