"""The constants of the process, set from published marginals before any model was run on it.

See docs/decisions/0004-simulator.md for the marginals, what came out, and what else was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Nature:
    """How engagement moves, and how it moves what a school can see."""

    # Engagement: an autocorrelated mood, and crises that come at once and leave slowly.
    mood_keep: float = 0.92
    mood_spread: float = 0.50
    crisis_a_week: float = 0.013
    crisis_size: float = 1.4
    load_keep: float = 0.92
    relief_a_week: float = 0.03
    withdrawal_pace: float = 0.25  # work falls with the load; coming to school follows later

    # Attendance.
    trait_spread: float = 0.98
    avoid: float = -3.91
    illness_a_day: float = 0.0058
    illness_days: float = 2.1
    partial_a_day: float = 0.010
    tardy_a_day: float = 0.030

    # Course work.
    work_trait: float = 0.75
    missing: float = -4.62
    missing_by_work: float = 1.4
    missing_when_absent: float = 2.1
    handed_in_late: float = 0.45
    late_share: float = 0.85
    quality: float = 92.5
    quality_by_ability: float = 4.0
    quality_by_work: float = 3.5
    quality_by_aptitude: float = 3.0
    quality_by_backlog: float = 4.2
    quality_noise: float = 9.0
    backlog_keep: float = 0.95

    # Conduct.
    incident_a_day: float = 0.0033
    incident_by_conduct: float = 0.75
    victim_a_day: float = 0.0004
    exclusion_weighs: float = 0.35

    # Moves, a school year.
    drop_out: float = 0.017
    drop_by_engagement: float = 0.85
    move_away: float = 0.045
    move_within: float = 0.025
    comes_back: float = 0.25
