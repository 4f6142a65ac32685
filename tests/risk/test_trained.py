"""From training to factors through a stored checkpoint: the signal that was planted is named."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from edupulse.model.assembly import assemble
from edupulse.model.calibration import calibrate
from edupulse.model.checkpoint import Provenance, read_checkpoint
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.gate import decide
from edupulse.model.peers import fit_peers
from edupulse.model.training import train
from edupulse.panel.definition import OFF_TRACK
from edupulse.panel.panel import Panel
from edupulse.panel.splits import hashed_share
from edupulse.risk.assessment import Assessor
from edupulse.risk.bands import DEFAULT_POLICY
from model.planted_rows import planted_labels
from panel.random_windows import random_windows
from risk.conftest import SIZES

PLANTED = 20
FAST = TrainingConfig(learning_rate=0.01, batch=64, epochs=6, threads=1)


@pytest.fixture(scope="module")
def assessor(tmp_path_factory) -> Assessor:
    rows = random_windows(1500, seed=2)
    labels = planted_labels(rows, feature=PLANTED, slope=3)
    trained = train(
        rows,
        labels,
        validation=hashed_share(rows.student, 0.15),
        network=NetworkConfig(hidden=4),
        training=FAST,
    )
    logits, _ = trained.predict(rows)
    calibration = calibrate(logits, labels.off_track, rows.student)
    risk = calibration.risk(logits)
    flagged = np.zeros(len(rows), np.bool_)
    methods = [
        Prediction("gru_attention", risk, risk),
        Prediction("abc_rules", flagged.astype(float), flagged=flagged),
    ]
    evaluation = evaluate(methods, rows, labels, flagged=flagged, replicates=10)
    checkpoint = assemble(
        tmp_path_factory.mktemp("checkpoints"),
        trained,
        calibration=calibration,
        peers=fit_peers(rows, SIZES),
        evaluation=evaluation,
        gate=decide(evaluation, "gru_attention"),
        provenance=Provenance(
            OFF_TRACK.to_json(), DEFAULT_POLICY.to_json(), {"days": "1"}, "simulated"
        ),
        probe=rows.take(range(40)),
    )
    return Assessor.of(read_checkpoint(checkpoint.path))


@pytest.mark.slow
def test_a_trained_network_names_the_planted_feature_nine_times_in_ten(assessor):
    assert assessor.outcome == OFF_TRACK
    assert assessor.policy == DEFAULT_POLICY
    windows = random_windows(200, seed=9)
    signal = windows.observed[:, -1, PLANTED] & (np.abs(windows.values[:, -1, PLANTED]) > 1)
    deviant = windows.take(np.flatnonzero(signal)[:20])
    days = np.full(20, 90, np.int32)
    panel = Panel(
        datetime(2025, 1, 24, tzinfo=UTC),
        deviant,
        days,
        days,
        np.full(20, np.datetime64("NaT", "D")),
    )
    none = np.full(20, np.datetime64("NaT", "D"))
    risks = assessor.assess(panel, [""] * 20, (none, none), explained=range(20))
    named = [any(f.feature == "lowest_percent" for f in risk.factors) for risk in risks]
    assert np.mean(named) >= 0.9
