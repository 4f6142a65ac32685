from __future__ import annotations

import numpy as np
import pytest

from edupulse.risk.shapley import _shares_of_cube, exact_shares, sampled_shares
from edupulse.school.errors import BadInput


def bent_game(players: int, seed: int, interaction: float = 1.0):
    """A linear game with interactions of two and three players, bent by a tanh."""
    draw = np.random.default_rng(seed)
    alone = draw.normal(size=players)
    pairs = draw.normal(size=(players, players)) * interaction / np.sqrt(players)

    def game(coalitions):
        x = coalitions.astype(float)
        lin = x @ alone + np.einsum("ci,ij,cj->c", x, pairs, x)
        return lin + np.tanh(lin) + interaction * x[:, 0] * x[:, 1] * x[:, 2]

    return game


def test_an_additive_game_gives_each_player_its_own():
    weights = np.array([2.0, -1.0, 0.0, 0.5])
    shares = exact_shares(lambda c: c @ weights + 3, 4)
    np.testing.assert_allclose(shares.share, weights, atol=1e-12)
    assert shares.nobody == 3


def test_a_glove_game_is_shared_by_the_scarce_glove():
    """One left and two right gloves: a pair is worth 1 (Shapley values 2/3, 1/6, 1/6)."""
    shares = exact_shares(lambda c: (c[:, 0] & (c[:, 1] | c[:, 2])).astype(float), 3)
    np.testing.assert_allclose(shares.share, [2 / 3, 1 / 6, 1 / 6])


def test_sampling_is_exact_on_an_additive_game():
    weights = np.linspace(-2, 2, 42)
    shares = sampled_shares(lambda c: c @ weights, 42)
    np.testing.assert_allclose(shares.share, weights, atol=1e-9)
    np.testing.assert_allclose(shares.stderr, 0, atol=1e-9)


def test_few_players_are_exact():
    game = bent_game(8, 1)
    np.testing.assert_array_equal(sampled_shares(game, 8).share, exact_shares(game, 8).share)


def test_no_more_evaluations_than_allowed():
    asked = []
    game = bent_game(42, 2)
    sampled_shares(lambda c: asked.append(len(c)) or game(c), 42, 512)
    assert sum(asked) <= 512


def test_too_few_evaluations_are_refused():
    with pytest.raises(BadInput, match="170"):
        sampled_shares(bent_game(42, 0), 42, 100)


def test_exact_values_are_for_few_players_only():
    with pytest.raises(BadInput):
        exact_shares(bent_game(13, 0), 13)


def test_the_shares_of_a_cube_are_its_shapley_values():
    weights = np.random.default_rng(4).normal(size=9)
    shares = exact_shares(lambda c: (np.where(c, 1, -1) @ weights) ** 3 / 2, 9)
    np.testing.assert_allclose(_shares_of_cube(weights), shares.share, atol=1e-9)


def test_a_sum_that_saturates_is_shared_more_exactly_than_by_a_straight_regression(monkeypatch):
    """The cube takes out most of what bends: against 40 times the evaluations, 42 players."""
    weights = np.random.default_rng(5).normal(size=42) / 8

    def game(coalitions):
        return np.tanh(coalitions @ weights)

    truth = sampled_shares(game, 42, 20_000).share
    errors = [np.abs(sampled_shares(game, 42).share - truth).mean()]
    monkeypatch.setattr("edupulse.risk.shapley._shares_of_cube", lambda _: 0)
    monkeypatch.setattr(
        "edupulse.risk.shapley._bend", lambda _plan, _share, d: (0, 0.0, np.zeros_like(d))
    )
    errors.append(np.abs(sampled_shares(game, 42).share - truth).mean())
    assert errors[0] < 0.7 * errors[1]


def test_every_seed_draws_others_and_one_seed_the_same():
    game = bent_game(42, 3)
    first, again, other = (sampled_shares(game, 42, seed=seed).share for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
