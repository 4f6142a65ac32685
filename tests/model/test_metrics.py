"""Our metrics are scikit-learn's, with weights, ties and groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    roc_auc_score,
)

from edupulse.model import metrics
from edupulse.model.metrics import Ranking


def sample(seed, count=200, ties=True):
    rng = np.random.default_rng(seed)
    risk = rng.beta(1, 3, size=count)
    risk = risk.round(1).clip(0.05, 0.95) if ties else risk
    label = rng.random(count) < risk
    label[:2] = [True, False]
    weights = rng.integers(0, 4, size=(3, count)).astype(np.float32)
    weights[:, :2] = 1
    return risk, label, weights


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=15)
def test_ranking_metrics_agree_with_scikit_learn(seed, ties):
    risk, label, weights = sample(seed, ties=ties)
    ranking = Ranking(risk, label, weights)
    for k, weight in enumerate(weights):
        assert ranking.auroc()[k] == pytest.approx(roc_auc_score(label, risk, sample_weight=weight))
        assert ranking.average_precision()[k] == pytest.approx(
            average_precision_score(label, risk, sample_weight=weight)
        )


def test_brier_and_balanced_accuracy_agree_with_scikit_learn():
    risk, label, weights = sample(1)
    rates = metrics.flag_rates(risk >= 0.3, label, weights)
    for k, weight in enumerate(weights):
        assert metrics.brier(risk, label, weights)[k] == pytest.approx(
            brier_score_loss(label, risk, sample_weight=weight)
        )
        assert (rates[0][k] + rates[1][k]) / 2 == pytest.approx(
            balanced_accuracy_score(label, risk >= 0.3, sample_weight=weight)
        )


def test_the_slope_agrees_with_scikit_learn():
    risk, label, weights = sample(2, count=400, ties=False)
    x = np.log(risk / (1 - risk))[:, None]
    for slope, weight in zip(metrics.calibration_slope(risk, label, weights), weights, strict=True):
        theirs = LogisticRegression(C=np.inf, tol=1e-8).fit(x, label, sample_weight=weight)
        assert slope == pytest.approx(theirs.coef_[0, 0], abs=2e-3)


def test_an_overconfident_risk_has_a_slope_below_one():
    risk, label, _ = sample(3, count=5000, ties=False)
    one = np.ones((1, 5000))
    extreme = 1 / (1 + ((1 - risk) / risk) ** 2)
    assert metrics.calibration_slope(risk, label, one)[0] == pytest.approx(1.0, abs=0.12)
    assert metrics.calibration_slope(extreme, label, one)[0] == pytest.approx(0.5, abs=0.06)


def test_capacity_is_counted_within_each_school_and_day():
    score = np.array([9, 8, 7, 6, 1, 2, 3, 4.0])
    label = np.array([1, 0, 1, 0, 0, 0, 0, 1], dtype=bool)
    group = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    precision, recall = Ranking(score, label, np.ones((1, 8)), group).at_capacity(0.25)
    assert (precision[0], recall[0]) == (1.0, pytest.approx(2 / 3))


def test_tied_scores_share_the_last_places():
    label = np.array([True, False, False, False])
    ranking = Ranking(np.zeros(4), label, np.ones((1, 4)), np.zeros(4, dtype=int))
    precision, recall = ranking.at_capacity(0.5)
    assert (precision[0], recall[0]) == (0.25, 0.5)
    assert ranking.auroc()[0] == 0.5


def test_a_row_of_weight_two_counts_as_two_rows():
    risk, label, weights = sample(4)
    group = np.arange(len(risk)) % 3
    weight = weights[:1]
    times = weight[0].astype(int)
    twice = Ranking(
        np.repeat(risk, times), np.repeat(label, times), np.ones((1, times.sum())),
        np.repeat(group, times),
    )  # fmt: skip
    np.testing.assert_allclose(
        Ranking(risk, label, weight, group).at_capacity(0.1), twice.at_capacity(0.1)
    )


def test_a_perfectly_calibrated_risk_has_no_error_and_one_class_has_no_auroc():
    risk = np.repeat([0.25, 0.75], 400)
    label = np.concatenate((np.arange(400) % 4 == 0, np.arange(400) % 4 != 0))
    one = np.ones((1, 800))
    assert metrics.mean_error(risk, label, one)[0] == pytest.approx(0.0)
    assert metrics.calibration_error(risk, label, one)[0] == pytest.approx(0.0, abs=0.02)
    assert np.isnan(Ranking(risk, label & False, one).auroc()[0])


def test_a_list_names_the_first_of_every_group_and_no_more_by_lot_among_equals():
    group = np.repeat([3, 1, 2], [10, 20, 5])
    score = np.random.default_rng(4).random(35)
    on_list = metrics.named(score, group, 0.2)
    for one, length in ((3, 2), (1, 4), (2, 1)):
        inside = group == one
        assert on_list[inside].sum() == length
        assert score[inside & on_list].min() > score[inside & ~on_list].max()
    assert metrics.named(np.zeros(35), group, 0.2).sum() == 7
    assert metrics.named(score, group, 0.0).sum() == 0
