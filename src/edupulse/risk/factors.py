"""From shares of a logit to the few factors that a person reads."""

from __future__ import annotations

from datetime import date

import numpy as np

from edupulse.features.catalog import FEATURES
from edupulse.panel.windows import Floats, Windows
from edupulse.risk.explanation import Explanation, Reference
from edupulse.risk.risk import Factor
from edupulse.risk.wording import factor_in_words

WEEKS_NAMED = 3
JUST_TYPICAL = 0.05
"""Nearer to typical than this part of the farthest week is no fact to raise or lower a score."""


def factors_of(
    windows: Windows, reference: Reference, explanation: Explanation, row: int
) -> tuple[Factor, ...]:
    """The strongest factors of one row, in words."""
    return tuple(
        _factor(windows, reference, explanation, row, int(at)) for at in explanation.strongest(row)
    )


def iso_week(monday: np.datetime64) -> str:
    """A week as `2026-W09`."""
    day: date = monday.astype("datetime64[D]").item()
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def _factor(
    windows: Windows, reference: Reference, explanation: Explanation, row: int, at: int
) -> Factor:
    feature = FEATURES[at]
    told = _told_week(windows, reference, row, at)
    value = float(windows.values[row, told, at])
    usual = float(reference.values[row, told, at])
    typical = None if np.isnan(usual) else usual
    contribution = float(explanation.contribution[row, at])
    is_current = told == windows.held.shape[1] - 1
    week = None if is_current else iso_week(windows.week_start[row, told])
    return Factor(
        feature=feature.name,
        modality=feature.family,
        contribution=contribution,
        stderr=float(explanation.stderr[row, at]),
        value=value,
        typical=typical,
        weeks=_farthest(windows, reference, row, at),
        text=factor_in_words(feature, value, typical, contribution, week),
    )


def _told_week(windows: Windows, reference: Reference, row: int, at: int) -> int:
    """The newest observed week; where it is just typical, the one that lay farthest from it."""
    newest = int(np.flatnonzero(windows.observed[row, :, at])[-1])
    away = _away(windows, reference, row, at)
    return newest if away[newest] > JUST_TYPICAL * away.max() else int(np.argmax(away))


def _away(windows: Windows, reference: Reference, row: int, at: int) -> Floats:
    """How far each week lay from what is typical; infinitely, where nothing is typical."""
    seen = windows.observed[row, :, at]
    away = np.abs(windows.values[row, :, at] - reference.values[row, :, at])
    return np.where(seen & np.isnan(away), np.inf, np.where(seen, away, 0))


def _farthest(windows: Windows, reference: Reference, row: int, at: int) -> tuple[str, ...]:
    """The weeks, in order, in which the feature lay farthest from what is typical."""
    away = _away(windows, reference, row, at)
    chosen = [week for week in np.argsort(-away, kind="stable")[:WEEKS_NAMED] if away[week] > 0]
    return tuple(iso_week(windows.week_start[row, week]) for week in sorted(chosen))
