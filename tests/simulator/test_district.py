"""The same plan gives the same bytes; each knob does what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from edupulse.school.errors import BadInput
from edupulse.simulator import DistrictPlan, district, simulate

TINY = DistrictPlan(students=60, years=1, schools=3, seed=2, truth_pairs=30, rollouts=5)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.csv"))}


def test_the_same_plan_gives_the_same_bytes_in_any_block_size(tmp_path: Path) -> None:
    simulate(TINY, tmp_path / "one")
    simulate(replace(TINY, block=17), tmp_path / "two")
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    for name in ("paths", "probabilities"):
        one, two = (
            pl.read_parquet(tmp_path / f / "truth" / f"{name}.parquet") for f in ("one", "two")
        )
        assert one.equals(two)


def test_another_seed_gives_another_district() -> None:
    plain = replace(TINY, truth_pairs=0)
    one, two = district(plain), district(replace(plain, seed=3))
    assert not one.frames["attendance"].equals(two.frames["attendance"])


def test_the_folder_holds_what_the_district_holds(tmp_path: Path) -> None:
    plain = replace(TINY, truth_pairs=0)
    summary = simulate(plain, tmp_path / "out", compress="zst")
    frames = district(plain).frames
    assert summary.rows == {name: frame.height for name, frame in frames.items()}
    marks = pl.read_csv(tmp_path / "out" / "marks.csv.zst", infer_schema_length=None)
    assert marks["points"].to_list() == frames["marks"]["points"].to_list()


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    seen: list[float] = []
    simulate(replace(TINY, block=40, truth_pairs=0), tmp_path / "out", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadInput):
        simulate(TINY, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "wrong", [{"students": 0}, {"signal": -1.0}, {"missingness": 2.0}, {"intervention_share": 1.5}]
)
def test_an_impossible_plan_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        replace(TINY, **wrong)


def _missed(plan: DistrictPlan, students: pl.Series | None = None) -> float:
    rows = district(plan).frames["attendance"].filter(~pl.col("retracted"))
    rows = rows if students is None else rows.filter(pl.col("student_id").is_in(students.implode()))
    return float(rows["fraction"].sum())


NO_TRUTH = replace(TINY, students=240, truth_pairs=0)


def test_an_intervention_helps_the_treated_and_leaves_the_others_as_they_were() -> None:
    treated = replace(NO_TRUTH, intervention_share=0.5, intervention_effect=1.5)
    names = district(treated).truth.interventions["student_id"]
    everyone = district(NO_TRUTH).frames["students"]["student_id"]
    others = everyone.filter(~everyone.is_in(names.implode()))
    assert 0.35 < names.len() / everyone.len() < 0.65
    assert _missed(treated, names) < 0.8 * _missed(NO_TRUTH, names)
    assert _missed(treated, others) == _missed(NO_TRUTH, others)


def test_bias_adds_recorded_referrals_of_the_biased_group_alone() -> None:
    def referrals(bias: float) -> dict[str, int]:
        frames = district(replace(NO_TRUTH, referral_bias=bias, biased_groups=("black",))).frames
        rows = frames["incidents"].filter(~pl.col("overturned"), role="perpetrator")
        named = rows.join(frames["demographics"], on="student_id")
        return {
            word: named.filter((pl.col("race_ethnicity") == "black") == is_black).height
            for word, is_black in (("black", True), ("other", False))
        }

    fair, biased = referrals(1.0), referrals(4.0)
    assert biased["other"] == fair["other"]
    assert biased["black"] > 2 * fair["black"]


def test_groups_follow_hardship_unless_told_otherwise() -> None:
    def engagement_gap(group_hardship: float) -> float:
        plan = replace(NO_TRUTH, students=1500, group_hardship=group_hardship)
        told = district(plan, only=("demographics",))
        mean = told.truth.paths.group_by("student_id").agg(pl.col("engagement").mean())
        named = mean.join(told.frames["demographics"], on="student_id")
        poor, other = (named.filter(pl.col("low_income") == is_poor) for is_poor in (True, False))
        return float(poor["engagement"].mean() - other["engagement"].mean())

    assert engagement_gap(1.0) < -0.2
    assert abs(engagement_gap(0.0)) < 0.1


def test_writing_some_files_alone_changes_nothing_in_them() -> None:
    every = district(NO_TRUTH).frames
    some = district(NO_TRUTH, only=("incidents", "attendance")).frames
    for name in ("incidents", "attendance", "schools"):
        assert some[name].equals(every[name])
    assert "marks" not in some


def test_without_signal_engagement_moves_nothing() -> None:
    def link(signal: float) -> float:
        told = district(replace(NO_TRUTH, signal=signal))
        missed = told.frames["attendance"].group_by("student_id").agg(pl.col("fraction").sum())
        mean = told.truth.paths.group_by("student_id").agg(pl.col("engagement").mean())
        joined = mean.join(missed, on="student_id", how="left").fill_null(0)
        return float(joined.select(pl.corr("engagement", "fraction", method="spearman")).item())

    assert abs(link(0.0)) < 0.2
    assert link(1.0) < -0.4


def test_missingness_takes_the_attendance_system_down() -> None:
    def gaps(missingness: float) -> int:
        frames = district(replace(NO_TRUTH, missingness=missingness)).frames
        return frames["coverage"].filter(kind="attendance").height - frames["schools"].height

    assert gaps(0.0) == 0
    assert gaps(1.0) > 0


def test_the_size_of_the_district_stays_about_the_same() -> None:
    frames = district(replace(NO_TRUTH, students=600, years=3)).frames
    stays = frames["enrollments"].filter(pl.col("left_on").is_null())
    year = pl.col("entered_on").dt.offset_by("6mo").dt.year()
    sizes = stays.group_by(year).agg(pl.col("student_id").n_unique().alias("n"))["n"]
    assert sizes.min() / sizes.max() > 0.85
