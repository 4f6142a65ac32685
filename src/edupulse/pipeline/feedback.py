"""Outcomes that educators saw become labels, counted, never silently."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from edupulse.panel.outcomes import Outcomes
from edupulse.panel.windows import Flags, Levels, Windows, utc

NEAR = np.timedelta64(14, "D")
"""What was said of one day is a label of the nearest as-of day, if that is so near."""


def heed(
    windows: Windows, outcomes: Outcomes, seen: pl.DataFrame, now: datetime
) -> tuple[Outcomes, Flags]:
    """The outcomes with what educators saw, and which rows bool[N] that made known or changed.

    Only a closed horizon takes a label (law 6); of two educators the later one counts.
    """
    label = _labels(windows, seen)
    said = (label >= 0) & (outcomes.closes_at <= utc(now))
    off_track = np.where(said, label == 1, outcomes.off_track)
    severity = np.where(off_track, np.maximum(outcomes.severity, 1), 0)
    heeded = replace(
        outcomes,
        known=outcomes.known | said,
        off_track=off_track,
        severity=np.where(said, severity, outcomes.severity).astype(np.int8),
    )
    changed = said & (~outcomes.known | (off_track != outcomes.off_track))
    return heeded, np.asarray(changed, np.bool_)


def _labels(windows: Windows, seen: pl.DataFrame) -> Levels:
    """1 off track, 0 not, -1 unsaid, of each row."""
    label = np.full(len(windows), -1, np.int8)
    for student, as_of, off_track in seen.iter_rows():
        rows = np.flatnonzero(windows.student == student)
        if not rows.size:
            continue
        away = np.abs(windows.as_of[rows] - utc(as_of))
        nearest = int(np.argmin(away))
        if away[nearest] <= NEAR:
            label[rows[nearest]] = off_track
    return label
