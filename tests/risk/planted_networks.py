"""Small networks, trained on students of whom it is known which features matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from edupulse.features.catalog import FAMILIES
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.export import to_onnx
from edupulse.model.networks.risk_network import Ensemble
from edupulse.model.peers import fit_peers
from edupulse.model.scaling import Scaler
from edupulse.model.training import train
from edupulse.panel.splits import hashed_share
from edupulse.panel.windows import Windows
from edupulse.risk.explanation import Reference, typical
from model.planted_rows import Labels
from panel.random_windows import random_windows

SIZES = [columns.stop - columns.start for columns in FAMILIES.values()]
FAST = TrainingConfig(learning_rate=0.01, batch=128, epochs=8, threads=1)
PEERS = 3000
SLOPE = 1.5


@dataclass(frozen=True, eq=False)
class Planted:
    """A trained network, the three features behind its labels, and students far from typical.

    `signal` are columns, one a family; `direction` ±1 says whether much of it is bad.
    """

    network: Ensemble
    config: NetworkConfig
    scaler: Scaler
    signal: tuple[int, ...]
    direction: tuple[int, ...]
    windows: Windows
    reference: Reference


def tracks(rows: int, seed: int) -> tuple[Windows, np.ndarray]:
    """Windows of students who differ from each other in each feature, and from week to week."""
    windows = random_windows(rows, seed=seed)
    trait = np.random.default_rng([seed, 1]).normal(size=(rows, 42))
    values = (trait[:, None] + 0.7 * np.nan_to_num(windows.values)).astype(np.float32)
    values = np.where(windows.observed, values, np.nan).astype(np.float32)
    return replace(windows, values=values), trait


def labels_of(trait: np.ndarray, signal: tuple[int, ...], direction: tuple[int, ...]) -> Labels:
    """Off track by chance, the log-odds a sum over three features, two of which meet."""
    moved = trait[:, list(signal)] * np.array(direction)
    truth = 1 / (1 + np.exp(1 - SLOPE * moved.sum(1) - 0.5 * np.tanh(moved[:, 0] * moved[:, 1])))
    off_track = np.random.default_rng([len(trait), *signal]).random(len(trait)) < truth
    severity = off_track.astype(np.int8)
    return Labels(np.ones(len(trait), np.bool_), off_track, severity, truth)


@cache
def planted(seed: int, hidden: int = 8, explained: int = 20) -> Planted:
    """Train one; it is kept for the session."""
    draw = np.random.default_rng(seed)
    signal = tuple(int(draw.integers(c.start, c.stop)) for c in FAMILIES.values())
    direction = tuple(draw.choice((-1, 1), 3).tolist())
    rows, trait = tracks(PEERS, seed=100 + seed)
    config = NetworkConfig(hidden=hidden)
    trained = train(
        rows,
        labels_of(trait, signal, direction),
        validation=hashed_share(rows.student, 0.15),
        network=config,
        training=FAST,
        seed=seed,
    )
    new, trait = tracks(2000, seed=200 + seed)
    far = (np.abs(trait[:, list(signal)]) > 0.8).all(1) & (new.held.sum(1) >= 8)
    chosen = new.take(np.flatnonzero(far)[:explained])
    reference = typical(chosen, fit_peers(rows, SIZES))
    return Planted(trained.network, config, trained.scaler, signal, direction, chosen, reference)


def graph_of(found: Planted) -> bytes:
    """The network as ONNX."""
    return to_onnx(found.network, found.config)
