"""From shares of a logit to the few factors, strengths and stretches that a person reads."""

from __future__ import annotations

from datetime import date

import numpy as np

from edupulse.features.catalog import FAMILIES, FEATURES, INDEX
from edupulse.panel.windows import Floats, Windows
from edupulse.risk.explanation import FACTORS, Explanation, Reference
from edupulse.risk.risk import Factor, Stretch
from edupulse.risk.views import STRETCHES
from edupulse.risk.wording import (
    fact_in_words,
    factor_in_words,
    stretch_in_words,
    typical_in_words,
)

WEEKS_NAMED = 3
JUST_TYPICAL = 0.05
"""Nearer to typical than this part of the farthest week is no fact to raise or lower a score."""


def factors_of(
    windows: Windows, reference: Reference, explanation: Explanation, row: int
) -> tuple[Factor, ...]:
    """The strongest factors of one row, in words, whichever way they moved the score."""
    return tuple(
        _factor(windows, reference, explanation, row, int(at)) for at in explanation.strongest(row)
    )


def strengths_of(
    windows: Windows, reference: Reference, explanation: Explanation, row: int
) -> tuple[Factor, ...]:
    """The strongest of what lowered the score of one row and is better than typical of peers.

    A network may also take a bad fact as lowering the score; that is a factor, and no strength.
    """
    lowering = (
        _factor(windows, reference, explanation, row, int(at)) for at in explanation.lowering(row)
    )
    return tuple(factor for factor in lowering if _is_good_news(factor))[:FACTORS]


def stretches_of(windows: Windows, explanation: Explanation, row: int) -> tuple[Stretch, ...]:
    """What and when: every family and stretch of weeks that surely moved one row's score."""
    parts = [(family, weeks) for family in FAMILIES for weeks in STRETCHES]
    return tuple(
        _stretch(windows, explanation, row, int(at), *parts[at])
        for at in explanation.strongest(row, len(parts))
    )


def iso_week(monday: np.datetime64) -> str:
    """A week as `2026-W09`."""
    day: date = monday.astype("datetime64[D]").item()
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def week_named(windows: Windows, row: int, week: int) -> str | None:
    """The week of a window as words name it: not at all where it is the current one."""
    is_current = week == windows.held.shape[1] - 1
    return None if is_current else iso_week(windows.week_start[row, week])


def _factor(
    windows: Windows, reference: Reference, explanation: Explanation, row: int, at: int
) -> Factor:
    feature = FEATURES[at]
    told = _told_week(windows, reference, row, at)
    value = float(windows.values[row, told, at])
    usual = float(reference.values[row, told, at])
    typical = None if np.isnan(usual) else usual
    contribution = float(explanation.contribution[row, at])
    fact = fact_in_words(feature, value, week_named(windows, row, told))
    usual_in_words = typical_in_words(feature, typical, bool(reference.same_grade[row]))
    return Factor(
        feature=feature.name,
        modality=feature.family,
        contribution=contribution,
        stderr=float(explanation.stderr[row, at]),
        value=value,
        typical=typical,
        weeks=_farthest(windows, reference, row, at),
        text=factor_in_words(fact, usual_in_words, contribution),
    )


def _is_good_news(factor: Factor) -> bool:
    feature = FEATURES[INDEX[factor.feature]]
    return factor.typical is not None and feature.is_better(factor.value, than=factor.typical)


def _stretch(
    windows: Windows, explanation: Explanation, row: int, at: int, family: str, weeks: slice
) -> Stretch:
    mondays = windows.week_start[row, weeks][windows.held[row, weeks]]
    first, last = iso_week(mondays[0]), iso_week(mondays[-1])
    contribution = float(explanation.contribution[row, at])
    return Stretch(
        modality=family,
        weeks=(first, last),
        contribution=contribution,
        stderr=float(explanation.stderr[row, at]),
        text=stretch_in_words(family, first, last, contribution),
    )


def _told_week(windows: Windows, reference: Reference, row: int, at: int) -> int:
    """The newest observed week; where it is just typical, the one that lay farthest from it."""
    newest = int(np.flatnonzero(windows.observed[row, :, at])[-1])
    away = _away(windows, reference, row, at)
    is_fact = away[newest] > JUST_TYPICAL * np.nanmax(away, initial=0)
    return newest if is_fact or np.isnan(away[newest]) else int(np.nanargmax(away))


def _away(windows: Windows, reference: Reference, row: int, at: int) -> Floats:
    """How far each week lay from what is typical; NaN where either is not observed."""
    away = np.abs(windows.values[row, :, at] - reference.values[row, :, at])
    both = windows.observed[row, :, at] & reference.observed[row, :, at]
    return np.where(both, away, np.nan).astype(np.float32)


def _farthest(windows: Windows, reference: Reference, row: int, at: int) -> tuple[str, ...]:
    """The weeks, in order, in which the feature lay farthest from what is typical.

    Of a feature that is typically not observed at all: the newest in which it was.
    """
    away = _away(windows, reference, row, at)
    chosen = np.flatnonzero(away > 0)
    chosen = chosen[np.argsort(-away[chosen], kind="stable")]
    if np.isnan(away).all():
        chosen = np.flatnonzero(windows.observed[row, :, at])[::-1]
    return tuple(
        iso_week(windows.week_start[row, week]) for week in sorted(chosen[:WEEKS_NAMED].tolist())
    )
