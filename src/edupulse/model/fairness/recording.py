"""The audit of the records themselves: is one group referred more often than another, else alike?

For each group beside the largest one of its grouping: the ratio of their rates of referral within
the same stratum (school, school year, grade level), by Poisson regression with a fixed effect for
each stratum and the days on which a referral could happen as exposure. Counts of one student vary
more than Poisson's and hang together over the years, so the errors are those of leaving out one
student at a time (CR3), with Student's t for the smaller group. A stratum's effect has a closed
form, so that thousands of strata cost nothing. Tests hold the result to statsmodels'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import Estimate
from edupulse.model.curves import Array
from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.verdicts import LEAST_STUDENTS, holm
from edupulse.model.rows import Bools
from edupulse.school.errors import BadInput

Ints = NDArray[np.integer[Any]]
Said = Literal["more", "less", "alike", "unknown"]

SIGNIFICANCE = 0.01
"""The chance of any false call in a whole audit: to say that records are biased weighs heavily."""

MARGIN = 1.25
"""The smallest ratio that matters: `alike` is said of an interval wholly within 1/1.25 to it."""

LEAST_REFERRALS = 10
"""A group of whom fewer would be expected, at the reference's rates, is too small for any word."""

ASSUMPTION = (
    "A ratio other than 1 means biased recording only if both groups behave alike at school: the"
    " same conduct on the days they were there, within the same school, school year and grade"
    " level. The records alone cannot test that. Nor can they tell a bias from a difference in"
    " supervision, classes or teachers inside a school, or see one that touches all groups."
)


@dataclass(frozen=True, eq=False)
class Referrals:
    """Of each row `[N]`: whose it is, its stratum, how often referred, on how many possible days.

    A student has a row for each stratum in which he or she was. Strata are numbered from 0.
    """

    student: Ints
    stratum: Ints
    count: Ints
    days: Ints

    def __post_init__(self) -> None:
        if self.days.size and self.days.min() <= 0:
            raise BadInput("A row of referrals has no day on which one could happen.")

    def __len__(self) -> int:
        return int(self.student.size)


@dataclass(frozen=True)
class RateRatio:
    """How often a group was referred beside the reference, adjusted, and what may be said of it.

    `ratio` has a 95 % interval; `p` is Holm-corrected over the audit; `detectable` is the smallest
    ratio that would have been found four times in five. None where the group is too small.
    """

    grouping: str
    group: str
    reference: str
    students: int
    referrals: int
    days: int
    ratio: Estimate | None
    p: float | None
    detectable: float | None
    verdict: Said
    reason: str


@dataclass(frozen=True)
class RecordsAudit:
    """Every ratio, on how much they rest, and the assumption under which they mean bias."""

    ratios: tuple[RateRatio, ...]
    students: int
    referrals: int
    days: int
    significance: float = SIGNIFICANCE
    margin: float = MARGIN
    assumption: str = ASSUMPTION

    @property
    def found(self) -> tuple[RateRatio, ...]:
        """The groups that are referred more, or less, often."""
        return tuple(one for one in self.ratios if one.verdict in ("more", "less"))


def audit_records(referrals: Referrals, groupings: Sequence[Grouping]) -> RecordsAudit:
    """Each group beside the one with the most days, in every grouping; codes are of the rows."""
    compared = [one for grouping in groupings for one in _compared(referrals, grouping)]
    tested = {number: one.fit.p for number, one in enumerate(compared) if one.fit is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    ratios = tuple(
        _ratio(one, corrected.get(number), len(tested)) for number, one in enumerate(compared)
    )
    return RecordsAudit(
        ratios,
        students=int(np.unique(referrals.student).size),
        referrals=int(referrals.count.sum()),
        days=int(referrals.days.sum()),
    )


@dataclass(frozen=True)
class Fit:
    """The log of a rate ratio, its standard error, and the smaller group's students less one.

    `clustered` is the error that other software gives (CR0): too small for small groups.
    """

    log_ratio: float
    error: float
    freedom: int
    clustered: float

    @property
    def p(self) -> float:
        """The two-sided chance of such a ratio where both groups are recorded alike."""
        from scipy.stats import t

        return float(2 * t.sf(abs(self.log_ratio) / self.error, self.freedom))


def fit_ratio(referrals: Referrals, group: Bools) -> Fit | None:
    """The rate of the rows in `group` to that of the others, within strata.

    None where it is not defined: no stratum holds both, or one side has no referral in those.
    """
    strata = _Strata.of(referrals, group)
    rows = strata.both[referrals.stratum]
    group = group[rows]
    count = referrals.count[rows]
    if not count[group].any() or not count[~group].any():
        return None
    beta = _solve(strata, float(count[group].sum()))
    share, rate = strata.share(beta), strata.rate(beta)
    stratum = referrals.stratum[rows]
    expected = referrals.days[rows] * rate[stratum] * np.where(group, exp(beta), 1.0)
    place = np.unique(referrals.student[rows], return_inverse=True)[1]
    apart = group - share[stratum]
    information = float((strata.count * share * (1 - share)).sum())
    score = np.bincount(place, apart * (count - expected))
    leverage = np.bincount(place, apart**2 * expected) / information
    apart_from_all = score / (1 - np.minimum(leverage, _ALL))
    ours = int(np.unique(place[group]).size)
    theirs = int(np.unique(place[~group]).size)
    return Fit(
        beta,
        error=float(np.linalg.norm(apart_from_all)) / information,
        freedom=min(ours, theirs) - 1,
        clustered=float(np.linalg.norm(score)) / information,
    )


_ALL = 0.99  # of the information: one student alone never is an infinite error


@dataclass(frozen=True, eq=False)
class _Strata:
    """Referrals and days of both groups in each stratum; only those that hold both count."""

    count: Array
    ours: Array
    theirs: Array
    both: Bools

    @classmethod
    def of(cls, referrals: Referrals, group: Bools) -> _Strata:
        size = int(referrals.stratum.max()) + 1 if len(referrals) else 0
        ours, theirs = (
            np.bincount(referrals.stratum[side], referrals.days[side], size).astype(np.float64)
            for side in (group, ~group)
        )
        both = (ours > 0) & (theirs > 0)
        count = np.bincount(referrals.stratum, referrals.count, size)
        return cls(np.where(both, count, 0.0), ours, theirs, both)

    def share(self, beta: float) -> Array:
        """The share of a stratum's referrals expected in the group."""
        ours = self.ours * exp(beta)
        return _divided(ours, ours + self.theirs)

    def rate(self, beta: float) -> Array:
        """The others' referrals a day in each stratum."""
        return _divided(self.count, self.ours * exp(beta) + self.theirs)


def _solve(strata: _Strata, referred: float) -> float:
    """The log ratio at which as many of the group are referred as expected, by Newton's method."""
    beta = 0.0
    for _ in range(100):
        share = strata.share(beta)
        information = (strata.count * share * (1 - share)).sum()
        step = float(np.clip((referred - (strata.count * share).sum()) / information, -1.0, 1.0))
        beta += step
        if abs(step) < 1e-10:
            break
    return beta


@dataclass(frozen=True)
class _Compared:
    """A group beside its reference, before any correction."""

    grouping: str
    group: str
    reference: str
    students: int
    referrals: int
    days: int
    fit: Fit | None
    reason: str


def _compared(referrals: Referrals, grouping: Grouping) -> Iterator[_Compared]:
    if not grouping.known.any():
        return
    days = np.bincount(
        grouping.code[grouping.known], referrals.days[grouping.known], len(grouping.labels)
    )
    reference = int(days.argmax())
    for code in np.flatnonzero(days):
        if code != reference:
            yield _beside(referrals, grouping, int(code), reference)


def _beside(referrals: Referrals, grouping: Grouping, code: int, reference: int) -> _Compared:
    rows = np.isin(grouping.code, (code, reference))
    pair = Referrals(
        referrals.student[rows],
        referrals.stratum[rows],
        referrals.count[rows],
        referrals.days[rows],
    )
    group = grouping.code[rows] == code
    strata = _Strata.of(pair, group)
    expected = float((strata.ours * _divided(strata.count, strata.ours + strata.theirs)).sum())
    fewest = min(int(np.unique(pair.student[side]).size) for side in (group, ~group))
    reason, fit = "", None
    if fewest < LEAST_STUDENTS:
        reason = f"only {fewest} students, {LEAST_STUDENTS} are needed"
    elif expected < LEAST_REFERRALS:
        reason = f"only {expected:.0f} referrals expected, {LEAST_REFERRALS} are needed"
    else:
        fit = fit_ratio(pair, group)
        reason = "" if fit else "no referral of one of the two groups"
    return _Compared(
        grouping.name,
        grouping.labels[code],
        grouping.labels[reference],
        int(np.unique(pair.student[group]).size),
        int(pair.count[group].sum()),
        int(pair.days[group].sum()),
        fit,
        reason,
    )


def _ratio(one: _Compared, p: float | None, tests: int) -> RateRatio:
    counted = (one.grouping, one.group, one.reference, one.students, one.referrals, one.days)
    if one.fit is None or p is None:
        return RateRatio(*counted, None, None, None, "unknown", one.reason)
    from scipy.stats import t

    fit = one.fit
    half = float(t.ppf(0.975, fit.freedom)) * fit.error
    ratio = Estimate(*(exp(fit.log_ratio + shift) for shift in (0.0, -half, half)))
    needed = float(t.isf(SIGNIFICANCE / (2 * tests), fit.freedom) + t.ppf(0.8, fit.freedom))
    detectable = exp(min(needed * fit.error, 50.0))
    verdict, reason = _said(ratio, p, detectable)
    return RateRatio(*counted, ratio, p, detectable, verdict, reason)


def _said(ratio: Estimate, p: float, detectable: float) -> tuple[Said, str]:
    if ratio.low > 1 / MARGIN and ratio.high < MARGIN:
        return "alike", f"the interval lies wholly within {1 / MARGIN:.2f} to {MARGIN:.2f}"
    if p < SIGNIFICANCE:
        return ("more" if log(ratio.value) > 0 else "less"), f"corrected p = {p:.2g}"
    return "unknown", f"a ratio of {detectable:.2f} or more would have been found 4 times in 5"


def _divided(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0))
