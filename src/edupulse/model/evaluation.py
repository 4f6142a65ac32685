"""Compares methods on the same rows, with intervals from a bootstrap over students."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from edupulse.model import metrics
from edupulse.model.baselines.rules import AbcRules
from edupulse.model.bootstrap import Estimate, estimated, resampled
from edupulse.model.curves import Array
from edupulse.model.fairness.report import Fairness
from edupulse.model.metrics import Ranking
from edupulse.model.rows import Bools, Floats, Ints, OutcomeRows, WindowRows
from edupulse.school.errors import BadInput, NotFound, NotReady

EVERYONE, NEW_ONSET, TRUTH_KNOWN = "everyone", "new_onset", "truth_known"
#: The name of the true probability where the simulator gives it: no method can rank better.
LATENT_BOUND = "latent_bound"
COMPARED = ("auroc", "average_precision", "precision_10")
_CAPACITIES = {"5": 0.05, "10": 0.10}
_CELLS = 8_000_000


@dataclass(frozen=True)
class Prediction:
    """What one method says of every row: a score, and a risk or a flag where it has one."""

    name: str
    score: Floats
    risk: Floats | None = None
    flagged: Bools | None = None


@dataclass(frozen=True)
class Result:
    """One method on one population: who that is, and the metrics by name."""

    method: str
    population: str
    rows: int
    students: int
    base_rate: float
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True)
class Difference:
    """`method` minus `other` in one metric on one population, from the same resampled students."""

    method: str
    other: str
    population: str
    metric: str
    estimate: Estimate


@dataclass(frozen=True)
class Evaluation:
    """Every method on every population; `about` says in words on which data.

    `fairness` is of the method that is to serve; None where no group was on record.
    """

    results: tuple[Result, ...]
    differences: tuple[Difference, ...]
    replicates: int
    seed: int
    about: Mapping[str, str] = field(default_factory=dict)
    fairness: Fairness | None = None

    def result(self, method: str, population: str = EVERYONE) -> Result:
        """One method's result (`NotFound` where it was not evaluated)."""
        for result in self.results:
            if (result.method, result.population) == (method, population):
                return result
        raise NotFound(f"The evaluation holds no {method} on {population}.")

    def difference(
        self, method: str, other: str, metric: str, population: str = EVERYONE
    ) -> Estimate:
        """`method` minus `other` (`NotFound` where they were not compared)."""
        sought = (method, other, population, metric)
        for line in self.differences:
            if (line.method, line.other, line.population, line.metric) == sought:
                return line.estimate
        raise NotFound(f"The evaluation does not compare {method} with {other} on {population}.")

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in the order in which they were given."""
        return tuple(dict.fromkeys(result.method for result in self.results))

    def to_json(self) -> bytes:
        """As stored beside a checkpoint."""
        return _ADAPTER.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, text: bytes | str) -> Evaluation:
        """Read back what `to_json` wrote (`BadInput` where it is something else)."""
        try:
            return _ADAPTER.validate_json(text)
        except ValueError as error:
            raise BadInput("This is not an evaluation of EduPulse.", "Evaluate again.") from error


_ADAPTER: TypeAdapter[Evaluation] = TypeAdapter(Evaluation)


def evaluate(
    predictions: Sequence[Prediction],
    windows: WindowRows,
    outcomes: OutcomeRows,
    *,
    flagged: Bools | None = None,
    latent: Floats | None = None,
    replicates: int = 300,
    seed: int = 0,
    about: Mapping[str, str] | None = None,
) -> Evaluation:
    """Every prediction on the rows with a known outcome: everyone, and new onset alone.

    New onset are the rows on which no ABC indicator fires on the as-of day; `flagged [N]` says on
    which one does, where the features are not those of the catalog. `latent`, the true
    probability or NaN for each row, adds a population of the rows where it is known, and the bound
    that nothing can pass. Capacity is the top 5 and 10 % of each school's rows of one as-of day.

    Raises `NotReady` where the known outcomes are all of one class.
    """
    outcome = outcomes.off_track[outcomes.known]
    if outcome.all() or not outcome.any():
        raise NotReady("The test rows hold one class only: nothing can be evaluated.")
    if flagged is None:
        flagged = AbcRules().indicators(windows).count > 0
    results: list[Result] = []
    differences: list[Difference] = []
    for population, rows, methods in _populations(predictions, outcomes, flagged, latent):
        sample = _Sample(windows, outcomes, rows, replicates, seed)
        if sample.one_class:
            continue
        replicated = {method.name: sample.metrics(method) for method in methods}
        results += [sample.result(name, population, found) for name, found in replicated.items()]
        differences += _compare(population, replicated)
    return Evaluation(tuple(results), tuple(differences), replicates, seed, dict(about or {}))


def _populations(
    predictions: Sequence[Prediction],
    outcomes: OutcomeRows,
    flagged: Bools,
    latent: Floats | None,
) -> Iterator[tuple[str, Bools, Sequence[Prediction]]]:
    yield EVERYONE, outcomes.known, predictions
    yield NEW_ONSET, outcomes.known & ~flagged, predictions
    if latent is not None:
        bound = Prediction(LATENT_BOUND, latent, latent)
        yield TRUTH_KNOWN, outcomes.known & ~np.isnan(latent), (*predictions, bound)


class _Sample:
    """The rows of one population and their bootstrap weights; the first replicate is the rows."""

    def __init__(
        self,
        windows: WindowRows,
        outcomes: OutcomeRows,
        rows: Bools,
        replicates: int,
        seed: int,
    ) -> None:
        self.rows = rows
        self.label: Bools = outcomes.off_track[rows]
        self.students, self.place = np.unique(windows.student[rows], return_inverse=True)
        self.group = _groups(windows.school[rows], windows.as_of[rows])
        self.counts = resampled(len(self.students), replicates, seed)

    @property
    def one_class(self) -> bool:
        return bool(self.label.all() or not self.label.any())

    def metrics(self, prediction: Prediction) -> dict[str, Array]:
        """Every metric over every replicate."""
        step = max(_CELLS // max(len(self.label), 1), 1)
        parts = [
            self._measure(prediction, self.counts[begin : begin + step][:, self.place])
            for begin in range(0, len(self.counts), step)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _measure(self, prediction: Prediction, weights: NDArray[np.float32]) -> dict[str, Array]:
        score, label = prediction.score[self.rows], self.label
        ranking = Ranking(score, label, weights)
        found = {"auroc": ranking.auroc(), "average_precision": ranking.average_precision()}
        by_school = Ranking(score, label, weights, self.group)
        for name, share in _CAPACITIES.items():
            found[f"precision_{name}"], found[f"recall_{name}"] = by_school.at_capacity(share)
        if prediction.risk is not None:
            found |= _calibration(prediction.risk[self.rows], label, weights)
        if prediction.flagged is not None:
            sensitivity, specificity = metrics.flag_rates(
                prediction.flagged[self.rows], label, weights
            )
            found |= {"sensitivity": sensitivity, "specificity": specificity}
            found["balanced_accuracy"] = (sensitivity + specificity) / 2
        return found

    def result(self, method: str, population: str, found: Mapping[str, Array]) -> Result:
        estimates = {name: estimated(values) for name, values in found.items()}
        return Result(
            method,
            population,
            len(self.label),
            len(self.students),
            float(self.label.mean()),
            {name: estimate for name, estimate in estimates.items() if estimate is not None},
        )


def _calibration(risk: Floats, label: Bools, weights: NDArray[np.float32]) -> dict[str, Array]:
    return {
        "brier": metrics.brier(risk, label, weights),
        "calibration_error": metrics.calibration_error(risk, label, weights),
        "calibration_slope": metrics.calibration_slope(risk, label, weights),
        "mean_error": metrics.mean_error(risk, label, weights),
    }


def _compare(population: str, replicated: Mapping[str, Mapping[str, Array]]) -> list[Difference]:
    """Every method against every other, replicate by replicate."""
    lines = []
    for method, other in permutations(replicated, 2):
        for metric in COMPARED:
            estimate = estimated(replicated[method][metric] - replicated[other][metric])
            if estimate is not None:
                lines.append(Difference(method, other, population, metric, estimate))
    return lines


def _groups(school: Ints, as_of: NDArray[Any]) -> NDArray[np.int64]:
    """A number for every school and as-of day."""
    days, day = np.unique(as_of, return_inverse=True)
    place = np.unique(school, return_inverse=True)[1]
    return np.asarray(place * len(days) + day, dtype=np.int64)
