"""May a policy of bands be used? Only where each band holds what its limits say of every group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edupulse.model.bootstrap import Estimate, wilson
from edupulse.model.gate import Check
from edupulse.model.rows import Labels, members
from edupulse.risk.bands import BANDS, Band, Policy

EVERYONE = "everyone"
FEWEST = 100
"""Students that a group must have to be asked: the bands of fewer say too little."""


@dataclass(frozen=True)
class BandRate:
    """How often one band of one group came true: `rate` with its 95 % Wilson interval.

    The interval counts students, not rows: a student's rows share outcome days.
    """

    group: str
    band: Band
    rows: int
    students: int
    rate: Estimate


def band_rates(
    policy: Policy,
    risk: npt.NDArray[np.float64],
    off_track: npt.NDArray[np.bool_],
    student: npt.NDArray[np.integer],
    groups: Labels,
) -> tuple[BandRate, ...]:
    """The observed rate in each band that has rows: of everyone, and of each group large enough.

    All arrays are [N]: rows of a closed period that taught the model nothing.
    """
    band = np.searchsorted((policy.medium, policy.high, policy.critical), risk, side="right")
    found = []
    for group, rows in _groups(student, groups):
        for number, name in enumerate(BANDS):
            inside = rows & (band == number)
            if inside.any():
                students = len(np.unique(student[inside]))
                rate = wilson(float(off_track[inside].mean()), students)
                found.append(BandRate(group, name, int(inside.sum()), students, rate))
    return tuple(found)


def activation(policy: Policy, rates: Sequence[BandRate]) -> tuple[Check, ...]:
    """Does each observed rate overlap its band, and do the rates rise from band to band?

    A fall between two bands counts where their intervals lie apart.
    """
    edges = (0.0, policy.medium, policy.high, policy.critical, 1.0)
    limits = dict(zip(BANDS, pairwise(edges), strict=True))
    outside = [one for one in rates if not _overlaps(one.rate, limits[one.band])]
    falling = [
        higher
        for lower, higher in pairwise(rates)
        if lower.group == higher.group and higher.rate.high < lower.rate.low
    ]
    groups = len({one.group for one in rates})
    asked = f"{len(rates)} bands of {groups} groups with {FEWEST} students or more"
    return (
        Check("bands_hold", bool(rates) and not outside, _said(outside, asked)),
        Check("bands_rise", bool(rates) and not falling, _said(falling, asked)),
    )


def _groups(
    student: npt.NDArray[np.integer], groups: Labels
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    yield EVERYONE, np.ones(len(student), np.bool_)
    for name, rows in members(groups):
        if len(np.unique(student[rows])) >= FEWEST:
            yield name, rows


def _overlaps(rate: Estimate, limits: tuple[float, float]) -> bool:
    begins, ends = limits
    return rate.high >= begins and rate.low <= ends


def _said(wrong: Sequence[BandRate], asked: str) -> str:
    if not wrong:
        return f"true of all {asked}"
    told = "; ".join(
        f"{one.group}, {one.band}: {one.rate.value:.1%} ({one.rate.low:.1%} to {one.rate.high:.1%})"
        for one in wrong[:5]
    )
    return f"not true of {len(wrong)} of {asked}: {told}"
