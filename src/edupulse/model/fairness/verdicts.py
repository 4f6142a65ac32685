"""What may be said of a gap: higher, lower, level, or, where the data cannot tell, unknown.

A gap is called only if it is not chance (Holm-corrected over all groups compared, 5 %) and may be
as large as what matters; it is called level only if its 95 % interval lies wholly within what does
not matter. Everything else is unknown: never "fair" because nothing was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Literal

import numpy as np

from edupulse.model.bootstrap import Estimate

Verdict = Literal["higher", "lower", "level", "unknown"]

LEAST_STUDENTS = 30
"""A group with fewer students that count for a rate is too small for any word about it."""

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Gap:
    """A group's figure minus that of everyone else, what may be said of it, and why.

    `p` is Holm-corrected over the groups compared; None where the groups are too small to test.
    """

    estimate: Estimate
    p: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Measured:
    """A difference with its standard error, and how many students it rests on, on either side."""

    estimate: Estimate
    error: float
    students: int

    @property
    def testable(self) -> bool:
        """Whether it rests on enough students for a test."""
        return self.students >= LEAST_STUDENTS

    @property
    def p(self) -> float:
        """The two-sided chance of such a difference where there is none."""
        if self.error == 0:
            return float(self.estimate.value == 0)
        return erfc(abs(self.estimate.value / self.error) / sqrt(2.0))


def judge(
    measured: Sequence[Measured], margin: float, significance: float = SIGNIFICANCE
) -> list[Gap]:
    """A verdict on each difference of one family; `margin` is the smallest one that matters."""
    tested = [number for number, one in enumerate(measured) if one.testable]
    values = [measured[number].p for number in tested]
    corrected = dict(zip(tested, holm(values), strict=True))
    return [
        _gap(one, corrected.get(number), margin, significance)
        for number, one in enumerate(measured)
    ]


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p-values: the chance of any false call stays below each."""
    order = np.argsort(values)
    steps = np.asarray(values)[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def _gap(one: Measured, p: float | None, margin: float, significance: float) -> Gap:
    low, high = one.estimate.low, one.estimate.high
    span = f"{low:+.3f} to {high:+.3f}"
    if p is None:
        reason = f"only {one.students} students count for it, {LEAST_STUDENTS} are needed"
        return Gap(one.estimate, None, "unknown", reason)
    if -margin < low and high < margin:
        return Gap(one.estimate, p, "level", f"{span}, wholly within ±{margin:g}")
    if p < significance:
        verdict: Verdict = "higher" if one.estimate.value > 0 else "lower"
        return Gap(one.estimate, p, verdict, f"{span}, corrected p = {p:.2g}")
    if low > 0 or high < 0:
        reason = f"{span}, but chance among so many groups: corrected p = {p:.2g}"
    else:
        reason = f"{span}: too wide to tell a gap of {margin:g} from none"
    return Gap(one.estimate, p, "unknown", reason)
