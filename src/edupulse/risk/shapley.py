"""Shapley values of a game: exact for few players, else by paired sampling with standard errors.

The estimator is KernelSHAP (Lundberg, Lee 2017) with each coalition and its complement in one pair
(Covert, Lee 2021): a weighted regression whose coefficients add up to the whole difference. Small
coalitions are all taken while they are few; of the others each size is drawn as often (Musco,
Witter 2025), the same ones of one seed. What bends the whole game, as a sum of players does that
saturates, is taken out as the cube of that sum, whose own shares are known (decision 15).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, factorial

import numpy as np
import numpy.typing as npt

from edupulse.school.errors import BadInput

Masks = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Game = Callable[[Masks], Numbers]
"""The worth float64[C] of coalitions bool[C, M]: which of M players take part."""

MOST_EXACT = 12


@dataclass(frozen=True, eq=False)
class Shares:
    """Of a game: each player's share and its standard error float64[M], and the two ends."""

    share: Numbers
    stderr: Numbers
    nobody: float
    everybody: float


def exact_shares(game: Game, players: int) -> Shares:
    """The Shapley values by all 2^M coalitions. Raises BadInput for more than 12 players."""
    if players > MOST_EXACT:
        raise BadInput(f"Exact Shapley values are for at most {MOST_EXACT} players.")
    coalitions = (np.arange(2**players)[:, None] >> np.arange(players)) & 1 > 0
    worth = game(coalitions)
    size = coalitions.sum(1)
    weight = np.array(
        [factorial(s) * factorial(players - 1 - s) / factorial(players) for s in range(players)]
    )
    share = np.zeros(players)
    for player in range(players):
        without = np.flatnonzero(~coalitions[:, player])
        gain = worth[without + (1 << player)] - worth[without]
        share[player] = np.sum(weight[size[without]] * gain)
    return Shares(share, np.zeros(players), float(worth[0]), float(worth[-1]))


def sampled_shares(game: Game, players: int, evaluations: int = 512, seed: int = 0) -> Shares:
    """The Shapley values by at most `evaluations` coalitions, two of them the ends.

    Exact, with standard errors of 0, where these suffice. Raises BadInput where they are too few
    for a regression.
    """
    if 2**players <= evaluations:
        return exact_shares(game, players)
    plan = _plan(players, (evaluations - 2) // 2, seed)
    ends = np.repeat([[False], [True]], players, axis=1)
    worth = game(np.concatenate([ends, plan.members, ~plan.members]))
    nobody, everybody = float(worth[0]), float(worth[1])
    there, complement = worth[2:].reshape(2, -1)
    difference, whole = there - complement, everybody - nobody
    share = plan.shares(difference, whole)
    straight, bend, residual = _bend(plan, share, difference)
    share = share + bend * (_shares_of_cube(share) - straight)
    stderr = np.sqrt(((plan.solve * residual / (1 - plan.leverage)) ** 2)[:, plan.drawn].sum(1))
    return Shares(share, stderr, nobody, everybody)


def _bend(plan: _Plan, share: Numbers, difference: Numbers) -> tuple[Numbers, float, Numbers]:
    """How much of the cube of the players' sum the game holds beside the sum itself.

    What the regression makes of the cube alone float64[M], its part in the game, and what neither
    explains of each pair float64[R].
    """
    cube = (plan.signs @ share) ** 3
    straight = plan.shares(cube, float(share.sum()) ** 3)
    bent = cube - plan.signs @ straight
    residual = difference - plan.signs @ share
    size = float(np.sum(plan.weight * bent**2))
    part = float(np.sum(plan.weight * bent * residual)) / size if size > 0 else 0.0
    return straight, part, residual - part * bent


def _shares_of_cube(share: Numbers) -> Numbers:
    """The Shapley values of (Σ ± share)³: a product of k players gives each a k-th of itself."""
    others, squares = share.sum() - share, np.sum(share**2) - share**2
    products = others**2 - squares
    shares: Numbers = share**3 + 3 * share * squares + share * products
    return shares


@dataclass(frozen=True, eq=False)
class _Plan:
    """The coalitions of one number of players, and the regression that is solved with them.

    `members` bool[R, M] has one of each pair and `drawn` bool[R] says which were drawn at random;
    only these can err. `weight` is each pair's in the regression, `leverage` its pull on it.
    """

    members: Masks
    drawn: npt.NDArray[np.bool_]
    weight: Numbers
    signs: Numbers
    solve: Numbers
    even: Numbers
    leverage: Numbers

    def shares(self, difference: Numbers, whole: float) -> Numbers:
        """The regression's shares of the pairs' differences, bound to add up to the whole."""
        return self.solve @ difference + self.even * whole


@lru_cache(maxsize=64)
def _plan(players: int, pairs: int, seed: int) -> _Plan:
    if pairs < 2 * players:
        raise BadInput(
            f"{players} players need at least {4 * players + 2} evaluations.",
            "Allow more evaluations, or put features into groups.",
        )
    masses = {size: _mass(players, size) for size in range(1, players // 2 + 1)}
    rows: list[Masks] = []
    weights: list[Numbers] = []
    for size in list(masses):
        number = _pairs_of(players, size)
        if number > (pairs - sum(map(len, rows))) * masses[size] / sum(masses.values()):
            break
        rows.append(_every(players, size))
        weights.append(np.full(number, masses.pop(size) / number))
    taken = sum(map(len, rows))
    if masses:
        drawn, sizes = _draw(players, pairs - taken, list(masses), seed)
        each = (pairs - taken) / len(masses)
        rows.append(drawn)
        weights.append(np.array([masses[size] / each for size in sizes.tolist()]))
    members, weight = np.concatenate(rows), np.concatenate(weights)
    return _regression(members, weight, np.arange(len(members)) >= taken)


def _regression(members: Masks, weight: Numbers, drawn: npt.NDArray[np.bool_]) -> _Plan:
    """Least squares of the pairs' differences on ±1, the shares bound to add up to the whole."""
    signs = np.where(members, 1.0, -1.0)
    inverse = np.linalg.inv((signs * weight[:, None]).T @ signs)
    row_sums = inverse.sum(1)
    even = row_sums / row_sums.sum()
    solve = (inverse - np.outer(even, row_sums)) @ (signs * weight[:, None]).T
    leverage = np.minimum(np.einsum("rm,mr->r", signs, solve), 0.9)
    return _Plan(members, drawn, weight, signs, solve, even, leverage)


def _mass(players: int, size: int) -> float:
    """The Shapley kernel's mass of all pairs of that size."""
    both = 1 if 2 * size == players else 2
    return both * (players - 1) / (size * (players - size))


def _pairs_of(players: int, size: int) -> int:
    return comb(players, size) // (2 if 2 * size == players else 1)


def _every(players: int, size: int) -> Masks:
    chosen = list(combinations(range(players), size))[: _pairs_of(players, size)]
    members = np.zeros((len(chosen), players), np.bool_)
    members[np.arange(len(chosen))[:, None], chosen] = True
    return members


def _draw(
    players: int, number: int, sizes: list[int], seed: int
) -> tuple[Masks, npt.NDArray[np.intp]]:
    """Coalitions, each size as often as the others, and of a size each as likely; and their sizes.

    By the kernel's mass the small ones would come more often, and tell no more of a player.
    """
    draw = np.random.default_rng([players, seed])
    edges = (draw.random() + np.arange(number)) / number
    size = np.array(sizes)[(edges * len(sizes)).astype(np.intp)]
    rank = draw.random((number, players)).argsort(1).argsort(1)
    return rank < size[:, None], size
