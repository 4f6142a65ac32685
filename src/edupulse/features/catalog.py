"""The 42 features, each declared once: name, unit, family, definition, bounds, missing rule, words.

Their order is the order of every panel and of every checkpoint. `docs/features.md`, the API's
descriptions and the portal's texts are made from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CATALOG_VERSION = "1"
"""Goes up with every change of a definition, the order or the number of features (law 8)."""

ATTENDANCE, GRADES, DISCIPLINE = "attendance", "grades", "discipline"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a student's instructional week.

    `low` and `high` bound every observed value. `missing` says when it is not observed. `fact` is
    the raw fact in words, a format template of `value`.
    """

    name: str
    unit: str
    family: str
    doc: str
    low: float
    high: float
    missing: str
    fact: str

    def in_words(self, value: float) -> str:
        """The raw fact behind an observed value, for people."""
        return self.fact.format(value=value)


def _attendance() -> tuple[Feature, ...]:
    no_excuses = "No day of the window in a school that records excuses."
    few_weeks = "Fewer than 4 of the 8 weeks have at least 3 days."
    return tuple(
        Feature(name, unit, ATTENDANCE, doc, low, high, missing, fact)
        for name, unit, doc, low, high, missing, fact in (
            (
                "attendance_rate_w",
                "0–1",
                "1 − Σa/E over the week.",
                0,
                1,
                "No observed day in the week.",
                "{value:.0%} of this week attended",
            ),
            (
                "attendance_rate_d20",
                "0–1",
                "1 − Σa/E over the last 20 days.",
                0,
                1,
                "Fewer than 10 observed days.",
                "{value:.0%} of the last 20 school days attended",
            ),
            (
                "absence_rate_ytd",
                "0–1",
                "Σa/E since the school year began; 0.10 and more is chronic absence (ESSA).",
                0,
                1,
                "Fewer than 10 observed days.",
                "{value:.0%} of this year's school days missed",
            ),
            (
                "unexcused_rate_d45",
                "0–1",
                "Unexcused Σa/E over the last 45 days.",
                0,
                1,
                no_excuses,
                "{value:.0%} of the last 45 school days missed unexcused",
            ),
            (
                "excused_rate_d45",
                "0–1",
                "Excused Σa/E over the last 45 days.",
                0,
                1,
                no_excuses,
                "{value:.0%} of the last 45 school days missed with an excuse",
            ),
            (
                "tardy_rate_d20",
                "per day",
                "Days with a tardy ÷ E over the last 20 days.",
                0,
                1,
                "No day of the window in a school that records tardies.",
                "late on {value:.0%} of the last 20 school days",
            ),
            (
                "partial_day_rate_d20",
                "0–1",
                "Days with 0 < a < 1 ÷ E over the last 20 days (class cutting).",
                0,
                1,
                "No day of the window in a school that records parts of days.",
                "part of the day missed on {value:.0%} of the last 20 school days",
            ),
            (
                "longest_streak_d45",
                "days",
                "Longest run of consecutive observed days with a ≥ 0.5 in the last 45.",
                0,
                45,
                "No observed day.",
                "longest absence in the last 45 school days: {value:.0f} in a row",
            ),
            (
                "days_since_absence",
                "days",
                "Observed days since the last with a ≥ 0.5; 0 on that day; 60 if more or none.",
                0,
                60,
                "No observed day.",
                "last absent {value:.0f} school days ago (60: longer ago, or never)",
            ),
            (
                "attendance_slope_w8",
                "pp/week",
                "Theil–Sen slope of the weekly attendance rates of the last 8 instructional "
                "weeks, of those with at least 3 observed days.",
                -100,
                100,
                few_weeks,
                "attendance changed by {value:+.1f} points a week over 8 weeks",
            ),
            (
                "attendance_volatility_w8",
                "0–1",
                "1.4826 × MAD of the same weekly rates.",
                0,
                1,
                few_weeks,
                "weekly attendance swings by {value:.0%}",
            ),
            (
                "absence_change_d20",
                "pp",
                "Absence rate of the last 20 days − of the 20 before.",
                -100,
                100,
                "Fewer than 20 observed days in either.",
                "absence changed by {value:+.0f} points against the 20 school days before",
            ),
            (
                "monday_friday_excess_d60",
                "pp",
                "Absence rate on Mondays and Fridays − on Tuesdays to Thursdays over the last 60 "
                "days, each shrunk to the student's own rate with a prior of 20 days.",
                -100,
                100,
                "Fewer than 6 observed days in either.",
                "{value:+.0f} points more absence on Mondays and Fridays",
            ),
            (
                "weekday_concentration_d60",
                "0–1",
                "1 − H(p)/ln K over the K weekdays with observed days in the last 60: "
                "r = (A + 1)/(E + 5) of each, p = r/Σr.",
                0,
                1,
                "Fewer than 3 days with a ≥ 0.5, or only one weekday.",
                "absences gather on certain weekdays ({value:.2f} of 1)",
            ),
        )
    )


def _grades() -> tuple[Feature, ...]:
    no_course = "No current course has a percent."
    return tuple(
        Feature(name, unit, GRADES, doc, low, high, missing, fact)
        for name, unit, doc, low, high, missing, fact in (
            (
                "gpa_ytd",
                "0–4",
                "Credit-weighted grade points, unweighted for honors, of the current and closed "
                "courses of the school year.",
                0,
                4,
                "No course of the year has a percent or letter.",
                "grade point average of the year {value:.2f}",
            ),
            (
                "gpa_term",
                "0–4",
                "Credit-weighted grade points of the current courses (non-cumulative).",
                0,
                4,
                "No current course has a percent or letter.",
                "grade point average of the term {value:.2f}",
            ),
            (
                "gpa_change_prev",
                "0–4",
                "gpa_term − the same of the last term that had closed, at most 366 days before.",
                -4,
                4,
                "No gpa_term, or no closed term with one.",
                "grade point average {value:+.2f} against the term before",
            ),
            (
                "percent_slope_w8",
                "pp/week",
                "Theil–Sen slope over the last 8 instructional weeks of the mean current percent.",
                -100,
                100,
                "Fewer than 4 weeks with a current percent.",
                "the mean of courses changed by {value:+.1f} points a week over 8 weeks",
            ),
            (
                "percent_volatility_w8",
                "pp",
                "1.4826 × MAD of the percents of single marks due in the last 8 weeks.",
                0,
                100,
                "Fewer than 5 marks.",
                "single marks swing by {value:.0f} points",
            ),
            (
                "max_drop_d20",
                "pp",
                "Largest earlier − later week-end percent of one current course in its term "
                "within the last 20 instructional days, with at least 3 marks at both ends; "
                "0 if none.",
                0,
                100,
                no_course,
                "one course dropped by {value:.0f} points within 20 school days",
            ),
            (
                "lowest_percent",
                "0–100",
                "Lowest current percent.",
                0,
                100,
                no_course,
                "lowest course at {value:.0f} %",
            ),
            (
                "ela_percent",
                "0–100",
                "Credit-weighted current percent in English language arts (SCED 01).",
                0,
                100,
                "No current course of it has a percent.",
                "English at {value:.0f} %",
            ),
            (
                "math_percent",
                "0–100",
                "Credit-weighted current percent in mathematics (SCED 02).",
                0,
                100,
                "No current course of it has a percent.",
                "mathematics at {value:.0f} %",
            ),
            (
                "core_percent",
                "0–100",
                "Credit-weighted current percent of the four core subjects.",
                0,
                100,
                "Fewer than 2 core courses have a percent.",
                "core courses at {value:.0f} %",
            ),
            (
                "core_elective_gap",
                "pp",
                "Credit-weighted mean of core courses − of the others.",
                -100,
                100,
                "Either has no course with a percent.",
                "core courses {value:+.0f} points against the others",
            ),
            (
                "core_spread",
                "pp",
                "Highest − lowest core subject.",
                0,
                100,
                "Fewer than 2 core subjects have a percent.",
                "{value:.0f} points between best and weakest core subject",
            ),
            (
                "failing_share",
                "0–1",
                "Current courses under the passing mark ÷ those with a percent (or a code that "
                "says whether it passes).",
                0,
                1,
                no_course,
                "{value:.0%} of courses below the passing mark",
            ),
            (
                "missing_work_rate_d20",
                "0–1",
                "Marks due in the last 20 days and missing ÷ marks due, the excused left out, "
                "counted from the third instructional day after they were due.",
                0,
                1,
                "No school that records its gradebook, or fewer than 3 due.",
                "{value:.0%} of the work due in the last 20 school days not handed in",
            ),
            (
                "assessment_practice_gap_d45",
                "pp",
                "Mean percent of assessments − of practice work due in the last 45 days.",
                -100,
                100,
                "Fewer than 2 of either.",
                "assessments {value:+.0f} points against practice work",
            ),
        )
    )


def _discipline() -> tuple[Feature, ...]:
    unrecorded = "No day of the window in a school that records incidents."
    no_incident = "No incident in the window."
    return tuple(
        Feature(name, unit, DISCIPLINE, doc, low, high, missing, fact)
        for name, unit, doc, low, high, missing, fact in (
            (
                "incident_days_w",
                "days",
                "Distinct incident days in the week.",
                0,
                7,
                unrecorded,
                "incidents on {value:.0f} days this week",
            ),
            (
                "incident_rate_d45",
                "per 100 days",
                "100 × distinct incident days ÷ E over the last 45 days.",
                0,
                100,
                "Fewer than 10 observed days.",
                "{value:.0f} incident days per 100 school days",
            ),
            (
                "severity_load_d60",
                "points",
                "Σ severity × 0.5^(age ÷ 20 days) over the last 60 days.",
                0,
                100,
                unrecorded,
                "recent incidents weigh {value:.1f} points",
            ),
            (
                "severity_max_d60",
                "1–5",
                "Highest severity of the last 60 days.",
                1,
                5,
                no_incident,
                "most severe incident in 60 school days: {value:.0f} of 5",
            ),
            (
                "severity_mean_d60",
                "1–5",
                "Mean severity of the last 60 days.",
                1,
                5,
                no_incident,
                "mean severity in 60 school days: {value:.1f} of 5",
            ),
            (
                "severity_slope_d60",
                "points/incident",
                "Theil–Sen slope of severity over the order of incidents of the last 60 days.",
                -4,
                4,
                "Fewer than 3 incidents.",
                "severity changes by {value:+.1f} from incident to incident",
            ),
            (
                "incident_change_d20",
                "per 100 days",
                "Incident days per 100 of the last 20 days − of the 20 before.",
                -100,
                100,
                "Fewer than 20 observed days in either.",
                "incident days per 100 changed by {value:+.0f} against the 20 school days before",
            ),
            (
                "days_since_incident",
                "days",
                "Observed days since the last incident; 0 on that day; 120 if more or none.",
                0,
                120,
                unrecorded,
                "last incident {value:.0f} school days ago (120: longer ago, or never)",
            ),
            (
                "median_gap_ytd",
                "days",
                "Median gap between this school year's incident days.",
                0,
                366,
                "Fewer than 2 incident days.",
                "{value:.0f} school days between incidents",
            ),
            (
                "recidivism_30_ytd",
                "0–1",
                "Share of this school year's incidents followed by one on a later day within 30 "
                "observed days, of those whose 30 days have passed.",
                0,
                1,
                "No incident's 30 days have passed.",
                "{value:.0%} of this year's incidents were followed by another within 30 days",
            ),
            (
                "repeat_behavior_d60",
                "0–1",
                "Share of incidents of the last 60 days whose behavior occurred before in them.",
                0,
                1,
                "Fewer than 2 incidents.",
                "{value:.0%} of recent incidents repeat a behavior",
            ),
            (
                "exclusion_days_ytd",
                "days",
                "In- and out-of-school suspension and expulsion days served so far: of each begun "
                "this school year min(days, instructional days elapsed).",
                0,
                366,
                "No day of the school year in a school that records incidents.",
                "{value:.1f} school days lost to exclusion this year",
            ),
            (
                "behavior_variety_d60",
                "0–1",
                "(distinct behaviors + 1) ÷ (incidents + 2) over the last 60 days.",
                0,
                1,
                no_incident,
                "variety of behaviors {value:.2f} of 1",
            ),
        )
    )


FEATURES: tuple[Feature, ...] = (*_attendance(), *_grades(), *_discipline())
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
INDEX: Mapping[str, int] = MappingProxyType({name: at for at, name in enumerate(NAMES)})
FAMILIES: Mapping[str, slice] = MappingProxyType(
    {ATTENDANCE: slice(0, 14), GRADES: slice(14, 29), DISCIPLINE: slice(29, 42)}
)
"""Which columns of `values[..., 42]` belong to each family."""
