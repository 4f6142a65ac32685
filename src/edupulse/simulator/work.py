"""Course work: what is handed in and how good it is, and the percent that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.attendance import Attendance
from edupulse.simulator.courses import ASSESSMENT_WEIGHT, PRACTICE_WEIGHT, Courses
from edupulse.simulator.nature import Nature
from edupulse.simulator.places import Places
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.state import State

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

SCORED, MISSING, LATE, EXCUSED = range(4)
SECOND_WEIGHT = 2.0  # of an assessment, in schools that weigh single marks
CARE = np.array([-1.6] * 6 + [-0.8] * 3 + [0.0] * 4)  # work missing, by grade level: fewer early on


@dataclass(frozen=True)
class Work:
    """One row for each piece of work due today; `lag` is the days until late work comes in."""

    row: Rows
    section: npt.NDArray[np.int32]
    points: Floats
    possible: npt.NDArray[np.uint8]
    assessment: npt.NDArray[np.bool_]
    status: npt.NDArray[np.int8]
    lag: npt.NDArray[np.int32]


def hand_in(
    state: State,
    here: Rows,
    seen: Attendance,
    places: Places,
    courses: Courses,
    day: int,
    nature: Nature,
    plan: DistrictPlan,
    slots: int,
) -> Work:
    """The work due today in the first `slots` courses of the students in `here`.

    Adds it to the points of their terms.
    """
    offset = day - int(courses.year_begins[places.year_of(day)])
    at, slot = np.nonzero(courses.points[:, offset][state.sections[here, :slots]])
    row = here[at]
    section = state.sections[row, slot]
    fate = draws.fork_by(draws.fork(state.fate[row], "work", day), slot)
    effort = plan.signal * state.effort(here)[at]
    away = (seen.missed[at] >= 0.5) | seen.out[at]
    status, lag = _status(fate, effort, CARE[state.grade[row]], away, seen.excused[at], nature)
    quality = _quality(state, row, slot, fate, effort, courses.leniency[section], nature)
    possible = courses.points[section, offset]
    points = np.round(possible * quality / 50.0) / 2.0
    points = np.where(status == LATE, np.floor(nature.late_share * points), points)
    points = np.where((status == SCORED) | (status == LATE), points, 0.0)
    assessment = courses.assessment[section, offset]
    ends = np.array([t.ends for t in places.terms], np.int32)[state.term[row]]
    in_time = (status != LATE) | (day + lag <= ends)
    weight = np.where(places.weighted[state.school[row]] & assessment, SECOND_WEIGHT, 1.0)
    weight = weight * (status != EXCUSED)
    category = assessment.astype(np.intp)
    state.earned[row, slot, category] += (weight * points * in_time).astype(np.float32)
    state.possible[row, slot, category] += (weight * possible).astype(np.float32)
    return Work(row, section, points, possible, assessment, status, lag)


def _status(
    fate: draws.Keys,
    effort: Floats,
    care: Floats,
    away: npt.NDArray[np.bool_],
    excused: npt.NDArray[np.bool_],
    nature: Nature,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    logit = nature.missing + care - nature.missing_by_work * effort
    logit = logit + nature.missing_when_absent * away
    missing = draws.uniform(fate, "missing") < 1.0 / (1.0 + np.exp(-logit))
    late = missing & (draws.uniform(fate, "late") < nature.handed_in_late)
    free = away & excused & (draws.uniform(fate, "free") < 0.2)
    status = np.where(late, LATE, np.where(missing, MISSING, SCORED))
    lag = 2 + (draws.uniform(fate, "lag") * 14).astype(np.int32)
    return np.where(free, EXCUSED, status).astype(np.int8), lag


def _quality(
    state: State,
    row: Rows,
    slot: Rows,
    fate: draws.Keys,
    effort: Floats,
    leniency: Floats,
    nature: Nature,
) -> Floats:
    """Percent of the points, 0 to 100."""
    return np.clip(
        nature.quality
        + nature.quality_by_ability * state.ability[row]
        + nature.quality_by_work * effort
        + nature.quality_by_aptitude * state.aptitude[row, slot]
        - nature.quality_by_backlog * state.backlog[row]
        + leniency
        + nature.quality_noise * draws.normal(fate, "quality"),
        0.0,
        100.0,
    )


def percents(state: State, rows: Rows, places: Places) -> Floats:
    """The percent of each course this term, to a tenth: `[rows, slot]`; NaN where none is due."""
    earned = state.earned[rows].astype(np.float64)
    possible = state.possible[rows].astype(np.float64)
    shares = np.where(places.by_category[state.school[rows]], 1.0, 0.0)[:, None, None]
    weights = np.array([PRACTICE_WEIGHT, ASSESSMENT_WEIGHT]) * (possible > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_points = earned.sum(axis=2) / possible.sum(axis=2)
        parts = np.where(possible > 0, earned / possible, 0.0)
        by_category = (weights * parts).sum(axis=2) / weights.sum(axis=2)
    return np.asarray(np.round(np.where(shares[:, :, 0] > 0, by_category, by_points) * 100.0, 1))
