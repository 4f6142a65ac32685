"""An evaluation: intervals that cover, fair differences, populations, the way to JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edupulse.features.catalog import NAMES
from edupulse.model.baselines.linear import LinearLastWeek
from edupulse.model.baselines.rules import AbcRules
from edupulse.model.contest import compete, rules, standard_contenders
from edupulse.model.evaluation import LATENT_BOUND, Evaluation, Prediction, evaluate
from edupulse.model.leads import Timing
from edupulse.school.errors import BadInput, NotFound, NotReady
from edupulse.store.experiments import Measure
from model.planted_rows import planted_labels, random_rows


@pytest.fixture(scope="module")
def rows():
    return random_rows(1000, seed=3)


@pytest.fixture(scope="module")
def labels(rows):
    return planted_labels(rows)


@pytest.fixture(scope="module")
def evaluation(rows, labels) -> Evaluation:
    noise = np.random.default_rng(0).normal(size=1000)
    in_set = np.column_stack((labels.truth <= 0.7, labels.truth >= 0.3))
    good = Prediction(
        "good", labels.truth, labels.truth, None, labels.truth - 0.1, labels.truth + 0.2, in_set
    )
    poor = Prediction("poor", noise, flagged=noise > 0)
    latent = np.where(np.arange(1000) < 500, labels.truth, np.nan)
    late = {"second_day": np.arange(1000) % 2 == 1}
    days = np.where(labels.off_track, np.datetime64("1970-01-15"), np.datetime64("NaT", "D"))
    timing = Timing(days, lambda at, day: day.astype(np.int64) - rows.as_of[at])
    return evaluate(
        [good, poor], rows, labels, latent=latent, timing=timing, also=late, replicates=100
    )


def test_values_are_those_of_the_rows_themselves(evaluation, labels):
    auroc = evaluation.result("good").metrics["auroc"]
    assert auroc.value == pytest.approx(roc_auc_score(labels.off_track, labels.truth))
    assert auroc.low < auroc.value < auroc.high


def test_every_metric_is_there(evaluation):
    ranked = {"auroc", "average_precision", "precision_5", "recall_5", "precision_10", "recall_10"}
    calibrated = {"brier", "calibration_error", "calibration_slope", "mean_error"}
    sets = {"interval_width", "coverage_on_track", "coverage_off_track", "undecided"}
    leads = {"in_time_high", "lead_days_high", "in_time_10", "lead_days_10"}
    flags = {"sensitivity", "specificity", "balanced_accuracy"}
    assert set(evaluation.result("good").metrics) == ranked | calibrated | sets | leads
    assert set(evaluation.result("poor").metrics) == ranked | flags | leads


def test_an_experiment_is_measured_by_what_an_evaluation_measures_of_a_network(evaluation):
    assert set(get_args(Measure)) == set(evaluation.result("good").metrics)


def test_intervals_and_sets_are_those_of_the_rows(evaluation, labels):
    found = evaluation.result("good").metrics
    assert found["interval_width"].value == pytest.approx(0.3)
    truth, off_track = labels.truth, labels.off_track
    assert found["coverage_on_track"].value == pytest.approx((truth <= 0.7)[~off_track].mean())
    assert found["coverage_off_track"].value == pytest.approx((truth >= 0.3)[off_track].mean())
    inside = ((truth >= 0.3) & (truth <= 0.7)).mean()
    assert found["undecided"].value == pytest.approx(inside)


def test_a_lead_counts_from_the_first_high_risk(evaluation, rows, labels):
    students = np.unique(rows.student[labels.off_track])
    high = np.unique(rows.student[labels.truth >= 0.3])
    found = evaluation.result("good").metrics
    assert found["in_time_high"].value == pytest.approx(np.isin(students, high).mean())
    assert found["lead_days_high"].value in (13, 14)


def test_a_population_can_be_named(evaluation, labels):
    assert evaluation.result("good", "second_day").rows == 500
    rate = labels.off_track[1::2].mean()
    assert evaluation.result("good", "second_day").base_rate == pytest.approx(rate)


def test_new_onset_are_the_rows_without_an_abc_flag(evaluation, rows, labels):
    rest = ~AbcRules().indicators(rows).flagged.any(axis=1)
    assert evaluation.result("good", "new_onset").rows == rest.sum()
    assert 0 < rest.sum() < len(rest)


def test_the_latent_bound_is_compared_on_its_own_rows(evaluation):
    bound = evaluation.result(LATENT_BOUND, "truth_known")
    assert bound.rows == 500
    assert bound.metrics["auroc"] == evaluation.result("good", "truth_known").metrics["auroc"]


def test_differences_are_paired(evaluation):
    gain = evaluation.difference("good", "poor", "auroc")
    loss = evaluation.difference("poor", "good", "auroc")
    assert gain.low > 0
    assert (gain.value, gain.low) == pytest.approx((-loss.value, -loss.high))
    same = evaluation.difference("good", LATENT_BOUND, "auroc", "truth_known")
    assert (same.low, same.high) == (0.0, 0.0)


def test_unknown_outcomes_change_nothing(rows, labels, evaluation):
    known = np.arange(1000) % 4 != 0
    lies = replace(labels, known=known, off_track=np.where(known, labels.off_track, True))
    good = Prediction("good", labels.truth)
    first = evaluate([good], rows, lies, replicates=5)
    second = evaluate([good], rows, replace(labels, known=known), replicates=5)
    assert first == second


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = random_rows(120)
        risk = rng.beta(2, 4, size=120)
        labels = replace(planted_labels(rows), off_track=rng.random(120) < risk)
        rate = evaluate([Prediction("one", risk, risk)], rows, labels, replicates=60, seed=seed)
        error = rate.result("one").metrics["mean_error"]
        covered += error.low <= 0 <= error.high
    assert 49 <= covered <= 60


def test_students_are_resampled_whole():
    rows = random_rows(400)
    clustered = replace(rows, student=np.arange(400) // 20)  # 20 students of 20 equal rows
    labels = replace(planted_labels(rows), off_track=clustered.student % 4 == 0)
    half = Prediction("half", np.full(400, 0.5), np.full(400, 0.5))
    widths = []
    for windows in (replace(rows, student=np.arange(400)), clustered):
        error = evaluate([half], windows, labels).result("half").metrics["mean_error"]
        widths.append(error.high - error.low)
    assert widths[1] / widths[0] == pytest.approx(20**0.5, rel=0.25)


def test_json_and_back(evaluation):
    assert Evaluation.from_json(evaluation.to_json()) == evaluation
    with pytest.raises(BadInput):
        Evaluation.from_json(b'{"results": 3}')


def test_what_was_not_evaluated_is_not_found(evaluation):
    with pytest.raises(NotFound):
        evaluation.result("astrology")
    with pytest.raises(NotFound):
        evaluation.difference("good", "astrology", "auroc")


def test_one_class_alone_cannot_be_evaluated(rows, labels):
    with pytest.raises(NotReady):
        evaluate([], rows, replace(labels, off_track=labels.off_track & False))


def test_contenders_compete_on_the_same_rows_each_calibrated_on_its_own_part(labels, rows):
    calibration = random_rows(1200, seed=11)
    told = []
    predictions = compete(
        [*rules(), LinearLastWeek()],
        (rows, labels),
        (calibration, planted_labels(calibration, seed=4)),
        rows,
        progress=told.append,
    )
    assert told == ["abc_rules", "level_rules", "logistic_last_week"]
    assert [prediction.risk is None for prediction in predictions] == [True, True, False]
    assert [prediction.flagged is None for prediction in predictions] == [False, False, True]
    assert predictions[2].risk.mean() == pytest.approx(labels.truth.mean(), abs=0.05)
    assert len(standard_contenders()) == 5
    assert NAMES[2] == "absence_rate_ytd"
