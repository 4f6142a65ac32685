"""Small networks, trained on students of whom it is known which features matter, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from edupulse.features.catalog import FAMILIES
from edupulse.model.calibration import Calibration, calibrate
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.export import to_onnx
from edupulse.model.networks.risk_network import Ensemble
from edupulse.model.peers import fit_peers
from edupulse.model.training import train
from edupulse.panel.splits import hashed_share
from edupulse.panel.windows import WEEKS, Windows
from edupulse.risk.explanation import Reference, typical
from edupulse.risk.scoring import Scorer
from model.planted_rows import Labels
from panel.random_windows import random_windows

SIZES = [columns.stop - columns.start for columns in FAMILIES.values()]
CONFIG = NetworkConfig(hidden=8)
FAST = TrainingConfig(learning_rate=0.01, batch=128, epochs=6, threads=1)
TAUGHT = 3000
FAR = 0.8
SLOPE = 1.5
LATELY = slice(16, WEEKS)


@dataclass(frozen=True, eq=False)
class Planted:
    """A trained network, and students far from typical in what it had to learn.

    `signal` are the columns behind the labels, one a family; `push` float64[N, 3] is how each of
    them pushes the true log-odds of the students explained.
    """

    network: Ensemble
    signal: tuple[int, ...]
    push: np.ndarray
    taught: Windows
    windows: Windows
    reference: Reference

    @cached_property
    def scorer(self) -> Scorer:
        """It as it serves, with a calibration that does not matter here."""
        return scorer_of(self.network)


def scorer_of(network: Ensemble) -> Scorer:
    """A network in ONNX."""
    return Scorer(to_onnx(network, CONFIG), _any_calibration())


@cache
def planted(seed: int) -> Planted:
    """Three traits of a student, each seen all year in a feature of its own, two of which meet."""
    draw = np.random.default_rng(seed)
    signal = tuple(int(draw.integers(c.start, c.stop)) for c in FAMILIES.values())
    direction = draw.choice((-1, 1), 3)
    taught, trait = _with_traits(TAUGHT, seed=100 + seed)
    labels = _labels(SLOPE * trait[:, list(signal)] * direction, seed)
    network = _trained(taught, labels, seed)
    new, trait = _with_traits(2000, seed=200 + seed)
    far = (np.abs(trait[:, list(signal)]) > FAR).all(1) & (new.held.sum(1) >= 8)
    chosen = np.flatnonzero(far)[:20]
    push = trait[chosen][:, list(signal)] * direction
    return _asked(network, signal, push, taught, new.take(chosen))


@cache
def planted_lately(seed: int) -> Planted:
    """One grades feature that changes in the last four weeks alone, and that alone matters."""
    draw = np.random.default_rng([seed, 9])
    column = int(draw.integers(FAMILIES["grades"].start, FAMILIES["grades"].stop))
    taught, change = _with_changes(TAUGHT, column, seed=300 + seed)
    network = _trained(taught, _labels(2 * SLOPE * change[:, None], seed), seed)
    new, change = _with_changes(600, column, seed=400 + seed)
    chosen = np.flatnonzero((np.abs(change) > FAR) & (new.held.sum(1) >= 18))[:20]
    return _asked(network, (column,), change[chosen, None], taught, new.take(chosen))


def _asked(
    network: Ensemble, signal: tuple[int, ...], push: np.ndarray, taught: Windows, asked: Windows
) -> Planted:
    reference = typical(asked, fit_peers(taught, SIZES))
    return Planted(network, signal, push, taught, asked, reference)


def _with_traits(rows: int, seed: int) -> tuple[Windows, np.ndarray]:
    """Students who differ from each other in each feature, and from week to week."""
    trait = np.random.default_rng([seed, 1]).normal(size=(rows, 42))
    return _moved(random_windows(rows, seed=seed), np.repeat(trait[:, None], WEEKS, 1)), trait


def _with_changes(rows: int, column: int, seed: int) -> tuple[Windows, np.ndarray]:
    """Students one of whose features changes lately, and it and another changed long ago."""
    windows = random_windows(rows, seed=seed)
    change, decoy = np.random.default_rng([seed, 1]).normal(size=(2, rows))
    moved = np.zeros(windows.values.shape)
    moved[:, LATELY, column] = change[:, None]
    moved[:, :10, 3] = moved[:, :10, column] = decoy[:, None]
    return _moved(windows, moved), change


def _moved(windows: Windows, by: np.ndarray) -> Windows:
    values = np.where(windows.observed, by + 0.7 * np.nan_to_num(windows.values), np.nan)
    return replace(windows, values=values.astype(np.float32))


def _labels(pushes: np.ndarray, seed: int) -> Labels:
    """Off track by chance; the log-odds are the sum of the pushes, and of the meeting of two."""
    meeting = 0.5 * np.tanh(pushes[:, 0] * pushes[:, -1]) if pushes.shape[1] > 1 else 0
    truth = 1 / (1 + np.exp(1 - pushes.sum(1) - meeting))
    off_track = np.random.default_rng([seed, 2]).random(len(truth)) < truth
    return Labels(np.ones(len(truth), np.bool_), off_track, off_track.astype(np.int8), truth)


def _trained(rows: Windows, labels: Labels, seed: int) -> Ensemble:
    validation = hashed_share(rows.student, 0.15)
    return train(
        rows, labels, validation=validation, network=CONFIG, training=FAST, seed=seed
    ).network


def _any_calibration() -> Calibration:
    draw = np.random.default_rng(0)
    return calibrate(draw.normal(size=400), draw.random(400) < 0.5, np.arange(400))
