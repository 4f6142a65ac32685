"""Facts in words: what was recorded, what is typical, and which way it moved the score.

A factor raised or lowered the score of a network; whether it caused anything, nobody knows.
"""

from __future__ import annotations

from string import Formatter

from edupulse.features.catalog import Feature
from edupulse.panel.seasons import ENOUGH_DAYS, IN_SEASON_DAYS, State

RULES_IN_WORDS = {
    "absent_10_percent": "at least 10 % of this year's school days missed",
    "suspended": "suspended or expelled this year",
    "failing_a_course": "a course below the passing mark",
    "failing_a_quarter": "at least a quarter of the courses below the passing mark",
    "failing_half": "at least half of the courses below the passing mark",
    "attendance_below_95": "attendance of the last 45 school days below 95 %",
    "attendance_below_90": "attendance of the last 45 school days below 90 %",
    "attendance_below_85": "attendance of the last 45 school days below 85 %",
    "attendance_below_80": "attendance of the last 45 school days below 80 %",
    "incidents_5": "at least 5 days with incidents in 45 school days",
    "incidents_7": "at least 7 days with incidents in 45 school days",
}


FAMILIES_IN_WORDS = {
    "attendance": "attendance",
    "grades": "grades and handed-in work",
    "discipline": "discipline incidents",
}


def fact_in_words(feature: Feature, value: float, week: str | None) -> str:
    """One raw fact; `week` where it is not of the current one."""
    fact = feature.in_words(value)
    when = f" (in week {week})" if week else ""
    return f"{fact[:1].upper()}{fact[1:]}{when}"


def typical_in_words(feature: Feature, typical: float | None, same_grade: bool) -> str:
    """What is usual among peers."""
    usual = "typically not recorded" if typical is None else f"typical {shown(feature, typical)}"
    return f"{usual} {'in this grade' if same_grade else 'among students of all grades'}"


def factor_in_words(fact: str, usual: str, contribution: float) -> str:
    """One factor as a sentence: the fact, what is usual, and which way it moved the score."""
    return f"{fact}; {usual}; {_direction(contribution)} the score."


def stretch_in_words(family: str, first: str, last: str, contribution: float) -> str:
    """One family's part over a stretch of weeks as a sentence."""
    what = FAMILIES_IN_WORDS[family]
    when = f"week {first}" if first == last else f"weeks {first} to {last}"
    return f"{what[:1].upper()}{what[1:]} of {when} {_direction(contribution)} the score."


def no_score_in_words(state: State, enrolled_days: int, days_left: int) -> str | None:
    """Why there is no score in that state; None where there may be one."""
    if state == "out_of_season":
        return (
            f"Out of season: the school year holds {days_left} more school days; with fewer than "
            f"{IN_SEASON_DAYS} too little can still come of a prediction. Facts and rules only."
        )
    if state == "insufficient_data":
        return (
            f"Insufficient data: enrolled for {enrolled_days} school days of this year. A score "
            f"needs {ENOUGH_DAYS} days, or weeks of the year before, with records of them."
        )
    return None


def _direction(contribution: float) -> str:
    return "raised" if contribution > 0 else "lowered"


def shown(feature: Feature, value: float) -> str:
    """A value as the feature's own fact shows it, without the words around."""
    unit = " %" if "} %" in feature.fact else ""
    for _, field, spec, _ in Formatter().parse(feature.fact):
        if field == "value":
            return format(value, spec or "") + unit
    return f"{value:g}"
