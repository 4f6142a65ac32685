"""Checkpoints: the same content the same name, nothing read that was touched, no torch to read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edupulse.model.assembly import assemble
from edupulse.model.calibration import calibrate
from edupulse.model.card import model_card
from edupulse.model.checkpoint import (
    CARD,
    FILES,
    WEIGHTS,
    Checkpoint,
    Provenance,
    folder,
    read_checkpoint,
    versions,
)
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.export import restore, run
from edupulse.model.gate import decide
from edupulse.model.peers import fit_peers
from edupulse.model.training import predict, train
from edupulse.panel.splits import hashed_share
from edupulse.school.errors import BadInput, CatalogMismatch, NotFound
from model.planted_rows import FAST, SMALL
from model.sample_record import sample_record

NAMES = tuple("abcdef")
READ = {"features": NAMES}
PROVENANCE = Provenance({"parts": "chronic_absence"}, {"version": "1"}, {"days": "4"}, "simulated")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("check points")


@pytest.fixture(scope="module")
def parts(trained, planted) -> dict:
    """Everything that `assemble` puts together."""
    rows, labels = planted
    logits, _ = trained.predict(rows)
    calibration = calibrate(logits, labels.off_track, rows.student)
    risk = calibration.risk(logits)
    flagged = np.nan_to_num(rows.values[:, -1, 1]) > 1
    predictions = [
        Prediction("gru_attention", risk, risk),
        Prediction("abc_rules", flagged.astype(float), flagged=flagged),
    ]
    evaluation = evaluate(predictions, rows, labels, flagged=flagged, replicates=20)
    return {
        "trained": trained,
        "calibration": calibration,
        "peers": fit_peers(rows, SMALL.families),
        "evaluation": evaluation,
        "gate": decide(evaluation, "gru_attention"),
        "provenance": PROVENANCE,
        "probe": rows,
        "features": NAMES,
    }


@pytest.fixture(scope="module")
def checkpoint(root, parts) -> Checkpoint:
    return assemble(root, **parts)


@pytest.fixture
def copied(checkpoint, tmp_path):
    """A copy to do harm to."""
    target = tmp_path / checkpoint.path.name
    shutil.copytree(checkpoint.path, target)
    return target


def test_what_is_read_is_what_was_written(checkpoint, parts):
    again = read_checkpoint(checkpoint.path, **READ)
    assert again.manifest == checkpoint.manifest
    assert again.evaluation == parts["evaluation"]
    assert again.calibration == parts["calibration"]
    assert again.manifest.provenance == PROVENANCE
    np.testing.assert_array_equal(again.peers.tracks, parts["peers"].tracks)
    np.testing.assert_array_equal(again.manifest.scaler.gain, parts["trained"].scaler.gain)


def test_the_stored_graph_and_weights_say_what_was_trained(checkpoint, parts):
    logits, _ = parts["trained"].predict(parts["probe"])
    np.testing.assert_allclose(
        run(checkpoint.network, parts["probe"])["risk_logit"], logits, atol=1e-5
    )
    restored = restore((checkpoint.path / WEIGHTS).read_bytes(), SMALL, members=1)
    np.testing.assert_array_equal(predict(restored, parts["probe"])[0], logits)


def test_pieces_are_kept_with_the_checkpoint(tmp_path, parts, few):
    rows, labels = few
    config = replace(SMALL, pieces=3)
    validation = hashed_share(rows.student, 0.15)
    bent = train(rows, labels, validation=validation, network=config, training=FAST)
    stored = assemble(tmp_path, **parts | {"trained": bent})
    again = read_checkpoint(stored.path, **READ)
    np.testing.assert_array_equal(again.manifest.scaler.knots, bent.scaler.knots)
    restored = restore((stored.path / WEIGHTS).read_bytes(), again.manifest.network, members=1)
    np.testing.assert_array_equal(predict(restored, rows)[0], bent.predict(rows)[0])


def test_the_same_content_is_the_same_folder(checkpoint, root, parts):
    assert assemble(root, **parts).version == checkpoint.version
    assert versions(root) == (checkpoint.version,)
    assert folder(root, checkpoint.version) == checkpoint.path
    assert sorted(path.name for path in checkpoint.path.iterdir()) == sorted(FILES)
    assert [path for path in root.iterdir() if path != checkpoint.path] == []


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_in_any_file_is_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        read_checkpoint(copied, **READ)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(NotFound, match=name):
        read_checkpoint(copied, **READ)


@pytest.mark.parametrize(
    "other",
    [
        {"features": tuple("abcdfe")},
        {"features": NAMES[:-1]},
        {"features": (*NAMES, "g")},
        {"features": NAMES, "catalog": "another"},
        {},
    ],
)
def test_other_features_are_refused(checkpoint, other):
    with pytest.raises(CatalogMismatch):
        read_checkpoint(checkpoint.path, **other)


def test_a_failed_write_leaves_nothing_behind(tmp_path, parts, monkeypatch):
    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("edupulse.model.checkpoint.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        assemble(tmp_path, **parts)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_without_an_outcome_and_an_origin():
    with pytest.raises(BadInput, match="definition of its outcome"):
        Provenance({}, {}, {"days": "4"}, "real")
    with pytest.raises(BadInput, match="origin"):
        Provenance({"parts": "chronic_absence"}, {}, {}, "real")


def test_the_card_says_what_it_was_made_of(checkpoint):
    card = (checkpoint.path / CARD).read_text()
    auroc = checkpoint.evaluation.result("gru_attention").metrics["auroc"].value
    assert f"{auroc:.3f}" in card
    assert "simulated" in card
    assert all(check.reason in card for check in checkpoint.manifest.gate.checks)
    assert "Not for discipline" in card


def test_the_card_says_for_whom_the_sets_do_not_hold(checkpoint):
    evaluation = sample_record().evaluation
    card = model_card(checkpoint.manifest, evaluation)
    onset = evaluation.result(checkpoint.manifest.method, "new_onset")
    held = onset.metrics["coverage_off_track"]
    assert f"{held.value:.3f} ({held.low:.3f}–{held.high:.3f})" in card
    assert f"of the off-track rows of new onset they held {held.value:.0%}" in card


def test_reading_loads_neither_torch_nor_scikit_learn(checkpoint):
    code = (
        "import sys; from pathlib import Path\n"
        "import edupulse.model.checkpoint as c, edupulse.model.baselines.rules\n"
        f"found = c.read_checkpoint(Path({str(checkpoint.path)!r}), features=tuple('abcdef'))\n"
        "found.calibration.risk([0.0]), found.peers.of(7, 7)\n"
        "bad = {'torch', 'sklearn', 'onnx', 'safetensors', 'scipy'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(name=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_single_changed_bit_is_refused(checkpoint, tmp_path_factory, name, place, bit):
    copy = tmp_path_factory.mktemp("changed") / checkpoint.path.name
    shutil.copytree(checkpoint.path, copy)
    content = bytearray((copy / name).read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    (copy / name).write_bytes(content)
    with pytest.raises(BadInput, match="does not match"):
        read_checkpoint(copy, **READ)


@given(features=st.permutations(NAMES) | st.lists(st.sampled_from(NAMES), max_size=8))
def test_features_in_another_order_or_number_are_refused(checkpoint, features):
    if tuple(features) == NAMES:
        assert read_checkpoint(checkpoint.path, features=features).version == checkpoint.version
        return
    with pytest.raises(CatalogMismatch):
        read_checkpoint(checkpoint.path, features=features)
