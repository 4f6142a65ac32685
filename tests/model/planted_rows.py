"""Small planted data for the tests of this floor: the rule behind the labels is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edupulse.model.configuration import NetworkConfig, TrainingConfig

SMALL = NetworkConfig(families=(3, 2, 1), weeks=6, hidden=6, heads=2)
FAST = TrainingConfig(learning_rate=0.02, batch=64, epochs=4, threads=1)
WEEKS, FEATURES = 20, 42


@dataclass(frozen=True)
class Rows:
    """Windows as this floor sees them."""

    values: np.ndarray
    observed: np.ndarray
    held: np.ndarray
    student: np.ndarray
    school: np.ndarray
    grade_level: np.ndarray
    as_of: np.ndarray


@dataclass(frozen=True)
class Labels:
    """Outcomes as this floor sees them, with the true probability that made them."""

    known: np.ndarray
    off_track: np.ndarray
    severity: np.ndarray
    truth: np.ndarray


def random_rows(count: int, seed: int = 0, features: int = FEATURES, weeks: int = WEEKS) -> Rows:
    """Random values, a fifth not observed, histories of 1 to `weeks` weeks."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, weeks, features)).astype(np.float32)
    held = np.arange(weeks) >= weeks - rng.integers(1, weeks + 1, size=count)[:, None]
    observed = held[:, :, None] & (rng.random(values.shape) < 0.8)
    observed[:, -1, 0] = True
    student = np.arange(count, dtype=np.int32) // 2
    return Rows(
        np.where(observed, values, np.nan).astype(np.float32),
        observed,
        held,
        student,
        (student % 4).astype(np.int32),
        (student % 3 + 6).astype(np.int8),
        np.arange(count) % 2,
    )


def planted_labels(rows: Rows, feature: int = 0, slope: float = 2.0, seed: int = 1) -> Labels:
    """Off track with a probability that the last week's value of one feature sets."""
    rng = np.random.default_rng(seed)
    signal = np.nan_to_num(rows.values[:, -1, feature])
    truth = 1.0 / (1.0 + np.exp(1.0 - slope * signal))
    off_track = rng.random(len(truth)) < truth
    severity = np.where(off_track, rng.integers(1, 4, size=len(truth)), 0).astype(np.int8)
    return Labels(np.ones(len(truth), dtype=bool), off_track, severity, truth)
