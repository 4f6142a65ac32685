"""What this floor needs of windows and outcomes: arrays, one row a student and as-of day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edupulse.school.errors import BadInput, NotReady

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

Labels = Mapping[str, NDArray[np.str_]]
"""By dimension an opaque label `[N]` for each row, empty where there is none."""


def members(groups: Labels) -> Iterator[tuple[str, Bools]]:
    """Each group by its dimension and label, and which rows `[N]` are in it."""
    for dimension, labels in groups.items():
        for label in np.unique(labels[labels != ""]).tolist():
            yield f"{dimension}: {label}", labels == label


class WindowRows(Protocol):
    """What a network reads: `values [N, W, F]`, `observed [N, W, F]`, `held [N, W]`, keys `[N]`.

    Rows are left-padded: `held` is False for the weeks before a student's history begins, and the
    last column is the week of the as-of day. `values` are in raw units, NaN where not observed.
    """

    @property
    def values(self) -> NDArray[np.float32]: ...
    @property
    def observed(self) -> Bools: ...
    @property
    def held(self) -> Bools: ...
    @property
    def student(self) -> NDArray[Any]: ...
    @property
    def school(self) -> NDArray[Any]: ...
    @property
    def grade_level(self) -> NDArray[Any]: ...
    @property
    def as_of(self) -> NDArray[Any]: ...


class OutcomeRows(Protocol):
    """What came of each row: `known`, `off_track` bool `[N]`, `severity` `[N]` in 0..3."""

    @property
    def known(self) -> Bools: ...
    @property
    def off_track(self) -> Bools: ...
    @property
    def severity(self) -> Ints: ...


def require_whole(windows: WindowRows) -> None:
    """Check shapes and that what is called observed is a number.

    Raises `BadInput` where the arrays do not belong together.
    """
    rows, weeks, _ = windows.values.shape
    if windows.observed.shape != windows.values.shape or windows.held.shape != (rows, weeks):
        raise BadInput(
            "The arrays of the windows do not have the same rows, weeks and features.",
            "Build them with edupulse.panel.",
        )
    if not np.isfinite(windows.values[windows.observed]).all():
        raise BadInput(
            "A feature is marked observed but is not a number.",
            "Mark it not observed, or give its value.",
        )


def require_two_classes(off_track: Bools) -> None:
    """Refuse to learn from rows of which none, or all, went off track (`NotReady`)."""
    if off_track.size == 0 or off_track.all() or not off_track.any():
        raise NotReady(
            f"{off_track.size} rows with a known outcome, {int(off_track.sum())} of them off track:"
            " nothing can be learned.",
            "Import more history, or choose earlier as-of days whose horizon has closed.",
        )
