"""A small network of the real shape in ONNX, with its tables: untrained, yet far from constant."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edupulse.features.catalog import FAMILIES
from edupulse.model.calibration import Calibration, calibrate
from edupulse.model.configuration import NetworkConfig
from edupulse.model.export import to_onnx
from edupulse.model.networks.risk_network import RiskNetwork
from edupulse.model.peers import PeerProfiles, fit_peers
from edupulse.model.scaling import fit_scaler
from edupulse.panel.windows import Windows
from edupulse.risk.scoring import Scorer
from panel.random_windows import random_windows

SIZES = [columns.stop - columns.start for columns in FAMILIES.values()]


@pytest.fixture(scope="session")
def windows() -> Windows:
    return random_windows(400, seed=5)


@pytest.fixture(scope="session")
def graph(windows: Windows) -> bytes:
    torch.manual_seed(7)
    config = NetworkConfig(hidden=8)
    network = RiskNetwork(config, fit_scaler(windows.values, windows.observed)).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(2.5)
    return to_onnx(network, config)


@pytest.fixture(scope="session")
def calibration(windows: Windows) -> Calibration:
    logits = np.random.default_rng(1).normal(size=len(windows))
    off_track = np.random.default_rng(2).random(len(windows)) < 1 / (1 + np.exp(-2 * logits))
    return calibrate(logits, off_track, windows.student)


@pytest.fixture(scope="session")
def scorer(graph: bytes, calibration: Calibration) -> Scorer:
    return Scorer(graph, calibration)


@pytest.fixture(scope="session")
def peers(windows: Windows) -> PeerProfiles:
    return fit_peers(windows, SIZES)
