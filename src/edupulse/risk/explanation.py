"""How much each part of a window moved one student's risk away from what is typical of peers.

The difference on the logit between the student's window and the typical one is shared out among
the parts of a view by Shapley values (law 12): each feature's whole track, or each family over each
stretch of weeks. What is not observed in the student is not observed in the reference either, and
has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edupulse.features.catalog import FAMILIES
from edupulse.model.peers import PeerProfiles, patterns
from edupulse.panel.windows import Flags, Floats, Windows
from edupulse.risk.shapley import Game, Masks, Numbers, Shares, sampled_shares
from edupulse.risk.views import View, by_feature

Places = npt.NDArray[np.intp]

EVALUATIONS = 512
"""Windows scored for one student's explanation, at most."""

FACTORS = 5
SURE = 1.96
"""A factor counts where its share is further from zero than that many standard errors."""


LEAST = 0.01
"""A share of the logit below this is not worth a word: uncalibrated, it moves a risk by 0.0025."""


class Network(Protocol):
    """Whatever gives the logit of windows."""

    def logits(self, values: Floats, observed: Flags, held: Flags) -> Numbers:
        """float64[N]."""
        ...


@dataclass(frozen=True, eq=False)
class Reference:
    """The typical window beside each student's: float32[N, W, F], and what it observes.

    `same_grade` bool[N] says whether the peers are of the student's grade level: where too few
    with the same families observed were, they are of any.
    """

    values: Floats
    observed: Flags
    same_grade: Flags


@dataclass(frozen=True, eq=False)
class Explanation:
    """Of N rows and P parts of a view: shares of the logit's difference, float64[N, P].

    Each row of `contribution` adds up to `logit` − `reference_logit`.
    """

    contribution: Numbers
    stderr: Numbers
    logit: Numbers
    reference_logit: Numbers

    def strongest(self, row: int, most: int = FACTORS) -> Places:
        """The parts of a row whose share is surely not zero, the largest first."""
        return self._sure(row)[:most]

    def lowering(self, row: int) -> Places:
        """The parts of a row that surely lowered the logit, the strongest first."""
        sure = self._sure(row)
        lowered: Places = sure[self.contribution[row, sure] < 0]
        return lowered

    def _sure(self, row: int) -> Places:
        size = np.abs(self.contribution[row])
        sure = np.flatnonzero(size > np.maximum(SURE * self.stderr[row], LEAST))
        ordered: Places = sure[np.argsort(-size[sure], kind="stable")]
        return ordered


def typical(windows: Windows, peers: PeerProfiles) -> Reference:
    """The peers' profile of each row, observed only where the student is observed too."""
    sizes = [columns.stop - columns.start for columns in FAMILIES.values()]
    pattern = patterns(windows.observed & windows.held[:, :, None], sizes)
    keys = list(zip(windows.grade_level.tolist(), pattern.tolist(), strict=True))
    tracks = np.array([peers.of(*key) for key in keys], np.float32)
    tracks = tracks.reshape(windows.values.shape)
    observed = windows.observed & ~np.isnan(tracks)
    values = np.where(observed, tracks, np.nan).astype(np.float32)
    same_grade = np.array([peers.of_grade(*key) for key in keys], np.bool_)
    return Reference(values, observed, same_grade)


def explain(
    network: Network,
    windows: Windows,
    reference: Reference,
    view: View | None = None,
    evaluations: int = EVALUATIONS,
    seed: int = 0,
) -> Explanation:
    """The explanation of each window, from at most `evaluations` scorings each.

    `view` divides the windows into parts; without one each feature's track is a part. `seed` draws
    the coalitions: the same ones for every window with as many parts.
    """
    parts = by_feature(*windows.values.shape[1:]) if view is None else view
    contribution, stderr = np.zeros((2, len(windows), int(parts.max()) + 1))
    ends = np.zeros((2, len(windows)))
    for row in range(len(windows)):
        players, game = _game(network, windows, reference, parts, row)
        shares = _shares(game, players.size, evaluations, seed)
        contribution[row, players], stderr[row, players] = shares.share, shares.stderr
        ends[:, row] = shares.everybody, shares.nobody
    return Explanation(contribution, stderr, ends[0], ends[1])


def _shares(game: Game, players: int, evaluations: int, seed: int) -> Shares:
    if players:
        return sampled_shares(game, players, evaluations, seed)
    worth = float(game(np.zeros((1, 0), np.bool_))[0])
    return Shares(np.zeros(0), np.zeros(0), worth, worth)


def _game(
    network: Network, windows: Windows, reference: Reference, view: View, row: int
) -> tuple[npt.NDArray[np.intp], Game]:
    """The parts that differ from the reference at all, and the logit with only some of them."""
    values, observed = windows.values[row], windows.observed[row]
    usual, usually = reference.values[row], reference.observed[row]
    differs = (observed != usually) | (observed & (values != usual))
    players = np.unique(view[differs])
    player = np.minimum(np.searchsorted(players, view), max(players.size - 1, 0))

    def game(coalitions: Masks) -> Numbers:
        taken = coalitions[:, player] & differs if players.size else np.zeros((1, 1, 1), np.bool_)
        return network.logits(
            np.where(taken, values, usual),
            np.where(taken, observed, usually),
            np.broadcast_to(windows.held[row], (len(coalitions), windows.held.shape[1])),
        )

    return players, game
