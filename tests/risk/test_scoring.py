from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.risk.scoring import CHUNK, Scorer
from edupulse.school.errors import CatalogMismatch
from panel.random_windows import random_windows


def test_one_student_alone_scores_as_in_a_batch(scorer, windows):
    together = scorer.score(windows)
    alone = [scorer.score(windows.take([row])).risk[0] for row in range(0, 100, 7)]
    np.testing.assert_allclose(alone, together.risk[0:100:7], rtol=0, atol=1e-6)


def test_the_order_of_rows_does_not_matter(scorer, windows):
    order = np.random.default_rng(0).permutation(len(windows))
    shuffled = scorer.score(windows.take(order)).risk
    np.testing.assert_allclose(shuffled, scorer.score(windows).risk[order], rtol=0, atol=1e-6)


def test_scores_differ_and_stay_in_bounds(scorer, windows):
    scores = scorer.score(windows)
    assert scores.risk.std() > 0.01
    assert (scores.low <= scores.risk).all()
    assert (scores.risk <= scores.high).all()
    assert ((scores.risk >= 0) & (scores.risk <= 1)).all()
    np.testing.assert_allclose(scores.severity.sum(1), 1, atol=1e-5)


def test_the_risk_rises_with_the_logit(scorer, windows):
    scores = scorer.score(windows)
    assert (np.diff(scores.risk[np.argsort(scores.logit)]) >= 0).all()


def test_attention_gives_padded_weeks_nothing(scorer, windows):
    scores = scorer.score(windows)
    assert np.abs(scores.attention[~windows.held]).max() < 1e-6


def test_no_rows_give_no_scores(scorer, windows):
    scores = scorer.score(windows.take(np.zeros(0, np.int64)))
    assert scores.risk.shape == (0,)
    assert scores.attention.shape == (0, 20)


@pytest.mark.parametrize("shape", [{"features": 41}, {"features": 43}, {"weeks": 19}])
def test_windows_of_other_features_are_refused(scorer, shape):
    with pytest.raises(CatalogMismatch):
        scorer.score(random_windows(2, **shape))


def test_several_threads_say_the_same(graph, calibration, scorer, windows):
    wide = Scorer(graph, calibration, threads=2).score(windows.take(range(CHUNK + 1)))
    np.testing.assert_allclose(wide.risk, scorer.score(windows).risk[: CHUNK + 1], atol=1e-6)


def test_what_is_not_observed_cannot_move_a_score(scorer, windows):
    hidden = replace(windows, values=np.where(windows.observed, windows.values, 1e6))
    np.testing.assert_array_equal(
        scorer.score(replace(hidden, values=hidden.values.astype(np.float32))).logit,
        scorer.score(windows).logit,
    )
