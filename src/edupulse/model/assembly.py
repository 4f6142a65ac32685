"""From a trained and evaluated network to its checkpoint: export, tables, card, folder."""

from __future__ import annotations

from pathlib import Path

from edupulse import __version__
from edupulse.features.catalog import CATALOG_VERSION, NAMES
from edupulse.model import export
from edupulse.model.calibration import Calibration
from edupulse.model.card import model_card
from edupulse.model.checkpoint import FORMAT, Checkpoint, Manifest, Provenance, write_checkpoint
from edupulse.model.evaluation import Evaluation
from edupulse.model.gate import Decision
from edupulse.model.peers import PeerProfiles
from edupulse.model.rows import WindowRows
from edupulse.model.training import Trained


def assemble(
    root: Path,
    trained: Trained,
    *,
    calibration: Calibration,
    peers: PeerProfiles,
    evaluation: Evaluation,
    gate: Decision,
    provenance: Provenance,
    probe: WindowRows,
    features: tuple[str, ...] = NAMES,
) -> Checkpoint:
    """Export the network, check it against torch on the rows of `probe`, store the checkpoint.

    `probe` are real rows, short histories among them. Raises `Refused` where the export differs.
    """
    network = export.to_onnx(trained.network, trained.config)
    difference = export.require_same(trained.network, network, probe)
    told = trained.scaler.knots
    knots = None if told is None else tuple(tuple(row) for row in told.tolist())
    manifest = Manifest(
        format=FORMAT,
        method=gate.method,
        package_version=__version__,
        catalog_version=CATALOG_VERSION,
        features=features,
        network=trained.config,
        training=trained.training,
        seed=trained.seed,
        rows=trained.rows,
        epochs=len(trained.epochs),
        export_difference=difference,
        scaler_center=tuple(trained.scaler.center.tolist()),
        scaler_gain=tuple(trained.scaler.gain.tolist()),
        scaler_limit=trained.scaler.limit,
        scaler_knots=knots,
        calibration=calibration,
        peer_grade_levels=peers.grade_level,
        peer_patterns=peers.pattern,
        provenance=provenance,
        gate=gate,
    )
    return write_checkpoint(
        root,
        network=network,
        weights=export.weights(trained.network),
        manifest=manifest,
        evaluation=evaluation,
        peers=peers,
        card=model_card(manifest, evaluation),
    )
