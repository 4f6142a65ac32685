"""The rules that schools use today: ABC indicators and 45-day levels. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.features.catalog import NAMES
from edupulse.model.curves import Array
from edupulse.model.rows import Bools, OutcomeRows, WindowRows

_COLUMN = {name: place for place, name in enumerate(NAMES)}


@dataclass(frozen=True)
class Indicators:
    """Which indicators fired `[N, K]`, and which could be seen at all `[N, K]`.

    An indicator that could not be seen has not fired; it is counted as not observed.
    """

    names: tuple[str, ...]
    flagged: Bools
    observed: Bools

    @property
    def count(self) -> NDArray[np.int64]:
        """How many fired, `[N]`."""
        return np.asarray(self.flagged.sum(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class _Rule:
    """Fires when a feature is at or past its limit (strictly past it where `strictly`)."""

    name: str
    feature: str
    limit: float
    strictly: bool = False


_ABC = (
    _Rule("absent_10_percent", "absence_rate_ytd", 0.10),
    _Rule("suspended", "exclusion_days_ytd", 0.0, strictly=True),
    _Rule("failing_a_course", "failing_share", 0.0, strictly=True),
)
_FAILING = (
    _Rule("failing_a_course", "failing_share", 0.0, strictly=True),
    _Rule("failing_a_quarter", "failing_share", 0.25),
    _Rule("failing_half", "failing_share", 0.5),
)
#: Attendance levels of Somerville's early-warning tool, as limits on the absence rate.
_ABSENCE_LEVELS = (0.05, 0.10, 0.15, 0.20)
_INCIDENT_LEVELS = (5.0, 7.0)
_ROUNDING = 1e-6  # float32 0.1 must reach the limit 0.10


class AbcRules:
    """Balfanz's ABC: absent 10 % of the year, any suspension, a failing course.

    The 42 features know a course under the passing mark, not whether it is a core course.
    """

    name = "abc_rules"
    logit = False

    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """Rules learn nothing."""

    def score(self, windows: WindowRows) -> Array:
        """Indicators flagged, then absence rate, then lowest percent."""
        return _ranked(self.indicators(windows).count, windows)

    def indicators(self, windows: WindowRows) -> Indicators:
        """What fired in the last week of each row."""
        return _fired(_ABC, windows)


class LevelRules:
    """The 45-day levels: attendance below 95/90/85/80 %, failing courses, 5 or 7 incidents.

    Attendance over 45 days is 1 - excused - unexcused; where excuses are not recorded, the rate of
    the year. Each level passed is one indicator.
    """

    name = "level_rules"
    logit = False

    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """Rules learn nothing."""

    def score(self, windows: WindowRows) -> Array:
        """Levels passed, then absence rate, then lowest percent."""
        return _ranked(self.indicators(windows).count, windows)

    def indicators(self, windows: WindowRows) -> Indicators:
        """What fired in the last week of each row."""
        absence = _absence_d45(windows)
        incidents = _last(windows, "incident_rate_d45") * 45 / 100
        failing = _fired(_FAILING, windows)
        levels = np.column_stack(
            [absence > level + _ROUNDING for level in _ABSENCE_LEVELS]
            + [incidents >= level - _ROUNDING for level in _INCIDENT_LEVELS]
        )
        seen = np.column_stack(
            [~np.isnan(absence)] * len(_ABSENCE_LEVELS)
            + [~np.isnan(incidents)] * len(_INCIDENT_LEVELS)
        )
        names = [f"attendance_below_{100 * (1 - level):.0f}" for level in _ABSENCE_LEVELS]
        names += [f"incidents_{level:.0f}" for level in _INCIDENT_LEVELS]
        return Indicators(
            (*names, *failing.names),
            np.column_stack((levels & seen, failing.flagged)),
            np.column_stack((seen, failing.observed)),
        )


def _fired(rules: tuple[_Rule, ...], windows: WindowRows) -> Indicators:
    columns = [_last(windows, rule.feature) for rule in rules]
    flagged = [
        column > rule.limit + _ROUNDING if rule.strictly else column >= rule.limit - _ROUNDING
        for rule, column in zip(rules, columns, strict=True)
    ]
    observed = np.column_stack([~np.isnan(column) for column in columns])
    names = tuple(rule.name for rule in rules)
    return Indicators(names, np.column_stack(flagged) & observed, observed)


def _last(windows: WindowRows, feature: str) -> Array:
    """A feature in the last week, NaN where not observed."""
    place = _COLUMN[feature]
    seen = windows.observed[:, -1, place] & windows.held[:, -1]
    return np.where(seen, windows.values[:, -1, place], np.nan).astype(np.float64)


def _absence_d45(windows: WindowRows) -> Array:
    by_excuse = _last(windows, "unexcused_rate_d45") + _last(windows, "excused_rate_d45")
    return np.where(np.isnan(by_excuse), _last(windows, "absence_rate_ytd"), by_excuse)


def _ranked(count: NDArray[np.int64], windows: WindowRows) -> Array:
    """One number that orders by count, then absence rate, then lowest percent.

    It depends on its own row alone. The absence rate is cut to millionths, so that the percent
    decides only among equals; what is not observed ranks last.
    """
    absence = np.nan_to_num(_last(windows, "absence_rate_ytd")).clip(0, 1).round(6)
    percent = np.nan_to_num(_last(windows, "lowest_percent"), nan=100.0).clip(0, 100)
    return np.asarray(2.0 * count + absence + 4e-7 * (1 - percent / 100), dtype=np.float64)
