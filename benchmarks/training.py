"""Seconds of an epoch of 100,000 windows: our way to train beside the seed's, at the same AUROC.

`python benchmarks/training.py` trains the same network on the same rows, by the same `train`, in
the project seed's setting (batches of 32, float32, every week projected by the attention) and in
ours (large batches, projections after pooling, half precision where it is faster), one thread, and
prints CPU seconds for 100,000 windows, measured on a part and scaled, validation included, and the
AUROC of both on fresh rows. The rows are planted: the risk follows the last weeks of two features.
With `--keep FOLDER` they are a simulated district's, made there by `simulated_rows.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from architectures import Textbook
from edupulse.model.arrays import array_outcomes, array_windows
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.networks.risk_network import RiskNetwork
from edupulse.model.training import train
from edupulse.panel.splits import hashed_share
from simulated_rows import district

SEED = TrainingConfig(learning_rate=1e-3, batch=32)
OURS = TrainingConfig(learning_rate=4e-3, batch=512)
EPOCH = 100_000


@dataclass(frozen=True)
class Run:
    """One way to train: CPU seconds an epoch of 100,000 windows, and what it reached."""

    seconds: float
    auroc: float


def planted(count: int, seed: int) -> SimpleNamespace:
    """Windows whose label follows the last four weeks of one feature and the slope of another."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 20, 42)).astype(np.float32)
    observed = rng.random(values.shape) < 0.8
    signal = values[:, -4:, 0].mean(axis=1) * 2 + values[:, -1, 20] - values[:, -3, 20]
    label = rng.random(count) < 1 / (1 + np.exp(1.2 - signal))
    families = np.split(np.where(observed, values, np.nan), (14, 29), axis=2)
    named = dict(zip(("attendance", "grades", "discipline"), families, strict=True))
    return SimpleNamespace(windows=array_windows(named), outcomes=array_outcomes(label))


def simulated(folder: Path, count: int) -> tuple[SimpleNamespace, SimpleNamespace]:
    """Rows of the first simulated district to learn from, and its later test period."""
    found = district(folder, 1)
    share = min(count / len(found.train), 1.0)
    return found.train.take(hashed_share(found.train.windows.student, share, salt=5)), found.test


def run(
    learn: SimpleNamespace,
    test: SimpleNamespace,
    config: NetworkConfig,
    training: TrainingConfig,
    architecture: Callable[..., RiskNetwork] = RiskNetwork,
) -> Run:
    """Train once."""
    validation = hashed_share(learn.windows.student, 0.1)
    begun = time.process_time()
    trained = train(
        learn.windows,
        learn.outcomes,
        validation=validation,
        network=config,
        training=training,
        architecture=architecture,
    )
    spent = time.process_time() - begun
    passed = trained.rows * len(trained.epochs)
    logits, _ = trained.predict(test.windows)
    return Run(EPOCH * spent / passed, float(roc_auc_score(test.outcomes.off_track, logits)))


def halves_precision() -> bool:
    """Does this CPU multiply bfloat16 itself?"""
    return bool(torch.cpu._is_avx512_bf16_supported())


def main() -> None:
    """Print a line for each size and setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--hidden", type=int, nargs="+", default=[NetworkConfig().hidden])
    parser.add_argument("--keep", type=Path, help="a folder with rows of simulated districts")
    chosen = parser.parse_args()
    learn, test = (
        simulated(chosen.keep, chosen.windows)
        if chosen.keep
        else (planted(chosen.windows, 1), planted(chosen.windows, 2))
    )
    word = "in hardware" if halves_precision() else "only emulated"
    print(f"{len(learn.outcomes.known):,} windows, {chosen.epochs} epochs; bfloat16 {word} here")
    print(f"{'':34}{'CPU s / 100,000':>16}{'ratio':>8}{'AUROC':>8}")
    for hidden in chosen.hidden:
        config = NetworkConfig(hidden=hidden)
        settings = {
            "the seed's: batch 32": (SEED, Textbook),
            f"ours: batch {OURS.batch}": (OURS, RiskNetwork),
            f"ours: batch {OURS.batch}, bfloat16": (replace(OURS, bfloat16=True), RiskNetwork),
        }
        slowest = 0.0
        for name, (training, architecture) in settings.items():
            whole = replace(training, epochs=chosen.epochs, patience=chosen.epochs)
            found = run(learn, test, config, whole, architecture)
            slowest = slowest or found.seconds
            line = f"{found.seconds:16.1f}{slowest / found.seconds:8.2f}{found.auroc:8.3f}"
            print(f"hidden {hidden:3}, {name:22}{line}", flush=True)


if __name__ == "__main__":
    main()
