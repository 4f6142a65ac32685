"""Law 12: contributions add up, and agree with exact Shapley values within their error."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.risk.shapley import exact_shares, sampled_shares
from risk.test_shapley import bent_game


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    players=st.integers(1, 42),
    interaction=st.floats(0, 3),
    evaluations=st.integers(256, 600),
)
def test_shares_add_up_to_the_whole_difference(seed, players, interaction, evaluations):
    shares = sampled_shares(
        bent_game(max(players, 3), seed, interaction), max(players, 3), evaluations
    )
    np.testing.assert_allclose(shares.share.sum(), shares.everybody - shares.nobody, atol=1e-8)


def test_sampled_shares_lie_within_their_standard_errors_of_the_exact_ones():
    inside = []
    for seed in range(60):
        game = bent_game(12, seed)
        exact, sampled = exact_shares(game, 12), sampled_shares(game, 12, evaluations=130)
        inside.append(np.abs(sampled.share - exact.share) <= 1.96 * sampled.stderr)
    assert 0.90 <= np.mean(inside) <= 1.0


def test_the_standard_errors_are_not_merely_large():
    ratios = []
    for seed in range(60):
        game = bent_game(12, seed)
        exact, sampled = exact_shares(game, 12), sampled_shares(game, 12, evaluations=130)
        ratios.append(
            np.sqrt(np.mean((sampled.share - exact.share) ** 2) / np.mean(sampled.stderr**2))
        )
    assert 0.6 < np.median(ratios) < 1.2
