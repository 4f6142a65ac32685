"""The proxy probe: how well can a group be told from features that never name it?

An AUROC near 0.5 says that this probe could not tell the group from these features, not that
nothing could; near 1, that a model may treat the group apart without being told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import Draws, Estimate, estimated, resampled
from edupulse.model.curves import Array
from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.verdicts import LEAST_STUDENTS
from edupulse.model.metrics import Ranking
from edupulse.model.rows import Bools
from edupulse.school.errors import BadInput

FOLDS = 5
_MOST = 20_000
"""Students that a probe reads; more would only narrow an interval that is narrow already."""

Table = NDArray[np.float32]


@dataclass(frozen=True)
class Proxy:
    """How well a group is told from the others; None where it, or the others, are too few."""

    grouping: str
    group: str
    students: int
    auroc: Estimate | None


def proxies(
    features: Table,
    student: NDArray[np.integer],
    groupings: Sequence[Grouping],
    *,
    replicates: int = 300,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Proxy, ...]:
    """Predict each group from `features [N, F]` (NaN: not observed), one row a student.

    Every student is scored by gradient boosting that learned from other students (five parts), and
    ranked among the students of the same part. The interval draws the students ranked, not those
    learned from. Needs scikit-learn. Raises BadInput where a student has two rows.
    """
    if np.unique(student).size != student.size:
        raise BadInput("The probe needs one row a student.", "Give the latest row of each.")
    rows = np.random.default_rng(seed).permutation(len(student))[:_MOST]
    groups = [(one.take(rows), code) for one in groupings for code in _asked(one)]
    found = []
    for number, (grouping, code) in enumerate(groups):
        if progress is not None:
            progress(number / len(groups))
        found.append(_proxy(features[rows], grouping, code, replicates, seed))
    return tuple(found)


def _asked(grouping: Grouping) -> range:
    """Every group, but only the second of two: who is told from one is told from the other."""
    labels = len(grouping.labels)
    return range(labels - 1, labels) if labels == 2 else range(labels)


def _proxy(features: Table, grouping: Grouping, code: int, replicates: int, seed: int) -> Proxy:
    known = grouping.known
    label = np.asarray(grouping.code[known] == code)
    students, others = int(label.sum()), int((~label).sum())
    auroc = None
    if min(students, others) >= LEAST_STUDENTS:
        fold, score = _scored_by_others(features[known], label, seed)
        auroc = estimated(
            _within_folds(fold, score, label, resampled(len(label), replicates, seed))
        )
    return Proxy(grouping.name, grouping.labels[code], students, auroc)


def _scored_by_others(features: Table, label: Bools, seed: int) -> tuple[NDArray[np.intp], Array]:
    """Each row's part, and its log odds from trees that saw none of that part."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    fold = np.zeros(len(label), np.intp)
    score = np.zeros(len(label))
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, label)
    for number, (taught, asked) in enumerate(parts):
        seen = ~np.isnan(features[taught]).all(axis=0)  # trees cannot bin a column without values
        fold[asked] = number
        if seen.any():
            trees = HistGradientBoostingClassifier(
                learning_rate=0.06, max_iter=80, max_leaf_nodes=15, min_samples_leaf=20,
                early_stopping=False, random_state=seed,
            )  # fmt: skip
            with threadpool_limits(1):  # so few rows are slower where threads wait for each other
                trees.fit(features[taught][:, seen], label[taught])
                score[asked] = trees.decision_function(features[asked][:, seen])
    return fold, score


def _within_folds(fold: NDArray[np.intp], score: Array, label: Bools, draws: Draws) -> Array:
    """AUROC over pairs of students of the same part `[B]`."""
    wins, pairs = np.zeros(len(draws)), np.zeros(len(draws))
    for number in range(FOLDS):
        rows = fold == number
        weights = draws[:, rows]
        positive = weights @ label[rows].astype(np.float64)
        count = positive * (weights.sum(axis=1) - positive)
        auroc = Ranking(score[rows], label[rows], weights).auroc()
        wins += np.where(count > 0, auroc, 0.0) * count
        pairs += count
    return np.asarray(wins / pairs)
