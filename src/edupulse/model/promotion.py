"""Rules, fixed beforehand, by which a candidate may take the place of what serves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.bootstrap import Estimate, estimated, resampled
from edupulse.model.evaluation import Evaluation
from edupulse.model.gate import Check, Decision
from edupulse.model.rows import Bools, Floats, Ints, Labels, members

SERVING = "serving"
"""The name, in an evaluation, of the checkpoint that served until then."""


@dataclass(frozen=True)
class PromotionPolicy:
    """The limits; they are stored with every decision that they led to.

    `precision_margin`: how much precision at 10 % capacity may be lost, by the lower bound.
    `calibration_margin`: how much the calibration error may grow. `miss_margin`: how much more of
    a group's off-track students, against everyone else's, may be missed at equal capacity, in
    groups with at least `fewest` off-track students. `least_cover`: the least coverage of the
    prediction sets, promised 0.9 and here measured on a later year.
    """

    precision_margin: float = 0.02
    calibration_margin: float = 0.01
    miss_margin: float = 0.05
    fewest: int = 30
    least_cover: float = 0.85


DEFAULT_PROMOTION = PromotionPolicy()


@dataclass(frozen=True)
class Misses:
    """One group's false-negative gap under the candidate minus that under what served.

    A gap is the share of the group's off-track rows that a list misses, minus everyone else's.
    """

    group: str
    off_track_students: int
    growth: Estimate


def covers(in_set: Bools, off_track: Bools, policy: PromotionPolicy) -> Check:
    """Do prediction sets `[N, 2]` hold the truth of each class often enough?"""
    shares = [float(in_set[off_track == one, int(one)].mean()) for one in (False, True)]
    reason = (
        f"{shares[0]:.1%} of on-track and {shares[1]:.1%} of off-track rows lie in their set, "
        f"at least {policy.least_cover:.0%} must"
    )
    return Check("sets_cover", min(shares) >= policy.least_cover, reason)


def against_serving(
    evaluation: Evaluation, method: str, misses: tuple[Misses, ...], policy: PromotionPolicy
) -> tuple[Check, ...]:
    """The candidate beside what served, on the same rows of a closed period."""
    gain = evaluation.difference(method, SERVING, "precision_10")
    ours, theirs = (
        evaluation.result(name).metrics["calibration_error"].value for name in (method, SERVING)
    )
    return (
        Check(
            "precision_kept",
            gain.low > -policy.precision_margin,
            f"precision at 10 % minus what served: {_told(gain)}, "
            f"must stay above {-policy.precision_margin:+.3f}",
        ),
        Check(
            "calibration_kept",
            ours - theirs <= policy.calibration_margin,
            f"calibration error {ours:.3f}, of what served {theirs:.3f}, "
            f"may grow by {policy.calibration_margin}",
        ),
        _no_group_missed_more(misses, policy),
    )


def misses_of(
    candidate: NDArray[np.float64],
    serving: NDArray[np.float64],
    off_track: Bools,
    student: Ints,
    groups: Labels,
    *,
    policy: PromotionPolicy,
    replicates: int = 300,
    seed: int = 0,
) -> tuple[Misses, ...]:
    """Of each group large enough, whether its off-track rows are missed more than before.

    `candidate` and `serving` `[N]` say how far each row is on the list of each (see `listed`).
    """
    students, place = np.unique(student, return_inverse=True)
    draws = resampled(len(students), replicates, seed)
    missed = (1.0 - candidate, 1.0 - serving)

    def share(rows: Bools, of: Floats) -> NDArray[np.float64]:
        """The share missed among off-track rows, in every replicate."""
        inside = rows & off_track
        total, lost = (
            draws @ np.bincount(place[inside], weight, len(students))
            for weight in (np.ones(int(inside.sum())), of[inside])
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(lost / total)

    found = []
    for name, rows in members(groups):
        count = len(np.unique(student[rows & off_track]))
        if count < policy.fewest or not (~rows & off_track).any():
            continue
        gaps = [share(rows, of) - share(~rows, of) for of in missed]
        growth = estimated(gaps[0] - gaps[1])
        if growth is not None:
            found.append(Misses(name, count, growth))
    return tuple(found)


def settled(gate: Decision, checks: tuple[Check, ...]) -> Decision:
    """The gate's decision, with further checks that must pass too."""
    every = (*gate.checks, *checks)
    return Decision(gate.method, all(check.passed for check in every), gate.instead, every)


def _no_group_missed_more(misses: tuple[Misses, ...], policy: PromotionPolicy) -> Check:
    worse = [
        one for one in misses if one.growth.value > policy.miss_margin and one.growth.low > 0.0
    ]
    asked = f"{len(misses)} groups with {policy.fewest} off-track students or more"
    told = "; ".join(f"{one.group} {_told(one.growth)}" for one in worse)
    reason = (
        f"missed more than before at equal capacity: {told}, of {asked}; "
        f"may grow by {policy.miss_margin}"
        if worse
        else f"no gap in misses grew by more than {policy.miss_margin} in {asked}"
    )
    return Check("no_group_missed_more", not worse, reason)


def _told(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
