"""Judges every contender on the same rows of the test period, apart in time from what taught it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np

from edupulse.model.baselines.contender import Contender
from edupulse.model.calibration import Calibration
from edupulse.model.contest import calibrated, prediction
from edupulse.model.evaluation import TRUTH_KNOWN, WITHOUT_GRADES, Evaluation, evaluate
from edupulse.model.leads import Timing
from edupulse.model.replicates import Prediction
from edupulse.model.rows import Labels
from edupulse.panel.splits import check_split, split
from edupulse.panel.windows import Flags, Floats, Windows
from edupulse.pipeline.fairness import judge_fairness
from edupulse.pipeline.material import Material, Told, days_of, silent
from edupulse.risk.bands import DEFAULT_POLICY, Policy
from edupulse.school.errors import Leakage

METHOD = "gru_attention"
"""The name of the network among the contenders."""

REPLICATES = 300

LEARNED_UNTIL = "learned_until"
"""In a checkpoint's provenance: when the last label that it learned from had closed (UTC)."""

RECORDS = "records"
"""In a checkpoint's provenance: the fingerprint of the records that it was trained on."""

AS_OF_DAYS = "as_of_days"
"""In a checkpoint's provenance: the as-of instants of each part (ISO 8601, UTC)."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Material to learn from, to calibrate on, and to be judged by, apart in time (law 7)."""

    train: Material
    calibrate: Material
    test: Material


@dataclass(frozen=True, eq=False)
class Truth:
    """Rows of the test period of which a simulator knows the true probability, float[N]."""

    material: Material
    probability: Floats


def by_time(rows: Material, now: datetime) -> Parts:
    """Divide by `closes_at`, keeping rows with a known outcome. Raises NotReady, Leakage."""
    known = rows.take(rows.outcomes.known)
    as_of, closes_at = known.windows.as_of, known.outcomes.closes_at
    division = split(as_of, closes_at, now)
    check_split(division, as_of, closes_at)
    return Parts(**{name: known.take(part) for name, part in division.parts(as_of).items()})


@dataclass(frozen=True, eq=False)
class Judged:
    """An evaluation with what it rests on: each contender, its calibration, what it said."""

    evaluation: Evaluation
    contenders: tuple[Contender, ...]
    calibrations: tuple[Calibration | None, ...]
    predictions: tuple[Prediction, ...]


def compare(
    contenders: Sequence[Contender],
    parts: Parts,
    *,
    own: Calibration | None = None,
    truth: Truth | None = None,
    groups: Labels | None = None,
    timing: Timing | None = None,
    policy: Policy = DEFAULT_POLICY,
    replicates: int = REPLICATES,
    seed: int = 0,
    told: Told = silent,
) -> Judged:
    """Fit every contender but the last on the training part, and judge all on the test part.

    The last is the network, trained before; `own` is its calibration where it has one already.
    With `truth`, the rows whose true probability a simulator knows are a population of their own,
    with the bound that nothing can pass. With `timing` lead times are told; with `groups`, labels
    of the rows of the test part, the network's fairness is judged too, both at the risk at which
    the policy's band `high` begins.
    """
    test, fair = parts.test, partial(judge_fairness, replicates=replicates, seed=seed)
    calibrations = _fitted(contenders, parts, own, told)
    predictions = _predicted(contenders, calibrations, test.windows)
    told("Judging on the test part", 0.0)
    evaluation = evaluate(
        predictions,
        test.windows,
        test.outcomes,
        timing=timing,
        also=_without_grades(test),
        high=policy.high,
        replicates=replicates,
        seed=seed,
        about=about(parts),
    )
    if truth is not None:
        evaluation = _with_truth(evaluation, contenders, calibrations, truth)
    told("Judging on the test part", 1.0)
    if groups is not None:
        found = fair(predictions[-1], test, groups, threshold=policy.high, told=told)
        evaluation = replace(evaluation, fairness=found)
    return Judged(evaluation, tuple(contenders), calibrations, predictions)


def _fitted(
    contenders: Sequence[Contender], parts: Parts, own: Calibration | None, told: Told
) -> tuple[Calibration | None, ...]:
    """Fit all but the last, and give the calibration of each."""
    what, last = "Comparing with rules and baselines", len(contenders) - 1
    calibrations = []
    for number, contender in enumerate(contenders):
        told(what, number / len(contenders))
        if number < last:
            contender.fit(parts.train.windows, parts.train.outcomes)
        ready = own if number == last else None
        part = (parts.calibrate.windows, parts.calibrate.outcomes)
        calibrations.append(ready or calibrated(contender, part))
    told(what, 1.0)
    return tuple(calibrations)


def _predicted(
    contenders: Sequence[Contender],
    calibrations: Sequence[Calibration | None],
    windows: Windows,
) -> tuple[Prediction, ...]:
    pairs = zip(contenders, calibrations, strict=True)
    return tuple(prediction(contender, curve, windows) for contender, curve in pairs)


def _without_grades(test: Material) -> Mapping[str, Flags]:
    """Rows of whose outcome a failed course can be no part, where there are such and others."""
    without = ~test.outcomes.courses_posted
    return {WITHOUT_GRADES: without} if without.any() and not without.all() else {}


def _with_truth(
    evaluation: Evaluation,
    contenders: Sequence[Contender],
    calibrations: Sequence[Calibration | None],
    truth: Truth,
) -> Evaluation:
    """The evaluation with the results, and the bound, on the rows whose truth is known."""
    windows, outcomes = truth.material.windows, truth.material.outcomes
    with_bound = evaluate(
        _predicted(contenders, calibrations, windows),
        windows,
        outcomes,
        latent=truth.probability,
        replicates=evaluation.replicates,
        seed=evaluation.seed,
    )
    results = tuple(line for line in with_bound.results if line.population == TRUTH_KNOWN)
    lines = tuple(line for line in with_bound.differences if line.population == TRUTH_KNOWN)
    return replace(
        evaluation,
        results=evaluation.results + results,
        differences=evaluation.differences + lines,
    )


def learned_until(parts: Parts) -> str:
    """When the last label of the training and calibration parts had closed, ISO 8601 in UTC."""
    closing = [part.outcomes.closes_at.max() for part in (parts.train, parts.calibrate)]
    return f"{max(closing)}Z"


def as_of_days_of(parts: Parts) -> dict[str, list[str]]:
    """The as-of instants of each part, ISO 8601 in UTC."""
    return {
        name: [f"{instant}Z" for instant in np.unique(part.windows.as_of)]
        for name, part in vars(parts).items()
    }


def check_untouched(test: Material, learned: str) -> None:
    """Raise Leakage if the test part begins before a model's labels had closed (law 7)."""
    begins = test.windows.as_of.min()
    if begins < np.datetime64(learned.removesuffix("Z")):
        raise Leakage(
            f"The test period begins on {begins.astype('datetime64[D]')}, before the labels from "
            f"which the checkpoint learned had closed ({learned}).",
            "Evaluate it as stored (--stored), or on records that reach further.",
        )


def about(parts: Parts) -> Mapping[str, str]:
    """Which as-of days and how many rows each part has, in words."""
    said = {}
    for name, part in vars(parts).items():
        days = np.unique(days_of(part.windows.as_of))
        rate = part.outcomes.off_track.mean()
        said[name] = (
            f"{days.size} as-of days from {days[0]} to {days[-1]}, {len(part):,} windows, "
            f"{rate:.1%} off track"
        )
        if part.seen is not None and part.seen.any():
            said[name] += f", {int(part.seen.sum()):,} outcomes as educators saw them"
    return said
