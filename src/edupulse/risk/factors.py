"""From shares of a logit to the few factors that a person reads."""

from __future__ import annotations

from datetime import date

import numpy as np

from edupulse.features.catalog import FEATURES
from edupulse.panel.windows import Windows
from edupulse.risk.explanation import Explanation, Reference
from edupulse.risk.risk import Factor
from edupulse.risk.wording import factor_in_words

WEEKS_NAMED = 3


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
    seen = np.flatnonzero(windows.observed[row, :, at])
    newest = int(seen[-1])
    value = float(windows.values[row, newest, at])
    usual = float(reference.values[row, newest, at])
    typical = None if np.isnan(usual) else usual
    contribution = float(explanation.contribution[row, at])
    is_current = newest == windows.held.shape[1] - 1
    week = None if is_current else iso_week(windows.week_start[row, newest])
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


def _farthest(windows: Windows, reference: Reference, row: int, at: int) -> tuple[str, ...]:
    """The weeks, in order, in which the feature lay farthest from what is typical."""
    seen = windows.observed[row, :, at]
    away = np.abs(windows.values[row, :, at] - reference.values[row, :, at])
    away = np.where(seen & np.isnan(away), np.inf, np.where(seen, away, 0))
    chosen = [week for week in np.argsort(-away, kind="stable")[:WEEKS_NAMED] if away[week] > 0]
    return tuple(iso_week(windows.week_start[row, week]) for week in sorted(chosen))
