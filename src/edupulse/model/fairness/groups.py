"""Groups as this floor sees them: a name, labels, and a code for each row, nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edupulse.model.rows import Bools, Labels
from edupulse.school.errors import BadInput

Codes = NDArray[np.int32]

UNLABELLED = -1
BETWEEN = " × "


@dataclass(frozen=True, eq=False)
class Grouping:
    """One way to divide rows into groups: `code [N]` is a place in `labels`, −1 where not known."""

    name: str
    labels: tuple[str, ...]
    code: Codes

    def __post_init__(self) -> None:
        if self.code.size and not -1 <= self.code.min() <= self.code.max() < len(self.labels):
            raise BadInput(f"A row of {self.name} has a code without a label.")

    @property
    def known(self) -> Bools:
        """Which rows are in a group at all."""
        return np.asarray(self.code != UNLABELLED)

    def take(self, rows: NDArray[np.generic]) -> Grouping:
        """The same groups for some rows: their numbers, or a mask bool[N]."""
        return Grouping(self.name, self.labels, self.code[rows])


def grouping(name: str, values: Sequence[str] | NDArray[np.str_]) -> Grouping:
    """The groups of some rows' labels, in alphabetic order; an empty label is not known."""
    said = np.asarray(values, np.str_)
    labels, place = np.unique(said, return_inverse=True)
    unknown = int(labels.size > 0 and labels[0] == "")
    return Grouping(name, tuple(labels[unknown:].tolist()), (place - unknown).astype(np.int32))


def groupings(labels: Labels) -> tuple[Grouping, ...]:
    """The groups of every dimension by its name, from a label `[N]` for each row."""
    return tuple(grouping(name, values) for name, values in labels.items())


def crossed(groupings: Sequence[Grouping]) -> tuple[Grouping, ...]:
    """The intersections of each pair of groupings; a row unknown in one is unknown in both."""
    return tuple(_cross(one, other) for one, other in combinations(groupings, 2))


def _cross(one: Grouping, other: Grouping) -> Grouping:
    labels = tuple(f"{a}{BETWEEN}{b}" for a in one.labels for b in other.labels)
    both = one.known & other.known
    code = np.where(both, one.code * len(other.labels) + other.code, UNLABELLED)
    return Grouping(f"{one.name}{BETWEEN}{other.name}", labels, code.astype(np.int32))
