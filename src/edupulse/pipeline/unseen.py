"""The second test: whole schools, and their students, that taught a method nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edupulse.model.baselines.contender import Contender
from edupulse.model.contest import calibrated, prediction
from edupulse.model.evaluation import Evaluation, Prediction, evaluate
from edupulse.model.leads import Timing
from edupulse.model.replicates import HIGH
from edupulse.model.track_record import SEEN
from edupulse.panel.splits import school_folds
from edupulse.panel.windows import Flags, Keys
from edupulse.pipeline.judging import REPLICATES, Parts
from edupulse.pipeline.material import Material, Told, silent
from edupulse.school.errors import NotReady

FOLDS = 2
"""Half of the schools teach while the other half tests, and the other way round."""

_STEP = "Judging in schools never seen"
_ARRAYS = ("score", "risk", "flagged", "low", "high", "in_set")


def unseen_schools(
    contenders: Callable[[], Sequence[Contender]],
    parts: Parts,
    seen: Prediction,
    *,
    folds: int = FOLDS,
    timing: Timing | None = None,
    high: float = HIGH,
    replicates: int = REPLICATES,
    seed: int = 0,
    told: Told = silent,
) -> Evaluation:
    """Judge each contender on the test rows of schools that taught it nothing, fold by fold.

    A fold's contenders are fitted and calibrated on the same parts as ever, without the fold's
    schools and without every student of its test rows. `seen` is what the network says that all
    schools taught; it stands beside the others, its name ending in SEEN. Students of different
    folds are ranked by risk. Raises NotReady where there are fewer schools than folds, or a fold
    has too little to learn from.
    """
    division = Folds.of(parts, folds)
    said, rows = [], []
    for fold in range(folds):
        rows.append(division.fold(parts.test) == fold)
        rest = Parts(
            division.others(parts.train, fold, parts.test),
            division.others(parts.calibrate, fold, parts.test),
            parts.test.take(rows[-1]),
        )
        every = contenders()
        said.append(
            [
                _judged(contender, rest, (fold + number / len(every)) / folds, told)
                for number, contender in enumerate(every)
            ]
        )
    beside = replace(_by_risk(seen), name=seen.name + SEEN)
    evaluation = evaluate(
        [*(_together(pieces, rows) for pieces in zip(*said, strict=True)), beside],
        parts.test.windows,
        parts.test.outcomes,
        timing=timing,
        high=high,
        replicates=replicates,
        seed=seed,
        about={"schools": f"{division.schools.size} schools in {folds} folds"},
    )
    told(_STEP, 1.0)
    return _without_repeats(evaluation, seen.name)


@dataclass(frozen=True, eq=False)
class Folds:
    """The fold of each school, the same in every part: `schools` sorted, `number` beside it."""

    schools: Keys
    number: npt.NDArray[np.int8]

    @classmethod
    def of(cls, parts: Parts, folds: int) -> Folds:
        """Whole schools, of about equally many rows a fold. Raises NotReady for too few."""
        every = np.concatenate([part.windows.school for part in vars(parts).values()])
        schools, first = np.unique(every, return_index=True)
        if schools.size < folds:
            raise NotReady(
                f"{folds} folds of schools need as many schools, there are {schools.size}"
            )
        return cls(schools, school_folds(every, folds)[first])

    def fold(self, part: Material) -> npt.NDArray[np.int8]:
        """The fold of each row's school."""
        return self.number[np.searchsorted(self.schools, part.windows.school)]

    def others(self, part: Material, fold: int, test: Material) -> Material:
        """The rows of other schools, of students whom the fold's test rows do not hold."""
        tested = np.unique(test.windows.student[self.fold(test) == fold])
        return part.take((self.fold(part) != fold) & ~np.isin(part.windows.student, tested))


def _judged(contender: Contender, parts: Parts, part: float, told: Told) -> Prediction:
    """Fit, calibrate and ask one contender."""
    told(_STEP, part)
    contender.fit(parts.train.windows, parts.train.outcomes)
    curve = calibrated(contender, (parts.calibrate.windows, parts.calibrate.outcomes))
    return _by_risk(prediction(contender, curve, parts.test.windows))


def _by_risk(said: Prediction) -> Prediction:
    """Ranked by its risk, which means the same in every fold; a rule keeps its score."""
    return said if said.risk is None else replace(said, score=said.risk)


def _together(pieces: Sequence[Prediction], rows: Sequence[Flags]) -> Prediction:
    """One method's predictions of all folds, in the order of the test rows."""
    whole: dict[str, Any] = {}
    for name in _ARRAYS:
        parts = [getattr(piece, name) for piece in pieces]
        if parts[0] is None:
            continue
        whole[name] = np.empty((rows[0].size, *parts[0].shape[1:]), parts[0].dtype)
        for part, at in zip(parts, rows, strict=True):
            whole[name][at] = part
    return replace(pieces[0], **whole)


def _without_repeats(evaluation: Evaluation, name: str) -> Evaluation:
    """Of what is said beside the network that saw all schools, its own differences alone."""
    kept = tuple(
        line
        for line in evaluation.differences
        if not line.other.endswith(SEEN) or line.method == name
    )
    return replace(evaluation, differences=kept)
