"""Into which parts an explanation divides a window: a view numbers the part of every cell.

*Tracks*: each feature over all weeks, one part a feature. *What and when*: each family over each of
three stretches of weeks, nine parts, so that 2^9 = 512 evaluations give exact Shapley values.
A week's features look back (some over 60 days, some over the year): *when* is the week in which a
number stood on the record, not only what happened in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edupulse.features.catalog import FAMILIES, FEATURES
from edupulse.panel.windows import WEEKS

View = npt.NDArray[np.intp]
"""The part 0..P−1 to which each cell intp[W, F] of a window belongs."""

STRETCHES = (slice(0, 10), slice(10, 16), slice(16, WEEKS))
"""The weeks of a window, oldest first: the ten oldest, the six after them, the last four."""


def by_feature(weeks: int = WEEKS, features: int = len(FEATURES)) -> View:
    """One part a feature: its whole track."""
    return np.broadcast_to(np.arange(features), (weeks, features))


def by_family_and_stretch(stretches: tuple[slice, ...] = STRETCHES) -> View:
    """One part a family and stretch of weeks: all stretches of the first family, then the next."""
    view = np.empty((WEEKS, len(FEATURES)), np.intp)
    for place, columns in enumerate(FAMILIES.values()):
        for at, weeks in enumerate(stretches):
            view[weeks, columns] = place * len(stretches) + at
    return view
