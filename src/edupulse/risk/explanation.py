"""How much each feature moved one student's risk away from what is typical of peers (law 12).

A feature is taken as a whole: its track over all weeks. The difference on the logit between the
student's window and the typical one is shared out among the features by Shapley values. What is
not observed in the student is not observed in the reference either, and has no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edupulse.features.catalog import FAMILIES
from edupulse.model.peers import PeerProfiles, patterns
from edupulse.panel.windows import Flags, Floats, Windows
from edupulse.risk.shapley import Game, Masks, Numbers, Shares, sampled_shares

EVALUATIONS = 512
"""Windows scored for one student's explanation, at most."""

FACTORS = 5
SURE = 1.96
"""A factor counts where its share is further from zero than that many standard errors."""


LEAST = 1e-3
"""A share of the logit below this is rounding, or not worth a word."""


class Network(Protocol):
    """Whatever gives the logit of windows."""

    def logits(self, values: Floats, observed: Flags, held: Flags) -> Numbers:
        """float64[N]."""
        ...


@dataclass(frozen=True, eq=False)
class Reference:
    """The typical window beside each student's: float32[N, W, F], and what it observes."""

    values: Floats
    observed: Flags


@dataclass(frozen=True, eq=False)
class Explanation:
    """Of N rows and F features (or groups): shares of the logit's difference, float64[N, F].

    Each row of `contribution` adds up to `logit` − `reference_logit`.
    """

    contribution: Numbers
    stderr: Numbers
    logit: Numbers
    reference_logit: Numbers

    def strongest(self, row: int, most: int = FACTORS) -> npt.NDArray[np.intp]:
        """The features of a row whose share is surely not zero, the largest first."""
        size = np.abs(self.contribution[row])
        sure = np.flatnonzero(size > np.maximum(SURE * self.stderr[row], LEAST))
        return sure[np.argsort(-size[sure], kind="stable")][:most]


def typical(windows: Windows, peers: PeerProfiles) -> Reference:
    """The peers' profile of each row, observed only where the student is observed too."""
    sizes = [columns.stop - columns.start for columns in FAMILIES.values()]
    pattern = patterns(windows.observed & windows.held[:, :, None], sizes)
    tracks = np.stack(
        [peers.of(*key) for key in zip(windows.grade_level.tolist(), pattern.tolist(), strict=True)]
        or [np.zeros(windows.values.shape[1:], np.float32)]
    )[: len(windows)]
    observed = windows.observed & ~np.isnan(tracks)
    return Reference(np.where(observed, tracks, np.nan).astype(np.float32), observed)


def explain(
    network: Network,
    windows: Windows,
    reference: Reference,
    groups: Sequence[Sequence[int]] | None = None,
    evaluations: int = EVALUATIONS,
) -> Explanation:
    """The explanation of each window, from at most `evaluations` scorings each.

    `groups` of feature columns share one contribution; without them each feature has its own.
    """
    columns = groups if groups is not None else [[at] for at in range(windows.values.shape[2])]
    contribution, stderr = np.zeros((2, len(windows), len(columns)))
    ends = np.zeros((2, len(windows)))
    for row in range(len(windows)):
        players, game = _game(network, windows, reference, columns, row)
        shares = _shares(game, len(players), evaluations)
        contribution[row, players], stderr[row, players] = shares.share, shares.stderr
        ends[:, row] = shares.everybody, shares.nobody
    return Explanation(contribution, stderr, ends[0], ends[1])


def _shares(game: Game, players: int, evaluations: int) -> Shares:
    if players:
        return sampled_shares(game, players, evaluations)
    worth = float(game(np.zeros((1, 0), np.bool_))[0])
    return Shares(np.zeros(0), np.zeros(0), worth, worth)


def _game(
    network: Network,
    windows: Windows,
    reference: Reference,
    columns: Sequence[Sequence[int]],
    row: int,
) -> tuple[list[int], Game]:
    """The groups that differ from the reference at all, and the logit with only some of them."""
    values, observed = windows.values[row], windows.observed[row]
    usual, usually = reference.values[row], reference.observed[row]
    differs = (observed != usually) | (observed & (values != usual))
    moved = differs.any(0)
    players = [at for at, group in enumerate(columns) if moved[list(group)].any()]
    features = np.zeros((len(players), values.shape[1]), np.bool_)
    for player, at in enumerate(players):
        features[player, list(columns[at])] = True

    def game(coalitions: Masks) -> Numbers:
        taken = (coalitions.astype(np.uint8) @ features.astype(np.uint8) > 0)[:, None, :]
        return network.logits(
            np.where(taken, values, usual),
            np.where(taken, observed, usually),
            np.broadcast_to(windows.held[row], (len(coalitions), windows.held.shape[1])),
        )

    return players, game
