"""Scaling: what a value becomes before the network reads it."""

from __future__ import annotations

import numpy as np
import torch

from edupulse.model.networks.risk_network import Pieces
from edupulse.model.scaling import fit_scaler


def told(values: np.ndarray, observed: np.ndarray, pieces: int) -> np.ndarray:
    """The places of one feature's values `[N]` in the pieces fitted on those observed."""
    scaler = fit_scaler(values[:, None], observed[:, None], pieces)
    scaled = scaler.scale(values[:, None], observed[:, None])
    steps, seen = (torch.from_numpy(np.float32(part))[None] for part in (scaled, observed[:, None]))
    return Pieces(torch.from_numpy(scaler.knots))(steps, seen)[0].numpy()


def test_a_value_fills_the_pieces_below_it_and_its_own_in_part() -> None:
    values = np.arange(0, 101, dtype=np.float32)
    places = told(values, np.ones(101, np.bool_), 4)
    np.testing.assert_allclose(places[10], [0.4, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(places[60], [1, 1, 0.4, 0], atol=1e-5)
    np.testing.assert_allclose(places[100], [1, 1, 1, 1], atol=1e-5)


def test_pieces_hold_equally_many_values_whatever_their_distances() -> None:
    rng = np.random.default_rng(1)
    values = np.exp(rng.normal(size=4000)).astype(np.float32)
    filled = told(values, np.ones(4000, np.bool_), 5) == 1
    np.testing.assert_allclose(filled.mean(axis=0), [0.8, 0.6, 0.4, 0.2, 0.0], atol=0.01)


def test_what_is_not_observed_or_never_varies_lies_in_no_piece() -> None:
    values = np.array([1, 2, 3, np.nan], np.float32)
    seen = np.array([True, True, True, False])
    assert not told(values, seen, 3)[3].any()
    assert not told(np.full(6, 7, np.float32), np.ones(6, np.bool_), 3).any()
    assert not told(np.full(6, np.nan, np.float32), np.zeros(6, np.bool_), 3).any()
