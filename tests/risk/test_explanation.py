from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.features.catalog import FAMILIES
from edupulse.risk.explanation import explain, typical
from edupulse.risk.shapley import exact_shares
from edupulse.risk.views import by_family_and_stretch, by_feature


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


def test_families_and_stretches_are_nine_parts_and_exact(scorer, peers, few):
    view = by_family_and_stretch()
    reference = typical(few, peers)
    found = explain(scorer, few, reference, view)
    assert found.contribution.shape == (6, 9)
    assert not found.stderr.any()

    def game(coalitions):
        taken = coalitions[:, view]
        return scorer.logits(
            np.where(taken, few.values[0], reference.values[0]),
            np.where(taken, few.observed[0], reference.observed[0]),
            np.repeat(few.held[:1], len(coalitions), 0),
        )

    np.testing.assert_allclose(found.contribution[0], exact_shares(game, 9).share, atol=1e-6)


def test_a_view_gives_every_cell_one_part():
    tracks, stretches = by_feature(), by_family_and_stretch()
    assert (tracks[:, 7] == 7).all()
    assert np.unique(stretches).tolist() == list(range(9))
    assert (stretches[-4:, FAMILIES["discipline"]] == 8).all()
    assert (stretches[:10, FAMILIES["attendance"]] == 0).all()


def test_a_view_asks_for_no_more_evaluations_than_allowed(scorer, peers, few):
    class Counting:
        asked = 0

        def logits(self, values, observed, held):
            self.asked += len(values)
            return scorer.logits(values, observed, held)

    one = few.take([0])
    for view in (by_feature(), by_family_and_stretch()):
        network = Counting()
        explain(network, one, typical(one, peers), view)
        assert 0 < network.asked <= 512


def test_uncertain_shares_are_not_named(scorer, peers, few):
    found = explain(scorer, few, typical(few, peers), evaluations=256)
    for row in range(len(few)):
        named = found.strongest(row)
        assert named.size <= 5
        share, error = np.abs(found.contribution[row, named]), found.stderr[row, named]
        assert (share > 1.96 * error).all()
        assert (np.diff(share) <= 0).all()


def test_peers_of_another_grade_are_said_to_be_so(scorer, peers, few):
    assert typical(few, peers).same_grade.all()
    stranger = replace(few, grade_level=np.full(len(few), 3, np.int8))
    assert not typical(stranger, peers).same_grade.any()
