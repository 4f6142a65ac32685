"""The true probabilities are those of what the files record."""

from __future__ import annotations

import polars as pl
import pytest

from edupulse.simulator import District, DistrictPlan, district
from simulator.recorded import Recorded


@pytest.fixture(scope="module")
def told() -> District:
    """One year of 420 students, 700 pairs, 60 rollouts each."""
    return district(
        DistrictPlan(
            students=420, years=1, schools=6, truth_pairs=700, rollouts=60, seed=5, missingness=0.5
        )
    )


def test_the_realised_outcome_is_what_the_files_say(told: District) -> None:
    recorded = Recorded(told.frames)
    pairs = told.truth.probabilities.rows(named=True)
    assert len(pairs) > 400
    for pair in pairs:
        outcome = recorded.outcome(pair["student_id"], pair["school_id"], pair["as_of"])
        assert outcome["known"] == pair["known"]
        if pair["known"]:
            for part in ("chronic_absence", "withdrawal"):
                assert outcome[part] == pair[f"realised_{part}"]
            assert outcome["course_failure"] == bool(pair["realised_course_failure"])


def test_the_mean_probability_is_the_realised_rate(told: District) -> None:
    known = told.truth.probabilities.filter("known")
    chance, real = known["off_track"], known["realised_off_track"].cast(pl.Float64)
    spread = ((chance * (1 - chance)).sum() ** 0.5) / known.height
    assert abs(chance.mean() - real.mean()) < 4 * spread


def test_probabilities_are_calibrated_by_decile(told: District) -> None:
    known = told.truth.probabilities.filter("known").sort("off_track")
    for part in known.iter_slices(known.height // 10 + 1):
        chance, real = part["off_track"], part["realised_off_track"].cast(pl.Float64)
        # A probability of 60 rollouts has an error of its own, and sorting picks its extremes.
        spread = (0.25 / part.height) ** 0.5
        assert abs(chance.mean() - real.mean()) < 3.5 * spread


def test_as_of_days_rotate_over_weekdays_and_have_40_days_left(told: District) -> None:
    days = told.truth.probabilities["as_of"].unique().sort()
    assert days.dt.weekday().n_unique() >= 4
    assert days.max().month <= 4


def test_latent_paths_hold_one_row_for_each_enrolled_student_and_week(told: District) -> None:
    paths = told.truth.paths
    assert paths.select("student_id", "week").is_duplicated().sum() == 0
    assert (paths["week"].dt.weekday() == 1).all()
    assert paths["engagement"].is_finite().all()
