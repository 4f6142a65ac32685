"""Logistic regression on the last week."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sklearn.linear_model import LogisticRegression

from edupulse.model.baselines.summaries import Table32, last_week
from edupulse.model.curves import Array
from edupulse.model.rows import OutcomeRows, WindowRows, require_two_classes
from edupulse.model.scaling import Scaler, fit_scaler


@dataclass
class LinearLastWeek:
    """A line through the last week's scaled features and their observed flags."""

    name: str = "logistic_last_week"
    logit: bool = True
    _scaler: Scaler | None = field(default=None, init=False, repr=False)
    _line: LogisticRegression = field(init=False, repr=False)

    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """Learn from the rows with a known outcome (`NotReady` where one class is all)."""
        require_two_classes(outcomes.off_track[outcomes.known])
        values = last_week(windows)[outcomes.known]
        self._scaler = fit_scaler(values, ~np.isnan(values))
        self._line = LogisticRegression(C=0.1, max_iter=2000, solver="lbfgs")
        self._line.fit(self._design(values), outcomes.off_track[outcomes.known])

    def score(self, windows: WindowRows) -> Array:
        """The log odds of the outcome."""
        return np.asarray(self._line.decision_function(self._design(last_week(windows))))

    def _design(self, values: Table32) -> Array:
        assert self._scaler is not None, "fit comes before score"  # noqa: S101
        seen = ~np.isnan(values)
        return np.concatenate((self._scaler.scale(values, seen), seen), axis=1).astype(np.float64)
