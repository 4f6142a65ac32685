"""The network as a contender in an evaluation: on all weeks, or on the last week alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import numpy as np

from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.curves import Array
from edupulse.model.networks.risk_network import RiskNetwork
from edupulse.model.rows import OutcomeRows, WindowRows
from edupulse.model.training import Architecture, Epoch, Trained, train
from edupulse.panel.splits import hashed_share


@dataclass
class GruContender:
    """Trains the network with a tenth of the students held out to stop it."""

    name: str = "gru_attention"
    logit: bool = True
    config: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: int = 0
    progress: Callable[[Epoch], None] | None = None
    architecture: Architecture = RiskNetwork
    trained: Trained | None = field(default=None, init=False)

    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """Learn from the rows with a known outcome (`NotReady` where one class is all)."""
        self.trained = train(
            last_weeks(windows, self.config.weeks),
            outcomes,
            validation=hashed_share(windows.student, 0.1),
            network=self.config,
            training=self.training,
            seed=self.seed,
            progress=self.progress,
            architecture=self.architecture,
        )

    def score(self, windows: WindowRows) -> Array:
        """The log odds of the outcome, before calibration."""
        assert self.trained is not None, "fit comes before score"  # noqa: S101
        logits, _ = self.trained.predict(last_weeks(windows, self.config.weeks))
        return logits.astype(np.float64)


def gru_last_week(
    config: NetworkConfig, training: TrainingConfig | None = None, seed: int = 0
) -> GruContender:
    """The same network that sees nothing but the last week: what the other weeks are worth."""
    alone = replace(config, weeks=1)
    return GruContender("gru_last_week", True, alone, training or TrainingConfig(), seed)


def last_weeks(windows: WindowRows, weeks: int) -> WindowRows:
    """The same rows, reading only their last `weeks` weeks."""
    if weeks == windows.values.shape[1]:
        return windows
    cut = {name: getattr(windows, name)[:, -weeks:] for name in ("values", "observed", "held")}
    keys = {name: getattr(windows, name) for name in ("student", "school", "grade_level", "as_of")}
    return cast(WindowRows, SimpleNamespace(**cut, **keys))
