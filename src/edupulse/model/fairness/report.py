"""All that is said of a model's fairness, in one object that is stored beside its evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edupulse.model.fairness.decomposition import Decomposition, decompositions
from edupulse.model.fairness.groups import Grouping, crossed
from edupulse.model.fairness.probe import Proxy, Table, proxies
from edupulse.model.fairness.rates import HIGH, Judged
from edupulse.model.fairness.subgroups import Margins, Subgroup, subgroups
from edupulse.model.rows import Floats, OutcomeRows, WindowRows


@dataclass(frozen=True)
class Fairness:
    """Of one method on the test rows: every group, each pair of attributes, parts, and proxies.

    False negatives and positives are counted at `threshold`; `margins` are the smallest gaps that
    matter. `groups` and `intersections` are a family of tests each.
    """

    method: str
    threshold: float
    margins: Margins
    groups: tuple[Subgroup, ...]
    intersections: tuple[Subgroup, ...]
    decompositions: tuple[Decomposition, ...]
    proxies: tuple[Proxy, ...]

    @property
    def gaps_found(self) -> tuple[tuple[Subgroup, str], ...]:
        """Groups, alone or crossed, and the rates in which a gap that is no chance was found."""
        return tuple(
            (one, rate)
            for one in (*self.groups, *self.intersections)
            for rate, gap in one.gaps.items()
            if gap.verdict in ("higher", "lower")
        )


def fairness(
    method: str,
    risk: Floats,
    windows: WindowRows,
    outcomes: OutcomeRows,
    *,
    attributes: Sequence[Grouping],
    places: Sequence[Grouping] = (),
    threshold: float = HIGH,
    replicates: int = 300,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Fairness:
    """Judge `risk [N]` on the rows with a known outcome, group by group.

    `attributes` are what students are: they are crossed in pairs, and probed for in the features of
    each student's latest window. `places` (school, grade level) are where they are: groups alone.
    Needs scikit-learn.
    """
    told = progress or (lambda _part: None)
    known = np.flatnonzero(outcomes.known)
    judged = Judged(risk[known], outcomes.off_track[known], windows.student[known])
    own = [one.take(known) for one in attributes]
    every = [*own, *(one.take(known) for one in places)]
    margins = Margins()
    beside_others = partial(
        subgroups, judged, threshold=threshold, replicates=replicates, seed=seed, margins=margins
    )
    told(0.0)
    groups = beside_others(every)
    told(0.1)
    intersections = beside_others(crossed(own))
    told(0.4)
    parts = decompositions(
        judged,
        windows.school[known],
        own,
        threshold=threshold,
        replicates=replicates,
        seed=seed,
    )
    told(0.5)
    latest = latest_rows(windows)
    probed = proxies(
        _last_features(windows, latest),
        windows.student[latest],
        [one.take(latest) for one in attributes],
        replicates=replicates,
        seed=seed,
        progress=lambda part: told(0.5 + part / 2),
    )
    told(1.0)
    return Fairness(method, threshold, margins, groups, intersections, parts, probed)


def latest_rows(windows: WindowRows) -> NDArray[np.intp]:
    """The row of each student's latest as-of day."""
    order = np.lexsort((windows.as_of, windows.student))
    student = windows.student[order]
    return np.asarray(order[np.append(student[1:] != student[:-1], True)[: len(order)]])


def _last_features(windows: WindowRows, rows: NDArray[np.intp]) -> Table:
    """The features of the last week of some rows, NaN where not observed."""
    seen = windows.observed[rows, -1] & windows.held[rows, -1][:, None]
    return np.where(seen, windows.values[rows, -1], np.float32(np.nan))
