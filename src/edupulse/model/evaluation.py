"""Compares methods on the same rows, with intervals from a bootstrap over students."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from pydantic import TypeAdapter

from edupulse.model.baselines.rules import AbcRules
from edupulse.model.bootstrap import Estimate, estimated
from edupulse.model.curves import Array
from edupulse.model.fairness.report import Fairness
from edupulse.model.leads import Timing
from edupulse.model.replicates import HIGH, Replicates
from edupulse.model.replicates import Prediction as Prediction
from edupulse.model.rows import Bools, Floats, OutcomeRows, WindowRows
from edupulse.school.errors import BadInput, NotFound, NotReady

EVERYONE, NEW_ONSET, TRUTH_KNOWN = "everyone", "new_onset", "truth_known"
#: The name of the true probability where the simulator gives it: no method can rank better.
LATENT_BOUND = "latent_bound"
WITHOUT_GRADES = "without_course_grades"
"""Rows whose horizon no grading term ends in: a failed course could not come true there."""

AT_SCHOOL = "school:"
"""Before a school's id: the population of its rows."""


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
        for line in self.differences:
            if (line.population, line.metric) != (population, metric):
                continue
            if (line.method, line.other) == (method, other):
                return line.estimate
            if (line.method, line.other) == (other, method):
                turned = line.estimate
                return Estimate(0.0 - turned.value, 0.0 - turned.high, 0.0 - turned.low)
        raise NotFound(f"The evaluation does not compare {method} with {other} on {population}.")

    def beside(self, method: str, population: str = EVERYONE) -> dict[str, dict[str, Estimate]]:
        """`method` minus each other method it was compared with: by that one's name, by metric."""
        found: dict[str, dict[str, Estimate]] = {}
        for line in self.differences:
            if line.population == population and method in (line.method, line.other):
                other = line.other if line.method == method else line.method
                gain = self.difference(method, other, line.metric, population)
                found.setdefault(other, {})[line.metric] = gain
        return found

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
    timing: Timing | None = None,
    also: Mapping[str, Bools] | None = None,
    high: float = HIGH,
    replicates: int = 300,
    seed: int = 0,
    about: Mapping[str, str] | None = None,
) -> Evaluation:
    """Every prediction on the rows with a known outcome: everyone, and new onset alone.

    New onset are the rows on which no ABC indicator fires on the as-of day; `flagged [N]` says on
    which one does, where the features are not those of the catalog. `latent`, the true
    probability or NaN for each row, adds a population of the rows where it is known, and the bound
    that nothing can pass. `also` names further populations, masks `[N]`. With `timing`, lead times
    are told: from the first risk of at least `high`, or the first flag of a rule, to the outcome.
    Capacity is the top 5 and 10 % of each school's rows of one as-of day.

    Raises `NotReady` where the known outcomes are all of one class.
    """
    outcome = outcomes.off_track[outcomes.known]
    if outcome.all() or not outcome.any():
        raise NotReady("The test rows hold one class only: nothing can be evaluated.")
    if flagged is None:
        flagged = AbcRules().indicators(windows).count > 0
    results: list[Result] = []
    differences: list[Difference] = []
    for population, rows, methods in _populations(predictions, outcomes, flagged, latent, also):
        sample = Replicates(windows, outcomes, rows, timing, high, replicates, seed)
        if sample.one_class:
            continue
        replicated = {method.name: sample.metrics(method) for method in methods}
        results += [_result(sample, name, population, one) for name, one in replicated.items()]
        differences += _compare(population, replicated)
    return Evaluation(tuple(results), tuple(differences), replicates, seed, dict(about or {}))


def _populations(
    predictions: Sequence[Prediction],
    outcomes: OutcomeRows,
    flagged: Bools,
    latent: Floats | None,
    also: Mapping[str, Bools] | None,
) -> Iterator[tuple[str, Bools, Sequence[Prediction]]]:
    yield EVERYONE, outcomes.known, predictions
    yield NEW_ONSET, outcomes.known & ~flagged, predictions
    for name, rows in (also or {}).items():
        yield name, outcomes.known & rows, predictions
    if latent is not None:
        bound = Prediction(LATENT_BOUND, latent, latent)
        yield TRUTH_KNOWN, outcomes.known & ~np.isnan(latent), (*predictions, bound)


def _result(
    sample: Replicates, method: str, population: str, replicated: Mapping[str, Array]
) -> Result:
    estimates = {name: estimated(values) for name, values in replicated.items()}
    return Result(
        method,
        population,
        len(sample.label),
        sample.students,
        float(sample.label.mean()),
        {name: estimate for name, estimate in estimates.items() if estimate is not None},
    )


def _compare(population: str, replicated: Mapping[str, Mapping[str, Array]]) -> list[Difference]:
    """Every two methods in every metric that both have, replicate by replicate."""
    lines = []
    for method, other in combinations(replicated, 2):
        ours, theirs = replicated[method], replicated[other]
        for metric in (name for name in ours if name in theirs):
            estimate = estimated(ours[metric] - theirs[metric])
            if estimate is not None:
                lines.append(Difference(method, other, population, metric, estimate))
    return lines
