"""The few raw facts that stand first on a student's page, before any score."""

from __future__ import annotations

import numpy as np

from edupulse.features.catalog import FEATURES, INDEX
from edupulse.panel.windows import Windows
from edupulse.risk.explanation import Reference
from edupulse.risk.factors import week_named
from edupulse.risk.risk import Fact
from edupulse.risk.wording import fact_in_words, typical_in_words

FIRST_TOLD = (
    "attendance_rate_d20",
    "absence_rate_ytd",
    "tardy_rate_d20",
    "gpa_term",
    "lowest_percent",
    "failing_share",
    "missing_work_rate_d20",
    "incident_rate_d45",
    "exclusion_days_ytd",
)
"""What the ABC literature looks at first; the other features are on `edupulse features`."""


def facts_of(windows: Windows, reference: Reference | None, row: int) -> tuple[Fact, ...]:
    """The first facts of one row, those observed in some week; without a reference none is typical.

    The order is fixed, so that no model decides what is told first.
    """
    observed = windows.observed[row] & windows.held[row][:, None]
    return tuple(
        _fact(windows, reference, row, INDEX[name])
        for name in FIRST_TOLD
        if observed[:, INDEX[name]].any()
    )


def _fact(windows: Windows, reference: Reference | None, row: int, at: int) -> Fact:
    feature = FEATURES[at]
    observed = windows.observed[row, :, at] & windows.held[row]
    newest = int(np.flatnonzero(observed)[-1])
    value = float(windows.values[row, newest, at])
    text = fact_in_words(feature, value, week_named(windows, row, newest))
    if reference is None:
        return Fact(feature.name, feature.family, value, None, f"{text}.")
    usual = float(reference.values[row, newest, at])
    typical = None if np.isnan(usual) else usual
    beside = typical_in_words(feature, typical, bool(reference.same_grade[row]))
    return Fact(feature.name, feature.family, value, typical, f"{text}; {beside}.")
