"""A tiny trained network in a checkpoint of its own, and a small simulated district for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from edupulse.model.assembly import assemble
from edupulse.model.calibration import calibrate
from edupulse.model.checkpoint import Checkpoint, Provenance
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.gate import Check, decide
from edupulse.model.peers import fit_peers
from edupulse.model.training import train
from edupulse.panel.definition import OFF_TRACK
from edupulse.panel.splits import hashed_share
from edupulse.pipeline.intake import intake
from edupulse.pipeline.judging import LEARNED_UNTIL
from edupulse.risk.bands import DEFAULT_POLICY
from edupulse.school.records import SIMULATED_MARKER
from edupulse.simulator import DistrictPlan
from edupulse.simulator.district import district
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.checkpoints import promote, register
from edupulse.store.store import Store
from model.planted_rows import planted_labels
from panel.random_windows import random_windows

NOW = datetime(2026, 8, 1, tzinfo=UTC)
IN_SEASON = datetime(2025, 2, 20, 6, tzinfo=UTC)
SCHOOLS = ("H01", "M02")
LATE_IN_THE_YEAR = datetime(2025, 5, 20, 6, tzinfo=UTC)
FIRST_WEEK = datetime(2023, 8, 29, 6, tzinfo=UTC)

Frames = dict[str, pl.DataFrame]


def small_district(students: int = 40) -> Frames:
    """Two school years of a few students in two schools, a frame for each file."""
    plan = DistrictPlan(students=students, schools=2, years=2, seed=7, truth_pairs=0)
    return district(plan).frames


def import_frames(store: Store, folder: Path, frames: Frames, *, simulated: bool = True) -> None:
    """Write the frames as a CSV folder and import it as history; `simulated` or said to be real."""
    folder.mkdir(parents=True)
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    if simulated:
        (folder / SIMULATED_MARKER).touch()
    intake(store, csv_folder(folder), now=NOW, historical=True, home=folder)


def small_checkpoint(root: Path, seed: int = 3, serves: bool = True, hidden: int = 4) -> Checkpoint:
    """Trained for a few passes on random windows: its risks mean nothing, yet they differ.

    `serves` is what its gate is made to say.
    """
    rows = random_windows(400, seed=seed)
    labels = planted_labels(rows, feature=2, slope=3)
    network = NetworkConfig(hidden=hidden)
    trained = train(
        rows,
        labels,
        validation=hashed_share(rows.student, 0.15),
        network=network,
        training=TrainingConfig(learning_rate=0.02, batch=64, epochs=3, threads=1),
    )
    logits, _ = trained.predict(rows)
    calibration = calibrate(logits, labels.off_track, rows.student)
    risk = calibration.risk(logits)
    nobody = np.zeros(len(rows), np.bool_)
    methods = [
        Prediction("gru_attention", risk, risk),
        Prediction("abc_rules", nobody.astype(float), flagged=nobody),
    ]
    evaluation = evaluate(methods, rows, labels, flagged=nobody, replicates=10)
    gate = decide(evaluation, "gru_attention")
    gate = replace(gate, serves=serves, checks=(Check("made_so", serves, ""),))
    return assemble(
        root,
        trained,
        calibration=calibration,
        peers=fit_peers(rows, network.families),
        evaluation=evaluation,
        gate=gate,
        provenance=Provenance(
            OFF_TRACK.to_json(),
            DEFAULT_POLICY.to_json(),
            {LEARNED_UNTIL: "2025-01-01T00:00:00Z"},
            "simulated",
        ),
        probe=rows.take(range(40)),
    )


def let_serve(store: Store, checkpoint: Checkpoint) -> None:
    """Register it and promote it."""
    with store.writing() as connection:
        register(
            connection,
            checkpoint.version,
            created=NOW,
            folder=str(checkpoint.path),
            decision={"serves": True},
        )
        promote(connection, checkpoint.version, now=NOW, by="a test", because="it must serve")
