"""The band as the worklist shows it: one that does not flicker.

A band is a function of score and policy alone (law 11); only on the list that people work through
does it wait for a second week before it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edupulse.risk.bands import BANDS, Band

JUMP = 0.10
"""A change of the risk from one week to the next beyond which a band changes at once."""


@dataclass(frozen=True, slots=True)
class WeeklyScore:
    """One student's risk in one week, and its band under the policy of that week."""

    risk: float
    band: Band


def worklist_band(weeks: Sequence[WeeklyScore]) -> Band:
    """The band to show, from the weekly scores, the oldest first.

    It changes when the risk jumped by more than JUMP since the week before, or when two weeks
    following each other lie on the same side of the band shown: then to the nearer of their bands.
    """
    shown = weeks[0].band
    for before, now in pairwise(weeks):
        if abs(now.risk - before.risk) > JUMP:
            shown = now.band
        else:
            shown = _after_two(shown, before.band, now.band)
    return shown


def _after_two(shown: Band, before: Band, now: Band) -> Band:
    """The band after two quiet weeks: the nearer of the two where both lie on one side of it."""
    here, first, second = (BANDS.index(band) for band in (shown, before, now))
    if first > here and second > here:
        return BANDS[min(first, second)]
    if first < here and second < here:
        return BANDS[max(first, second)]
    return shown
