"""The shapes behind the figures: over risks, capacities, days ahead, bands and groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import Draws, Estimate, estimated, resampled
from edupulse.model.leads import Timing
from edupulse.model.metrics import Ranking, named
from edupulse.model.replicates import Prediction, groups
from edupulse.model.rows import Bools, Floats, Ints, Labels, OutcomeRows, WindowRows

BINS = 10
SHARES = (0.02, 0.05, 0.10, 0.15, 0.20, 0.25)
DAYS_AHEAD = (1, 10, 20, 30, 45, 60, 80, 100)
LEAST_SHOWN = 10
"""Figures of fewer students than this are not shown: they would tell of single children."""

_CELLS = 8_000_000


@dataclass(frozen=True)
class Bin:
    """Rows of nearly the same risk: the mean risk that was said, and the rate that came."""

    method: str
    rows: int
    students: int
    risk: float
    rate: Estimate


@dataclass(frozen=True)
class Capacity:
    """Precision and recall of the top `share` of each school's rows of one as-of day."""

    method: str
    share: float
    precision: Estimate
    recall: Estimate


@dataclass(frozen=True)
class Ahead:
    """Of the students with an outcome, the share named at least `days` school days before it.

    Every method names as many students as the checkpoint calls high, from the top of each school's
    list of one as-of day: `length` of it.
    """

    method: str
    length: float
    days: int
    share: Estimate


@dataclass(frozen=True)
class Width:
    """The Venn-Abers intervals of one band's rows: their mean width, and what 9 of 10 are below."""

    band: str
    rows: int
    students: int
    mean: Estimate
    ninth_tenth: float


@dataclass(frozen=True)
class Coverage:
    """How often the prediction sets of one group held what came true, by class.

    None where a class has fewer than 10 students in the group.
    """

    grouping: str
    group: str
    rows: int
    students: int
    on_track: Estimate | None
    off_track: Estimate | None


@dataclass(frozen=True)
class Shapes:
    """`reliability`, `capacity` and `ahead` of all methods; the rest of the checkpoint alone."""

    reliability: tuple[Bin, ...]
    capacity: tuple[Capacity, ...]
    ahead: tuple[Ahead, ...]
    widths: tuple[Width, ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """The test rows with a known outcome, their students' places, and bootstrap draws `[B, S]`."""

    windows: WindowRows
    outcomes: OutcomeRows
    known: Bools
    label: Bools
    place: Ints
    draws: Draws

    @classmethod
    def of(
        cls, windows: WindowRows, outcomes: OutcomeRows, replicates: int = 300, seed: int = 0
    ) -> Rows:
        """The known rows; the same seed draws the same students as an evaluation of everyone."""
        known = outcomes.known
        students, place = np.unique(windows.student[known], return_inverse=True)
        draws = resampled(len(students), replicates, seed)
        return cls(windows, outcomes, known, outcomes.off_track[known], place, draws)

    def students(self, rows: Bools) -> int:
        """How many students have one of these known rows."""
        return len(np.unique(self.place[rows]))

    def mean(self, values: Floats | Bools, rows: Bools) -> Estimate | None:
        """The mean of `values [n]` over some known rows; None where there are none."""
        size = self.draws.shape[1]
        count = np.bincount(self.place[rows], minlength=size).astype(np.float32)
        total = np.bincount(self.place[rows], values[rows].astype(np.float64), size)
        with np.errstate(invalid="ignore", divide="ignore"):
            return estimated(
                np.asarray((self.draws @ total.astype(np.float32)) / (self.draws @ count))
            )


def reliability(rows: Rows, predictions: Sequence[Prediction]) -> Iterator[Bin]:
    """For each method with a risk, ten bins of equally many rows in order of risk."""
    for one in predictions:
        if one.risk is None:
            continue
        risk = one.risk[rows.known]
        order = np.argsort(risk, kind="stable")
        for numbers in np.array_split(order, BINS):
            inside = np.zeros(risk.size, np.bool_)
            inside[numbers] = True
            rate = rows.mean(rows.label, inside)
            if rate is not None:
                mean = float(risk[inside].mean())
                yield Bin(one.name, len(numbers), rows.students(inside), mean, rate)


def capacities(rows: Rows, predictions: Sequence[Prediction]) -> Iterator[Capacity]:
    """For each method, precision and recall of lists of several lengths."""
    group = groups(rows.windows.school[rows.known], rows.windows.as_of[rows.known])
    step = max(_CELLS // max(len(rows.label), 1), 1)
    for one in predictions:
        score = one.score[rows.known]
        pieces = []
        for begin in range(0, len(rows.draws), step):
            weights = rows.draws[begin : begin + step][:, rows.place]
            ranking = Ranking(score, rows.label, weights, group)
            pieces.append([ranking.at_capacity(share) for share in SHARES])
        for place, share in enumerate(SHARES):
            both = (estimated(np.concatenate([p[place][side] for p in pieces])) for side in (0, 1))
            precision, recall = both
            if precision is not None and recall is not None:
                yield Capacity(one.name, share, precision, recall)


def leads(
    rows: Rows, predictions: Sequence[Prediction], timing: Timing, high: float
) -> Iterator[Ahead]:
    """For each method, how early the students with an outcome were named, by lists of one length.

    The last method is the checkpoint's; who has a risk of at least `high` by it sets the length.
    """
    ours = predictions[-1].risk
    length = 0.0 if ours is None else float((ours[rows.known] >= high).mean())
    group = groups(rows.windows.school[rows.known], rows.windows.as_of[rows.known])
    before = timing.before(rows.known, rows.outcomes.off_track, rows.windows.student)
    with_outcome = np.zeros(rows.draws.shape[1], np.float32)
    with_outcome[rows.place[~np.isnan(before)]] = 1
    for one in predictions:
        lead = np.zeros(rows.draws.shape[1])
        counts = named(one.score[rows.known], group, length) & ~np.isnan(before)
        np.maximum.at(lead, rows.place[counts], before[counts])
        for days in DAYS_AHEAD:
            early = (lead >= days).astype(np.float32)
            with np.errstate(invalid="ignore", divide="ignore"):
                share = estimated(np.asarray((rows.draws @ early) / (rows.draws @ with_outcome)))
            if share is not None:
                yield Ahead(one.name, length, days, share)


def widths(rows: Rows, one: Prediction, bands: NDArray[np.str_]) -> Iterator[Width]:
    """The width of one method's intervals by band, in the order in which the bands rise."""
    if one.low is None or one.high is None or one.risk is None:
        return
    width = (one.high - one.low)[rows.known]
    band, risk = bands[rows.known], one.risk[rows.known]
    lowest = {name: risk[band == name].min() for name in np.unique(band).tolist()}
    for name in sorted(lowest, key=lambda name: float(lowest[name])):
        inside = band == name
        mean = rows.mean(width, inside)
        if mean is not None and rows.students(inside) >= LEAST_SHOWN:
            tenth = float(np.quantile(width[inside], 0.9))
            yield Width(name, int(inside.sum()), rows.students(inside), mean, tenth)


def coverages(rows: Rows, one: Prediction, labels: Labels) -> Iterator[Coverage]:
    """How often one method's prediction sets held what came true, group by group."""
    if one.in_set is None:
        return
    held = one.in_set[rows.known]
    right = np.where(rows.label, held[:, 1], held[:, 0])
    for grouping, every in labels.items():
        label = every[rows.known]
        for group in np.unique(label[label != ""]).tolist():
            inside = label == group
            yield Coverage(
                grouping,
                group,
                int(inside.sum()),
                rows.students(inside),
                _covered(rows, right, inside & ~rows.label),
                _covered(rows, right, inside & rows.label),
            )


def _covered(rows: Rows, right: Bools, inside: Bools) -> Estimate | None:
    return rows.mean(right, inside) if rows.students(inside) >= LEAST_SHOWN else None
