"""Law 12: a planted signal is found, and taking the named factors away moves the logit most."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edupulse.risk.explanation import Reference, explain
from panel.random_windows import random_windows


@dataclass(frozen=True)
class Planted:
    """Reads the last weeks of a few features, bent and multiplied; the others whisper."""

    signal: tuple[int, ...]
    whisper: np.ndarray

    def logits(self, values, observed, _held):
        x = np.where(observed, values, 0).astype(np.float64)
        recent = np.tanh(x[:, -6:].mean(1) * 2)
        loud = recent[:, list(self.signal)]
        return 2 * loud.sum(1) + loud.prod(1) + recent @ self.whisper + np.tanh(recent.sum(1) / 9)


def planted(seed: int) -> Planted:
    draw = np.random.default_rng(seed)
    signal = tuple(draw.choice(42, 3, replace=False).tolist())
    return Planted(signal, draw.normal(scale=0.05, size=42))


def deviant(network: Planted, seed: int, rows: int = 5):
    """Windows near zero whose planted features lie far off, beside an all-zero reference."""
    windows = random_windows(rows, seed=seed)
    held = np.ones_like(windows.held)
    values = (windows.values * 0.3).astype(np.float32)
    observed = np.random.default_rng(seed).random(values.shape) < 0.9
    values = np.where(observed, np.nan_to_num(values), np.nan).astype(np.float32)
    values[:, -6:, list(network.signal)] += 0.6
    windows = replace(windows, values=values, observed=observed, held=held)
    zero = np.where(observed, 0, np.nan).astype(np.float32)
    return windows, Reference(zero, observed, np.ones(rows, np.bool_))


def test_the_planted_features_are_among_the_top_five_nine_times_in_ten():
    found = total = 0
    for seed in range(12):
        network = planted(seed)
        windows, reference = deviant(network, seed)
        explanation = explain(network, windows, reference)
        for row in range(len(windows)):
            found += len(set(explanation.strongest(row).tolist()) & set(network.signal))
            total += len(network.signal)
    assert found / total >= 0.9


def test_taking_the_named_factors_away_moves_the_logit_more_than_random_ones():
    draw = np.random.default_rng(0)
    named_moves, random_moves = [], []
    for seed in range(12):
        network = planted(seed)
        windows, reference = deviant(network, seed)
        explanation = explain(network, windows, reference)
        for row in range(len(windows)):
            named = explanation.strongest(row)
            others = draw.choice(42, named.size, replace=False)
            for moves, gone in ((named_moves, named), (random_moves, others)):
                values = windows.values[row].copy()
                values[:, gone] = reference.values[row][:, gone]
                left = network.logits(values[None], windows.observed[row : row + 1], None)[0]
                moves.append(abs(explanation.logit[row] - left))
    assert np.mean(named_moves) > 3 * np.mean(random_moves)


def test_a_feature_that_the_network_does_not_read_is_never_named():
    network = Planted((4, 9, 30), np.zeros(42))
    quiet = replace(network, whisper=np.zeros(42))

    class Deaf(Planted):
        def logits(self, values, observed, _held):
            x = np.where(observed, values, 0).astype(np.float64)[:, -6:].mean(1)
            return x[:, 4] * 3 + x[:, 9] * x[:, 30]

    windows, reference = deviant(quiet, 3)
    explanation = explain(Deaf(quiet.signal, quiet.whisper), windows, reference)
    for row in range(len(windows)):
        assert set(explanation.strongest(row).tolist()) <= {4, 9, 30}
