"""Gradient boosting on the last week, and on summaries of all weeks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from edupulse.model.baselines.summaries import Table32, all_weeks, last_week
from edupulse.model.curves import Array
from edupulse.model.rows import (
    Bools,
    OutcomeRows,
    WindowRows,
    require_two_classes,
)
from edupulse.panel.splits import hashed_share


@dataclass
class Boosting:
    """scikit-learn's histogram gradient boosting; what is not observed stays missing in it.

    Early stopping validates on 10 % of the students, as the network's does.
    """

    name: str
    summary: Callable[[WindowRows], Table32]
    logit: bool = True
    seed: int = 0
    _trees: HistGradientBoostingClassifier = field(init=False, repr=False)
    _seen: Bools = field(init=False, repr=False)

    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """Learn from the rows with a known outcome (`NotReady` where one class is all)."""
        known = outcomes.known
        kept = known & ~hashed_share(windows.student, 0.1)
        stop = known & ~kept
        require_two_classes(outcomes.off_track[kept])
        require_two_classes(outcomes.off_track[stop])
        table = self.summary(windows)
        # scikit-learn cannot bin a column without any value, such as those of a family that is
        # not observed in any school.
        self._seen = np.asarray(~np.isnan(table[kept]).all(axis=0), np.bool_)
        table = table[:, self._seen]
        self._trees = HistGradientBoostingClassifier(
            learning_rate=0.06,
            max_iter=400,
            max_leaf_nodes=15,
            min_samples_leaf=40,
            l2_regularization=1.0,
            early_stopping=True,
            n_iter_no_change=15,
            random_state=self.seed,
        )
        self._trees.fit(
            table[kept],
            outcomes.off_track[kept],
            X_val=table[stop],
            y_val=outcomes.off_track[stop],
        )

    def score(self, windows: WindowRows) -> Array:
        """The log odds of the outcome."""
        return np.asarray(self._trees.decision_function(self.summary(windows)[:, self._seen]))


def boosting_last_week(seed: int = 0) -> Boosting:
    """Trees over the features of the last week."""
    return Boosting("boosting_last_week", last_week, seed=seed)


def boosting_all_weeks(seed: int = 0) -> Boosting:
    """Trees over last, mean, lowest, highest, slope and share observed of all weeks."""
    return Boosting("boosting_20_weeks", all_weeks, seed=seed)
