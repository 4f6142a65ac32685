"""The settings of a network and of its training: typed, frozen, stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITY_CLASSES = 4


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network: families of features in catalog order, and its sizes.

    The default is the smallest that no larger one was seen to beat (docs/decisions/0018-size.md).
    With `pieces`, each value is read also as its place in so many quantile ranges of the training
    values, so that the network bends where the data lie (docs/decisions/0019-pieces.md).
    """

    families: tuple[int, ...] = (14, 15, 13)
    weeks: int = 20
    hidden: int = 16
    heads: int = 4
    dropout: float = 0.3
    pieces: int = 0

    @property
    def features(self) -> int:
        """How many features a week has."""
        return sum(self.families)

    @property
    def width(self) -> int:
        """Size of a week's joined state: both directions of every family."""
        return 2 * self.hidden * len(self.families)


SEEDS_NETWORK = NetworkConfig(hidden=128)
"""The size that the project's seed asked for: 54 times the weights of the default."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    `severity_weight` is the share of the severity head's cross-entropy beside the risk head's;
    `ensemble` networks from different seeds are averaged on the logit; `patience` epochs without a
    better validation loss end the training; `threads` bounds the CPU threads of torch (a
    second one gains nothing at hidden 16 and 32). `bfloat16` does the matrix products of the
    training, not of any scoring, at half the precision: twice as fast at hidden 128 on a CPU that
    has it, and no faster at hidden 16.
    """

    learning_rate: float = 3e-3
    final_rate: float = 0.05
    warm_up: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    batch: int = 256
    epochs: int = 8
    patience: int = 3
    severity_weight: float = 0.3
    ensemble: int = 1
    threads: int = 1
    bfloat16: bool = False
