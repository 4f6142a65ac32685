"""The line and the trees learn what is planted, and say the same twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edupulse.model.baselines.boosting import boosting_all_weeks, boosting_last_week
from edupulse.model.baselines.linear import LinearLastWeek
from edupulse.model.baselines.summaries import all_weeks, last_week
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.gru_contender import GruContender, gru_last_week, last_weeks
from edupulse.panel.splits import hashed_share
from edupulse.school.errors import NotReady
from model.planted_rows import planted_labels, random_rows

TINY = TrainingConfig(learning_rate=0.01, batch=128, epochs=2, threads=1)


def contenders():
    return [
        LinearLastWeek(),
        boosting_last_week(),
        boosting_all_weeks(),
        gru_last_week(NetworkConfig(hidden=8), TINY),
    ]


@pytest.mark.parametrize("contender", contenders(), ids=lambda c: c.name)
def test_a_planted_signal_is_learned_and_unknown_outcomes_are_not_read(contender):
    rows = random_rows(1000)
    labels = planted_labels(rows, slope=3.0)
    known = ~hashed_share(rows.student, 0.2, salt=3)
    lies = replace(labels, known=known, off_track=np.where(known, labels.off_track, True))
    contender.fit(rows, lies)
    fresh = random_rows(600, seed=8)
    truth = planted_labels(fresh, slope=3.0, seed=9)
    assert roc_auc_score(truth.off_track, contender.score(fresh)) > 0.78


@pytest.mark.parametrize("contender", contenders(), ids=lambda c: c.name)
def test_a_family_that_no_school_records_is_no_obstacle(contender):
    rows = random_rows(400)
    observed = rows.observed.copy()
    observed[:, :, 29:] = False  # discipline
    rows = replace(rows, observed=observed, values=np.where(observed, rows.values, np.nan))
    contender.fit(rows, planted_labels(rows, slope=3.0))
    assert np.isfinite(contender.score(rows)).all()


@pytest.mark.parametrize("contender", contenders(), ids=lambda c: c.name)
def test_one_class_alone_is_refused(contender):
    rows = random_rows(100)
    labels = planted_labels(rows)
    with pytest.raises(NotReady):
        contender.fit(rows, replace(labels, off_track=labels.off_track & False))


def test_summaries_by_hand():
    rows = random_rows(1)
    values = np.full_like(rows.values, np.nan)
    values[0, -4:, 0] = [1, np.nan, 5, 4]
    rows = replace(rows, values=values, observed=~np.isnan(values), held=np.ones_like(rows.held))
    summary = all_weeks(rows).reshape(6, -1)[:, 0]
    slope = np.polyfit([0, 2, 3], [1, 5, 4], 1)[0]
    np.testing.assert_allclose(summary, [4, 10 / 3, 1, 5, slope, 3 / 20], rtol=1e-5)
    assert np.isnan(all_weeks(rows).reshape(6, -1)[:5, 1]).all()
    assert last_week(rows)[0, 0] == 4


def test_a_value_hidden_behind_its_flag_reaches_no_summary():
    rows = random_rows(50)
    filled = replace(rows, values=np.where(rows.observed, rows.values, 77.0).astype(np.float32))
    np.testing.assert_array_equal(all_weeks(rows), all_weeks(filled))


def test_the_network_on_the_last_week_sees_nothing_else():
    rows = random_rows(30)
    cut = last_weeks(rows, 1)
    assert cut.values.shape == (30, 1, 42)
    assert last_weeks(rows, 20) is rows
    assert GruContender().config.weeks == 20
