"""Every metric of one method on one population, over all bootstrap replicates at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edupulse.model import metrics
from edupulse.model.bootstrap import resampled
from edupulse.model.curves import Array
from edupulse.model.fairness.rates import HIGH as HIGH
from edupulse.model.leads import Timing, lead_times
from edupulse.model.metrics import Ranking, Weights, named
from edupulse.model.rows import Bools, Floats, Ints, OutcomeRows, WindowRows

CAPACITIES = {"5": 0.05, "10": 0.10}
_CELLS = 8_000_000


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one method says of every row: a score, and a risk or a flag where it has one.

    Beside a risk its interval (`low`, `high`) and `in_set [N, 2]`, whether on track and off track
    belong to the prediction set, where the method gives them.
    """

    name: str
    score: Floats
    risk: Floats | None = None
    flagged: Bools | None = None
    low: Floats | None = None
    high: Floats | None = None
    in_set: Bools | None = None


class Replicates:
    """The rows of one population and their bootstrap weights; the first replicate is the rows."""

    def __init__(
        self,
        windows: WindowRows,
        outcomes: OutcomeRows,
        rows: Bools,
        timing: Timing | None,
        high: float,
        replicates: int,
        seed: int,
    ) -> None:
        self.rows, self._high = rows, high
        self.label: Bools = outcomes.off_track[rows]
        students, self._place = np.unique(windows.student[rows], return_inverse=True)
        self.students = len(students)
        self._group = groups(windows.school[rows], windows.as_of[rows])
        self._draws = resampled(self.students, replicates, seed)
        self._before = (
            None if timing is None else timing.before(rows, outcomes.off_track, windows.student)
        )

    @property
    def one_class(self) -> bool:
        """Are all rows on track, or all off track?"""
        return bool(self.label.all() or not self.label.any())

    def metrics(self, prediction: Prediction) -> dict[str, Array]:
        """Every metric that the method has, over every replicate `[1 + replicates]`."""
        step = max(_CELLS // max(len(self.label), 1), 1)
        parts = [
            self._measure(prediction, self._draws[begin : begin + step][:, self._place])
            for begin in range(0, len(self._draws), step)
        ]
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return found | self._leads(prediction)

    def _measure(self, prediction: Prediction, weights: NDArray[np.float32]) -> dict[str, Array]:
        score, label = prediction.score[self.rows], self.label
        ranking = Ranking(score, label, weights)
        found = {"auroc": ranking.auroc(), "average_precision": ranking.average_precision()}
        by_school = Ranking(score, label, weights, self._group)
        for name, share in CAPACITIES.items():
            found[f"precision_{name}"], found[f"recall_{name}"] = by_school.at_capacity(share)
        if prediction.risk is not None:
            found |= _calibration(prediction.risk[self.rows], label, weights)
        if prediction.low is not None and prediction.high is not None:
            width = prediction.high[self.rows] - prediction.low[self.rows]
            found["interval_width"] = metrics.weighted_mean(width, weights)
        if prediction.in_set is not None:
            found |= set_coverage(prediction.in_set[self.rows], label, weights)
        if prediction.flagged is not None:
            sensitivity, specificity = metrics.flag_rates(
                prediction.flagged[self.rows], label, weights
            )
            found |= {"sensitivity": sensitivity, "specificity": specificity}
            found["balanced_accuracy"] = (sensitivity + specificity) / 2
        return found

    def _leads(self, prediction: Prediction) -> dict[str, Array]:
        """Shares of the off-track students named in time, and how long before, by two measures."""
        if self._before is None:
            return {}
        score = prediction.score[self.rows]
        lists = {"10": named(score, self._group, CAPACITIES["10"])}
        if prediction.risk is not None:
            lists["high"] = prediction.risk[self.rows] >= self._high
        elif prediction.flagged is not None:
            lists["high"] = prediction.flagged[self.rows]
        found: dict[str, Array] = {}
        for name, rows in lists.items():
            share, days = lead_times(rows, self._before, self._place, self._draws)
            found |= {f"in_time_{name}": share, f"lead_days_{name}": days}
        return found


def groups(school: Ints, as_of: NDArray[Any]) -> NDArray[np.int64]:
    """A number for every school and as-of day."""
    days, day = np.unique(as_of, return_inverse=True)
    place = np.unique(school, return_inverse=True)[1]
    return np.asarray(place * len(days) + day, dtype=np.int64)


def set_coverage(in_set: Bools, label: Bools, weights: Weights) -> dict[str, Array]:
    """How often the set `[n, 2]` holds the class that came true, and how often it decides not."""
    off_track, on_track = metrics.flag_rates(in_set[:, 1], label, weights)[0], ~label
    return {
        "coverage_off_track": off_track,
        "coverage_on_track": metrics.flag_rates(in_set[:, 0], on_track, weights)[0],
        "undecided": metrics.weighted_mean(in_set[:, 0] == in_set[:, 1], weights),
    }


def _calibration(risk: Floats, label: Bools, weights: Weights) -> dict[str, Array]:
    return {
        "brier": metrics.brier(risk, label, weights),
        "calibration_error": metrics.calibration_error(risk, label, weights),
        "calibration_slope": metrics.calibration_slope(risk, label, weights),
        "mean_error": metrics.mean_error(risk, label, weights),
    }
