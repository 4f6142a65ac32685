"""From a network's logit to a risk that means what it says, with its interval and its set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.curves import (
    Array,
    Table,
    fit_beta,
    fit_isotonic,
    fit_platt,
    pool,
    tied,
)
from edupulse.model.rows import Bools, Floats, Ints, require_two_classes
from edupulse.panel.splits import hashed_share

CURVES: dict[str, Callable[[Floats, Bools], Table]] = {
    "platt": fit_platt,
    "beta": fit_beta,
    "isotonic": fit_isotonic,
}
_FOLDS = 5
_INTERVAL_KNOTS = 200
#: Below so many students of the rarer class only the two-parameter curve is fitted.
_ENOUGH = 100


@dataclass(frozen=True)
class Calibration:
    """Everything that turns a logit into what is shown, as plain tables (NumPy alone reads them).

    `conformal` holds, for on track and off track, the largest 1 - P(class) that still belongs to
    the prediction set at `coverage`.
    """

    method: str
    curve: Table
    lower: Table
    upper: Table
    conformal: tuple[float, float]
    coverage: float
    rows: int
    positives: int

    def risk(self, logits: Floats) -> Array:
        """The calibrated probability of the outcome."""
        return self.curve.at(logits)

    def interval(self, logits: Floats) -> tuple[Array, Array]:
        """The Venn-Abers interval of the risk, widened to hold the risk itself."""
        risk = self.risk(logits)
        return np.minimum(self.lower.at(logits), risk), np.maximum(self.upper.at(logits), risk)

    def prediction_set(self, logits: Floats) -> Bools:
        """Whether each class (on track, off track) is in the conformal set, `[N, 2]`."""
        risk = self.risk(logits)
        on_track, off_track = self.conformal
        members: Bools = np.column_stack((risk <= on_track, 1.0 - risk <= off_track))
        return members


def calibrate(
    logits: Floats, off_track: Bools, student: Ints, *, coverage: float = 0.9
) -> Calibration:
    """Fit on the calibration part: curve and interval on half of its students, sets on the rest.

    Raises `NotReady` where a half holds only one class.
    """
    half = hashed_share(student, 0.5, salt=11)
    require_two_classes(off_track[half])
    require_two_classes(off_track[~half])
    method = choose(logits[half], off_track[half], student[half])
    curve = CURVES[method](logits[half], off_track[half])
    lower, upper = venn_abers(logits[half], off_track[half])
    sets = conformal(curve.at(logits[~half]), off_track[~half], coverage)
    positives = int(off_track.sum())
    return Calibration(method, curve, lower, upper, sets, coverage, len(logits), positives)


def choose(logits: Floats, off_track: Bools, student: Ints) -> str:
    """The curve with the best cross-validated log loss; Platt's unless another is clearly better.

    Folds are whole students. "Clearly" is more than one standard error of the paired difference.
    """
    if min(_students(student, off_track), _students(student, ~off_track)) < _ENOUGH:
        return "platt"
    losses = {name: _left_out_losses(name, logits, off_track, student) for name in CURVES}
    best, least = "platt", 0.0
    for name in ("beta", "isotonic"):
        gain = losses["platt"] - losses[name]
        error = gain.std() / np.sqrt(len(gain))
        if gain.mean() > error and gain.mean() > least:
            best, least = name, float(gain.mean())
    return best


def _students(student: Ints, rows: Bools) -> int:
    return len(np.unique(student[rows]))


def _left_out_losses(name: str, logits: Floats, off_track: Bools, student: Ints) -> Array:
    """Log loss of every row under the curve fitted without its fold."""
    fold = np.sum([hashed_share(student, (k + 1) / _FOLDS, salt=5) for k in range(_FOLDS)], axis=0)
    losses = np.zeros(len(logits))
    for k in np.unique(fold):
        out = fold == k
        if off_track[~out].all() or not off_track[~out].any():
            continue
        risk = np.clip(CURVES[name](logits[~out], off_track[~out]).at(logits[out]), 1e-6, 1 - 1e-6)
        losses[out] = -np.log(np.where(off_track[out], risk, 1.0 - risk))
    return losses


def conformal(risk: Floats, off_track: Bools, coverage: float) -> tuple[float, float]:
    """Class-conditional split-conformal thresholds on 1 - P(class), for on and off track.

    With n rows of a class the threshold is their ceil((n + 1) coverage)-th smallest score; 1, which
    takes the class into every set, where n is too small (Vovk 2012).
    """
    scores = np.sort(risk[~off_track]), np.sort(1.0 - risk[off_track])
    ranks = [int(np.ceil((len(score) + 1) * coverage)) for score in scores]
    on_track, off = (
        float(score[rank - 1]) if rank <= len(score) else 1.0
        for score, rank in zip(scores, ranks, strict=True)
    )
    return on_track, off


def venn_abers(logits: Floats, off_track: Bools) -> tuple[Table, Table]:
    """Inductive Venn-Abers bounds (Vovk, Petej 2014) at up to 200 knots of the scores.

    The lower bound at a score is the isotonic value there after adding one row of that score that
    stays on track, the upper one after adding one that goes off track. Between knots the bounds
    are taken as straight; both are non-decreasing.
    """
    x, total, count = tied(logits, off_track)
    knots = np.unique(np.linspace(0, len(x) - 1, _INTERVAL_KNOTS).round().astype(np.int64))
    left = _stacks(total, count, knots)
    # From the right: the same pooling of the mirrored labels (1 - y), read backwards.
    mirrored = len(x) - 1 - knots[::-1]
    right = _stacks((count - total)[::-1], count[::-1], mirrored)[::-1]
    bounds = [
        _at_knot(left[k], right[k], total[knot] + label, count[knot] + 1.0)
        for label in (0.0, 1.0)
        for k, knot in enumerate(knots)
    ]
    places = tuple(x[knots].tolist())
    return Table(places, tuple(bounds[: len(knots)])), Table(places, tuple(bounds[len(knots) :]))


_Stack = list[tuple[float, float, int]]


def _stacks(total: Array, count: Array, knots: NDArray[np.int64]) -> list[_Stack]:
    """The blocks of all points before each knot."""
    stack: _Stack = []
    taken, copies = 0, []
    for knot in knots.tolist():
        for point in range(taken, knot):
            pool(stack, float(total[point]), float(count[point]))
        taken = knot
        copies.append(list(stack))
    return copies


def _at_knot(left: _Stack, right: _Stack, total: float, count: float) -> float:
    """The isotonic value of one point between the blocks on its left and (mirrored) right."""
    below = list(left)
    above = [(many - mirrored, many, points) for mirrored, many, points in right]
    while True:
        if below and below[-1][0] * count >= total * below[-1][1]:
            block = below.pop()
        elif above and above[-1][0] * count <= total * above[-1][1]:
            block = above.pop()
        else:
            return total / count
        total, count = total + block[0], count + block[1]
