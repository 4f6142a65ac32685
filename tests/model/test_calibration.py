"""Calibrated risks: monotone, honest, the same from the table as from the method."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from edupulse.model.calibration import CURVES, calibrate, choose, conformal, venn_abers
from edupulse.model.curves import fit_isotonic, fit_logistic, fit_platt, sigmoid
from edupulse.school.errors import NotReady


def sample(count, seed=0, slope=1.0, shift=0.0, bend=0.0):
    """Logits, and labels that a distorted truth made; students with two rows each."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.0, 1.5, size=count)
    truth = sigmoid(slope * logits + shift + bend * np.maximum(logits, 0.0))
    return logits, rng.random(count) < truth, np.arange(count) // 2, truth


@pytest.mark.parametrize("name", CURVES)
@given(seed=st.integers(0, 10_000), count=st.integers(10, 300))
@settings(max_examples=25)
def test_every_curve_is_monotone_and_between_0_and_1(name, seed, count):
    logits, labels, _, _ = sample(count, seed)
    labels[:2] = [True, False]
    risk = CURVES[name](logits, labels).at(np.linspace(-30, 30, 500))
    assert (np.diff(risk) >= 0).all()
    assert 0 < risk[0] <= risk[-1] < 1


def test_newton_agrees_with_scikit_learn():
    logits, labels, _, _ = sample(2000)
    ours = fit_logistic(logits[:, None], labels.astype(float))
    theirs = LogisticRegression(C=np.inf, tol=1e-8).fit(logits[:, None], labels)
    assert ours == pytest.approx([theirs.coef_[0, 0], theirs.intercept_[0]], abs=1e-3)


def test_the_isotonic_table_agrees_with_scikit_learn_between_its_knots_too():
    logits, labels, _, _ = sample(500)
    logits = logits.round(1)  # with ties
    theirs = IsotonicRegression(y_min=1 / 502, y_max=501 / 502, out_of_bounds="clip")
    theirs.fit(logits, labels)
    where = np.linspace(-8, 8, 333)
    np.testing.assert_allclose(fit_isotonic(logits, labels).at(where), theirs.predict(where))


def test_platts_table_equals_the_formula():
    logits, labels, _, _ = sample(500)
    table = fit_platt(logits, labels)
    (low, high), (at_low, at_high) = (
        (values[200], values[400])
        for values in (table.x, np.log(table.y) - np.log1p(-np.array(table.y)))
    )
    slope = (at_high - at_low) / (high - low)
    intercept = at_low - slope * low
    where = np.random.default_rng(0).uniform(-10, 10, 500)
    np.testing.assert_allclose(table.at(where), sigmoid(slope * where + intercept), atol=5e-5)


def test_a_distorted_score_is_put_right():
    logits, labels, student, _ = sample(8000, slope=0.5, shift=0.7)
    fresh, _, _, truth = sample(4000, seed=9, slope=0.5, shift=0.7)
    fitted = calibrate(logits, labels, student)
    assert np.abs(fitted.risk(fresh) - truth).mean() < 0.015


def test_few_rows_get_the_two_parameter_curve():
    logits, labels, student, _ = sample(150, bend=3.0)
    assert choose(logits, labels, student) == "platt"


def test_a_straight_score_keeps_platts_curve_and_a_bent_one_does_not():
    assert choose(*sample(6000)[:3]) == "platt"
    assert choose(*sample(6000, bend=-1.6)[:3]) != "platt"


@given(seed=st.integers(0, 10_000), count=st.integers(4, 40))
@settings(max_examples=20)
def test_venn_abers_equals_isotonic_fits_with_the_point_added(seed, count):
    logits, labels, _, _ = sample(count, seed)
    logits = logits.round(1)
    lower, upper = venn_abers(logits, labels)
    for label, table in ((0.0, lower), (1.0, upper)):
        for x, y in zip(table.x, table.y, strict=True):
            refit = IsotonicRegression().fit(np.append(logits, x), np.append(labels, label))
            assert y == pytest.approx(refit.predict([x])[0], abs=1e-9)


def test_the_interval_holds_the_risk_and_narrows_with_data():
    widths = []
    for count in (300, 6000):
        logits, labels, student, _ = sample(count)
        fitted = calibrate(logits, labels, student)
        low, high = fitted.interval(logits)
        risk = fitted.risk(logits)
        assert ((low <= risk) & (risk <= high)).all()
        widths.append((high - low).mean())
    assert widths[1] < widths[0] / 2


def test_prediction_sets_cover_each_class_as_promised():
    covered = []
    for seed in range(5):
        logits, labels, student, _ = sample(6000, seed=seed)
        fresh, truth, _, _ = sample(6000, seed=100 + seed)
        members = calibrate(logits, labels, student).prediction_set(fresh)
        covered.append([members[~truth, 0].mean(), members[truth, 1].mean()])
    assert np.mean(covered, axis=0) == pytest.approx([0.9, 0.9], abs=0.02)


def test_too_few_rows_of_a_class_put_it_into_every_set():
    risk, labels = np.array([0.1, 0.2, 0.9]), np.array([False, False, True])
    assert conformal(risk, labels, 0.9) == (1.0, 1.0)


def test_a_calibration_is_plain_data():
    fitted = calibrate(*sample(400)[:3])
    assert json.loads(json.dumps(asdict(fitted)))["method"] == fitted.method


def test_one_class_alone_cannot_calibrate():
    logits, labels, student, _ = sample(100)
    with pytest.raises(NotReady):
        calibrate(logits, labels & False, student)
