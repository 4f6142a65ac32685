"""Training learns what is there, nothing where nothing is, and resumes exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from edupulse.model.networks.risk_network import RiskNetwork
from edupulse.model.training import Epoch, train
from edupulse.panel.splits import hashed_share
from edupulse.school.errors import BadInput, NotReady
from model.planted_rows import FAST, SMALL, planted_labels, random_rows


class Interrupted(Exception):
    """Somebody pulled the plug."""


def weights(trained):
    return {name: part.numpy() for name, part in trained.network.state_dict().items()}


def test_a_planted_signal_is_learned(trained):
    fresh = random_rows(800, seed=5, features=6, weeks=6)
    labels = planted_labels(fresh, seed=6)
    reached = roc_auc_score(labels.off_track, trained.predict(fresh)[0])
    assert reached > roc_auc_score(labels.off_track, labels.truth) - 0.03


def test_probabilities_are_not_shifted_by_the_imbalance(trained):
    fresh = random_rows(800, seed=5, features=6, weeks=6)
    risk = 1 / (1 + np.exp(-trained.predict(fresh)[0]))
    assert risk.mean() == pytest.approx(planted_labels(fresh, seed=6).truth.mean(), abs=0.04)


def test_shuffled_labels_teach_nothing(planted):
    rows, labels = planted
    order = np.random.default_rng(2).permutation(len(labels.known))
    shuffled = replace(labels, off_track=labels.off_track[order], severity=labels.severity[order])
    validation = hashed_share(rows.student, 0.15)
    trained = train(rows, shuffled, validation=validation, network=SMALL, training=FAST)
    fresh = random_rows(800, seed=5, features=6, weeks=6)
    reached = roc_auc_score(planted_labels(fresh).off_track, trained.predict(fresh)[0])
    assert 0.4 < reached < 0.62


def test_an_interrupted_training_ends_with_the_same_bits(few, tmp_path):
    rows, labels = few
    validation = hashed_share(rows.student, 0.15)
    both = replace(FAST, ensemble=2, epochs=2)
    settings = {"validation": validation, "network": SMALL, "training": both, "seed": 4}
    whole = train(rows, labels, **settings)
    state = tmp_path / "state.pt"
    for stop_at in ((0, 1), (1, 1)):

        def pull(epoch: Epoch, stop_at=stop_at) -> None:
            if (epoch.member, epoch.epoch) == stop_at:
                raise Interrupted

        with pytest.raises(Interrupted):
            train(rows, labels, **settings, state=state, progress=pull)
    seen = []
    resumed = train(rows, labels, **settings, state=state, progress=seen.append)
    assert [(line.member, line.epoch) for line in seen] == [(1, 2)]
    assert resumed.epochs == whole.epochs
    for name, part in weights(whole).items():
        np.testing.assert_array_equal(part, weights(resumed)[name])
    assert not state.exists()


def test_a_state_of_other_data_is_not_continued(few, tmp_path):
    rows, labels = few
    validation = hashed_share(rows.student, 0.15)
    state = tmp_path / "state.pt"

    def pull(_: Epoch) -> None:
        raise Interrupted

    one = replace(FAST, epochs=1)
    settings = {"validation": validation, "network": SMALL, "training": one}
    with pytest.raises(Interrupted):
        train(rows, labels, **settings, seed=1, state=state, progress=pull)
    other = train(rows, labels, **settings, seed=2, state=state)
    assert len(other.epochs) == 1
    fresh = train(rows, labels, **settings, seed=2)
    np.testing.assert_array_equal(other.predict(rows)[0], fresh.predict(rows)[0])


@pytest.mark.parametrize("pieces", [0, 4])
def test_a_constant_factor_on_a_feature_changes_nothing_after_refitting(few, pieces):
    rows, labels = few
    validation = hashed_share(rows.student, 0.15)
    factor = np.array([1, 1024, 1, 1 / 64, 1, 1], dtype=np.float32)  # powers of two: exact
    scaled = replace(rows, values=rows.values * factor)
    one, network = replace(FAST, epochs=1), replace(SMALL, pieces=pieces)
    first, second = (
        train(these, labels, validation=validation, network=network, training=one).predict(these)[0]
        for these in (rows, scaled)
    )
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_the_padding_gate_is_still_shut_after_training(trained):
    gate = trained.network.members[0].readers[0].first.cells.weight_ih_l0[:, -1]
    assert (gate[6:12] > 9_000).all()
    assert (gate[:6] == 0).all()
    assert (gate[12:] == 0).all()


def test_unknown_outcomes_are_never_read(few):
    rows, labels = few
    validation = hashed_share(rows.student, 0.15)
    unknown = np.arange(len(labels.known)) % 3 == 0
    one = replace(FAST, epochs=1)
    results = [
        train(
            rows,
            replace(labels, known=~unknown, off_track=np.where(unknown, lie, labels.off_track)),
            validation=validation,
            network=SMALL,
            training=one,
        ).predict(rows)[0]
        for lie in (True, labels.off_track)
    ]
    assert not np.isnan(results[0]).any()
    np.testing.assert_array_equal(*results)


def test_one_class_alone_is_refused(few):
    rows, labels = few
    validation = hashed_share(rows.student, 0.15)
    with pytest.raises(NotReady, match="nothing can be learned"):
        train(
            rows,
            replace(labels, off_track=labels.off_track & False),
            validation=validation,
            network=SMALL,
        )


def test_an_architecture_of_ones_own_is_trained_in_place_of_the_network(few):
    class Mute(RiskNetwork):
        """Reads nothing, so it can say nothing but the base rate."""

        def _read(self, scaled, seen, held):
            return 0 * super()._read(scaled, seen, held)

    rows, labels = few
    validation = hashed_share(rows.student, 0.15)
    settings = {"validation": validation, "network": SMALL, "training": replace(FAST, epochs=1)}
    mute = train(rows, labels, **settings, architecture=Mute)
    assert isinstance(mute.network.members[0], Mute)
    assert np.ptp(mute.predict(rows)[0]) < 1e-5
    assert np.ptp(train(rows, labels, **settings).predict(rows)[0]) > 0.1


def test_half_precision_learns_the_planted_signal_too(planted):
    rows, labels = planted
    validation = hashed_share(rows.student, 0.15)
    half = replace(FAST, bfloat16=True)
    trained = train(rows, labels, validation=validation, network=SMALL, training=half)
    fresh = random_rows(800, seed=5, features=6, weeks=6)
    truth = planted_labels(fresh, seed=6)
    logits = trained.predict(fresh)[0]
    assert logits.dtype == np.float32
    best = roc_auc_score(truth.off_track, truth.truth)
    assert roc_auc_score(truth.off_track, logits) > best - 0.04


def test_windows_of_another_size_are_refused(few):
    rows, labels = few
    with pytest.raises(BadInput, match="do not fit a network"):
        train(rows, labels, validation=hashed_share(rows.student, 0.15))


def test_a_width_that_the_heads_cannot_share_is_refused(few):
    rows, labels = few
    odd = replace(SMALL, hidden=5, heads=4)
    with pytest.raises(BadInput, match="cannot be shared by 4 heads"):
        train(rows, labels, validation=hashed_share(rows.student, 0.15), network=odd)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_training_runs_on_a_gpu(planted):
    rows, labels = planted
    validation = hashed_share(rows.student, 0.15)
    train(rows, labels, validation=validation, network=SMALL, training=FAST, device="cuda")
