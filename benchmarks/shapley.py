"""How honest the standard errors of sampled Shapley values are, and what the cube takes off.

`python benchmarks/shapley.py`: games of interactions bent by a tanh (12 players against exact
values), and sums that saturate (42 players against 40 times the evaluations). *Held* is the part of
the shares within 1.96 standard errors of the truth, *stated* the root-mean-square error over the
root-mean-square standard error, *straight* that error over the one of the same regression without
the cube.
"""

from __future__ import annotations

import argparse

import numpy as np

from edupulse.risk.shapley import Game, Shares, _plan, exact_shares, sampled_shares

CASES = ((12, 130), (12, 200), (12, 512), (42, 256), (42, 512))


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, default=100)
    games = parser.parse_args().games
    print(f"{games} games each")
    print(f"{'players':>8}{'evaluations':>13}{'held':>8}{'stated':>8}{'straight':>10}")
    for players, evaluations in CASES:
        make = bent if players <= 12 else saturating
        found = [one(make(players, seed), players, evaluations, seed) for seed in range(games)]
        held, error, stated, straight = np.mean(found, axis=0)
        print(
            f"{players:8}{evaluations:13}{held:8.3f}{np.sqrt(error / stated):8.2f}"
            f"{np.sqrt(error / straight):10.2f}"
        )


def one(game: Game, players: int, evaluations: int, seed: int) -> tuple[float, ...]:
    """Held, squared error, squared standard error, squared error of the regression alone."""
    exact = exact_shares(game, players) if players <= 12 else sampled_shares(game, players, 20_000)
    found = sampled_shares(game, players, evaluations, seed)
    away = found.share - exact.share
    plain = regression(game, found, players, evaluations, seed) - exact.share
    held = np.abs(away) <= 1.96 * found.stderr
    return tuple(float(np.mean(part)) for part in (held, away**2, found.stderr**2, plain**2))


def regression(game: Game, found: Shares, players: int, evaluations: int, seed: int) -> np.ndarray:
    """The shares of the same coalitions by the straight regression."""
    plan = _plan(players, (evaluations - 2) // 2, seed)
    return plan.shares(game(plan.members) - game(~plan.members), found.everybody - found.nobody)


def bent(players: int, seed: int) -> Game:
    """A linear game with interactions of two and three players, bent by a tanh."""
    draw = np.random.default_rng(seed)
    alone = draw.normal(size=players)
    pairs = draw.normal(size=(players, players)) / np.sqrt(players)

    def game(coalitions: np.ndarray) -> np.ndarray:
        x = coalitions.astype(float)
        line = x @ alone + np.einsum("ci,ij,cj->c", x, pairs, x)
        return line + np.tanh(line) + x[:, 0] * x[:, 1] * x[:, 2]

    return game


def saturating(players: int, seed: int) -> Game:
    """Three sums, each of a third of the players, that saturate, and so does their sum."""
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=(players, 3)) * (np.arange(players)[:, None] % 3 == np.arange(3))
    offset = draw.normal(size=3)

    def game(coalitions: np.ndarray) -> np.ndarray:
        return 2 * np.tanh(np.tanh(coalitions @ weights / 3 + offset).sum(1))

    return game


if __name__ == "__main__":
    main()
