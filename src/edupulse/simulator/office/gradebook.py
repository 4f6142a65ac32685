"""Marks and course grades as entered: with a delay, late work as a second version."""

from __future__ import annotations

import numpy as np
import polars as pl

from edupulse.simulator.courses import ASSESSMENT_WEIGHT, PRACTICE_WEIGHT
from edupulse.simulator.office.desk import Desk, section_ids, term_ids
from edupulse.simulator.story import Columns, Story
from edupulse.simulator.work import LATE, MISSING, SCORED, SECOND_WEIGHT

STATUS = ["scored", "missing", "late", "excused"]
LETTERS = np.array(["F", "D", "C", "B", "A"])
FLOORS = np.array([60.0, 70.0, 80.0, 90.0])


def marks(story: Story, desk: Desk) -> pl.DataFrame:
    """`marks.csv` of a block, all versions."""
    facts = story.facts.get("marks")
    if facts is None:
        return _marks_frame(_no_marks(), desk)
    courses = desk.world.courses
    kept = desk.world.places.records["gradebook"][courses.school[facts["section"]]]
    facts = {name: column[kept] for name, column in facts.items()}
    facts["key"] = facts["day"] * 8 + courses.slot[facts["section"]]
    lot = desk.lot("graded", facts["row"], facts["key"])
    known = facts["day"] + 1 + (lot * 7).astype(np.int32)
    late = facts["status"] == LATE
    wrong = (facts["status"] == SCORED) & (desk.lot("typo", facts["row"], facts["key"]) < 0.015)
    arrives = facts["day"] + facts["lag"] + 1 + (lot * 3).astype(np.int32)
    fixed = known + 3 + (lot * 17).astype(np.int32)
    final = np.where(late, arrives, np.where(wrong, fixed, known))
    first = np.where(wrong, SCORED, MISSING).astype(np.int8)
    slip = np.floor(facts["points"] / 2)
    versions = _versions(facts, final, facts["status"], facts["points"], np.full(late.size, True))
    early = np.where(late, facts["day"] + 1, known)
    before = _versions(facts, early, first, slip, late | wrong)
    return _marks_frame(pl.concat([versions, before]), desk)


def _no_marks() -> pl.DataFrame:
    none = np.zeros(0, np.int32)
    facts: Columns = dict.fromkeys(("row", "section", "day", "possible"), none)
    facts["assessment"] = np.zeros(0, np.bool_)
    return _versions(facts, none, none.astype(np.int8), none.astype(float), none.astype(bool))


def _versions(
    facts: Columns, known: np.ndarray, status: np.ndarray, points: np.ndarray, kept: np.ndarray
) -> pl.DataFrame:
    names = ("row", "section", "day", "possible", "assessment")
    columns = {name: facts[name][kept] for name in names}
    columns["row"] = columns["row"].astype(np.int32)
    return pl.DataFrame(
        {
            **columns,
            "known": known[kept].astype(np.int32),
            "status": status[kept],
            "points": points[kept].astype(np.float32),
        }
    )


def _marks_frame(rows: pl.DataFrame, desk: Desk) -> pl.DataFrame:
    places, courses = desk.world.places, desk.world.courses
    rows = rows.sort("row", "day", "section", "known")
    section, day = rows["section"].to_numpy(), rows["day"].to_numpy()
    school, year = courses.school[section], courses.year[section]
    test = rows["assessment"].to_numpy()
    offset = day - courses.year_begins[year]
    scored = rows["status"].is_in([SCORED, LATE])
    weight = np.where(places.weighted[school], np.where(test, SECOND_WEIGHT, 1.0), np.nan)
    share = np.where(test, ASSESSMENT_WEIGHT, PRACTICE_WEIGHT)
    share = np.where(places.by_category[school], share, np.nan)
    return pl.DataFrame(
        [
            desk.students(rows["row"].to_numpy()),
            pl.Series("section_id", section_ids(courses.count)).gather(section),
            pl.Series("assignment_id", [f"A{n:03d}" for n in range(367)]).gather(offset),
            desk.dates("due_on", day),
            pl.Series("category", ["practice", "assessment"]).gather(test.astype(np.int64)),
            _blank("points", rows["points"], scored),
            rows["possible"].alias("points_possible"),
            pl.Series("status", STATUS).gather(rows["status"]),
            pl.Series("weight", weight).fill_nan(None),
            pl.Series("category_weight", share).fill_nan(None),
            desk.dates("known_at", rows["known"].to_numpy()),
        ]
    )


def _blank(name: str, values: pl.Series, kept: pl.Series) -> pl.Series:
    return pl.select(pl.when(kept).then(values).alias(name)).to_series()


def course_grades(story: Story, desk: Desk) -> pl.DataFrame:
    """`course_grades.csv` of a block: percents, or letters where the school gives letters."""
    facts = story.facts.get("grades")
    if facts is None:
        none = np.zeros(0, np.int32)
        facts = dict.fromkeys(("row", "day", "school", "term", "section"), none)
        facts |= {"percent": none.astype(float), "final": none.astype(bool)}
    kept = ~np.isnan(facts["percent"])
    facts = {name: column[kept] for name, column in facts.items()}
    final, section = facts["final"], facts["section"]
    posted = facts["day"] + np.where(final, 2 + section % 5, 1 + section % 3)
    key = facts["day"] * 8 + desk.world.courses.slot[section]
    lot = desk.lot("posted", facts["row"], key)
    wrong = final & (desk.lot("regraded", facts["row"], key) < 0.02)
    known = posted + (lot < 0.1)
    fixed = known + 3 + (lot * 17).astype(np.int32)
    true = _grades(facts, posted, np.where(wrong, fixed, known), facts["percent"])
    first = {name: column[wrong] for name, column in facts.items()}
    slip = np.round(np.maximum(first["percent"] - 12.0, 0.0), 1)
    return _grades_frame(pl.concat([true, _grades(first, posted[wrong], known[wrong], slip)]), desk)


def _grades(
    facts: Columns, posted: np.ndarray, known: np.ndarray, percent: np.ndarray
) -> pl.DataFrame:
    names = ("row", "day", "school", "term", "section", "final")
    return pl.DataFrame(
        {
            **{name: facts[name] for name in names},
            "posted": posted.astype(np.int32),
            "known": known.astype(np.int32),
            "percent": percent,
        }
    )


def _grades_frame(rows: pl.DataFrame, desk: Desk) -> pl.DataFrame:
    places, courses = desk.world.places, desk.world.courses
    rows = rows.sort("row", "day", "final", "section", "known")
    percent = rows["percent"].to_numpy()
    lettered = pl.Series(places.letters[rows["school"].to_numpy()])
    letter = pl.Series(LETTERS[np.searchsorted(FLOORS, percent, side="right")].astype(str))
    return pl.DataFrame(
        [
            desk.students(rows["row"].to_numpy()),
            pl.Series("section_id", section_ids(courses.count)).gather(rows["section"]),
            desk.dates("posted_on", rows["posted"].to_numpy()),
            _blank("percent", rows["percent"], ~lettered),
            _blank("code", letter.cast(pl.String), lettered),
            pl.Series("term_id", term_ids(places)).gather(rows["term"]),
            pl.Series("kind", ["progress", "final"]).gather(rows["final"].cast(pl.Int32)),
            desk.dates("known_at", rows["known"].to_numpy()),
        ]
    )
