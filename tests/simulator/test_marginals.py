"""The realism that was fixed before any model was run: published marginals, within bands."""

from __future__ import annotations

import polars as pl
import pytest

from edupulse.simulator import DistrictPlan, district
from simulator.recorded import newest

Frames = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def year() -> Frames:
    """One year of 2,000 students at six schools."""
    return district(DistrictPlan(students=2000, years=1, schools=6, truth_pairs=0, seed=11)).frames


@pytest.fixture(scope="module")
def rates(year: Frames) -> pl.DataFrame:
    """Each student's share of enrolled days missed, for those with 30 days or more."""
    stays = newest("enrollments", year["enrollments"])
    days = newest("calendar", year["calendar"]).filter("instructional")
    enrolled = (
        stays.join(days, on="school_id")
        .filter(pl.col("date").is_between("entered_on", "left_on"))
        .group_by("student_id")
        .len("days")
    )
    merged = dict(year["student_ids"].iter_rows())
    missed = (
        newest("attendance", year["attendance"])
        .filter(pl.col("status").is_in(["excused", "unexcused", "absent"]))
        .filter(pl.col("reason").is_null())
        .with_columns(pl.col("student_id").replace(merged))
        .group_by("student_id")
        .agg(pl.col("fraction").sum().alias("missed"))
    )
    return (
        enrolled.filter(pl.col("days") >= 30)
        .join(missed, on="student_id", how="left")
        .with_columns(rate=pl.col("missed").fill_null(0.0) / pl.col("days"))
    )


def test_a_school_year_has_about_175_to_180_days(year: Frames) -> None:
    days = newest("calendar", year["calendar"]).filter("instructional").group_by("school_id").len()
    five_days = days.filter(pl.col("school_id") != "E03")["len"]
    assert 174 <= five_days.min() <= five_days.max() <= 180
    assert 138 <= days.filter(school_id="E03")["len"].item() <= 150


def test_absences_are_like_published_ones(rates: pl.DataFrame) -> None:
    assert 0.05 <= rates["rate"].mean() <= 0.08
    assert 0.17 <= (rates["rate"] >= 0.10).mean() <= 0.28
    assert 0.03 <= (rates["rate"] >= 0.20).mean() <= 0.07


def test_about_one_student_in_twenty_is_suspended_in_a_year(year: Frames) -> None:
    out = year["exclusions"].filter(pl.col("kind") != "in_school")["student_id"].n_unique()
    recording = year["schools"].filter("records_incidents")
    students = (
        year["enrollments"].join(recording, on="school_id", how="semi")["student_id"].n_unique()
    )
    assert 0.035 <= out / students <= 0.08


def test_about_86_of_100_graduate(year: Frames) -> None:
    stays = newest("enrollments", year["enrollments"])
    share = 1.0
    for grade in range(9, 13):
        of_grade = stays.filter(grade_level=grade)
        dropped = of_grade.filter(exit_type="dropped_out").height
        share *= 1 - dropped / of_grade["student_id"].n_unique()
    ended = stays.filter(pl.col("exit_type").is_in(["graduated", "other"]), grade_level=12)
    share *= (ended["exit_type"] == "graduated").mean()
    assert 0.80 <= share <= 0.92


def test_ten_days_missed_in_a_semester_go_with_two_failed_classes(year: Frames) -> None:
    half = pl.col("date").dt.month() < 7
    missed = (
        newest("attendance", year["attendance"])
        .filter(pl.col("school_id").str.starts_with("H"))
        .filter(pl.col("status").is_in(["excused", "unexcused", "absent"]))
        .group_by("student_id", spring=half)
        .agg(pl.col("fraction").sum().alias("missed"))
    )
    spring = pl.col("term_id").str.slice(4).is_in(["Q3", "Q4", "S2"])
    failed = (
        newest("course_grades", year["course_grades"])
        .filter(kind="final")
        .filter((pl.col("percent") < 60) | (pl.col("code") == "F"))
        .group_by("student_id", spring=spring)
        .agg(pl.col("section_id").n_unique().alias("failed"))
    )
    both = missed.join(failed, on=["student_id", "spring"], how="left").fill_null(0)
    often = both.filter(pl.col("missed") >= 10)["failed"].mean()
    seldom = both.filter(pl.col("missed") < 5)["failed"].mean()
    assert 1.4 <= often <= 3.0
    assert seldom <= 0.3


def test_the_groups_of_harder_homes_miss_more_by_context_alone(
    year: Frames, rates: pl.DataFrame
) -> None:
    chronic = (
        rates.join(year["demographics"], on="student_id")
        .group_by("race_ethnicity")
        .agg((pl.col("rate") >= 0.1).mean().alias("chronic"))
    )
    by_group = dict(chronic.iter_rows())
    assert by_group["asian"] < by_group["black"]
    assert by_group["white"] < by_group["hispanic"]
