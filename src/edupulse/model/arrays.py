"""The network as a plain library: windows and labels of one's own, as arrays, without a database.

See docs/library.md for a whole example.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edupulse.model.configuration import SEVERITY_CLASSES, NetworkConfig
from edupulse.model.rows import Bools, Ints, require_whole
from edupulse.school.errors import BadInput


@dataclass(frozen=True, eq=False)
class ArrayWindows:
    """Windows made of plain arrays: what `train`, `predict` and every contender read."""

    values: npt.NDArray[np.float32]
    observed: Bools
    held: Bools
    student: Ints
    school: Ints
    grade_level: Ints
    as_of: npt.NDArray[Any]
    families: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.values)

    def network(self, **sizes: Any) -> NetworkConfig:
        """The settings of a network that reads these windows; `sizes` as in `NetworkConfig`."""
        weeks = self.values.shape[1]
        return replace(NetworkConfig(**sizes), families=self.families, weeks=weeks)

    def take(self, rows: npt.ArrayLike) -> ArrayWindows:
        """Some rows: their numbers, or a mask bool[N]."""
        at = np.asarray(rows)
        cut = {name: part[at] for name, part in vars(self).items() if name != "families"}
        return ArrayWindows(**cut, families=self.families)


@dataclass(frozen=True, eq=False)
class ArrayOutcomes:
    """Labels made of plain arrays."""

    known: Bools
    off_track: Bools
    severity: Ints

    def take(self, rows: npt.ArrayLike) -> ArrayOutcomes:
        """Some rows: their numbers, or a mask bool[N]."""
        at = np.asarray(rows)
        return ArrayOutcomes(self.known[at], self.off_track[at], self.severity[at])


def array_windows(
    families: Mapping[str, npt.ArrayLike],
    *,
    observed: Mapping[str, npt.ArrayLike] | None = None,
    held: npt.ArrayLike | None = None,
    student: npt.ArrayLike | None = None,
    school: npt.ArrayLike | None = None,
    grade_level: npt.ArrayLike | None = None,
    as_of: npt.ArrayLike | None = None,
) -> ArrayWindows:
    """Windows of `families`: each a float array `[N, weeks, features]` in any units, oldest first.

    `observed` names masks of the same shapes, true where a value is one; a family without a mask is
    observed where it is a number, so NaN says "not observed". `held [N, weeks]` is false in the
    left padding of a short history (all weeks are held without it). `student [N]` says which rows
    are of one person and must not be divided (default: each row its own); `school`, `grade_level`
    and `as_of` are needed by evaluations alone (default 0).

    Raises `BadInput` where the arrays do not belong together.
    """
    arrays = {name: np.asarray(part, np.float32) for name, part in families.items()}
    rows, weeks = _require_families(arrays)
    seen = _masks(arrays, observed or {})
    lasting = np.ones((rows, weeks), np.bool_) if held is None else np.asarray(held, np.bool_)
    _require_left_padding(lasting, (rows, weeks))
    found = ArrayWindows(
        np.concatenate(list(arrays.values()), axis=2),
        np.concatenate(list(seen.values()), axis=2) & lasting[:, :, None],
        lasting,
        _key("student", np.arange(rows) if student is None else student, rows),
        _key("school", np.zeros(rows, np.int32) if school is None else school, rows),
        _key("grade_level", np.zeros(rows, np.int8) if grade_level is None else grade_level, rows),
        _key("as_of", np.zeros(rows, np.int64) if as_of is None else as_of, rows),
        tuple(part.shape[2] for part in arrays.values()),
    )
    require_whole(found)
    return found


def array_outcomes(
    off_track: npt.ArrayLike,
    *,
    severity: npt.ArrayLike | None = None,
    known: npt.ArrayLike | None = None,
) -> ArrayOutcomes:
    """Labels `[N]`: what came of each row (0 or 1), how severe (0 to 3), and whether it is known.

    Without a `severity` the second head learns the yes or no itself (0 or 1); rows that are not
    `known` teach nothing. Raises `BadInput` on other values.
    """
    label = np.asarray(off_track)
    if label.ndim != 1 or not np.isin(label, (0, 1)).all():
        raise BadInput("The labels are not a row of 0 and 1.", "Mark unknown ones by `known`.")
    told = np.ones(label.size, np.bool_) if known is None else np.asarray(known, np.bool_)
    degree = np.asarray(label if severity is None else severity).astype(np.int8)
    if told.shape != label.shape or degree.shape != label.shape:
        raise BadInput("`off_track`, `severity` and `known` differ in length.")
    if not np.isin(degree[told], range(SEVERITY_CLASSES)).all():
        raise BadInput(f"A known severity lies outside 0 to {SEVERITY_CLASSES - 1}.")
    return ArrayOutcomes(told, label.astype(np.bool_), degree)


def _require_families(arrays: Mapping[str, npt.NDArray[np.float32]]) -> tuple[int, int]:
    """The rows and weeks that all families share."""
    shapes = {name: part.shape for name, part in arrays.items()}
    whole = all(len(shape) == 3 and shape[2] > 0 for shape in shapes.values())
    if not whole or len({shape[:2] for shape in shapes.values()}) != 1:
        raise BadInput(
            f"The families do not share rows and weeks: {shapes}.",
            "Give each family as [rows, weeks, features].",
        )
    rows, weeks = next(iter(shapes.values()))[:2]
    return rows, weeks


def _masks(
    arrays: Mapping[str, npt.NDArray[np.float32]], observed: Mapping[str, npt.ArrayLike]
) -> dict[str, Bools]:
    """Which values were observed, family by family."""
    if unknown := sorted(set(observed) - set(arrays)):
        raise BadInput(f"A mask for no family: {', '.join(unknown)}.")
    masks = {name: np.isfinite(part) for name, part in arrays.items()}
    masks |= {name: np.asarray(mask, np.bool_) for name, mask in observed.items()}
    for name, part in arrays.items():
        if masks[name].shape != part.shape:
            raise BadInput(f"The mask of {name} is not of its family's shape {part.shape}.")
    return masks


def _require_left_padding(held: Bools, shape: tuple[int, int]) -> None:
    if held.shape != shape:
        raise BadInput(f"`held` is not of the shape [rows, weeks], {shape}.")
    if (held[:, :-1] & ~held[:, 1:]).any() or not held[:, -1].all():
        raise BadInput(
            "A history has a gap or does not reach the last week.",
            "Pad short histories on the left; mark weeks without data as not observed instead.",
        )


def _key(name: str, given: npt.ArrayLike, rows: int) -> npt.NDArray[Any]:
    """One value a row."""
    key = np.asarray(given)
    if key.shape != (rows,):
        raise BadInput(f"`{name}` is not one value for each of the {rows} rows.")
    return key
