"""One small trained network for the tests that need one."""

from __future__ import annotations

import pytest
import torch

from edupulse.model.configuration import NetworkConfig
from edupulse.model.networks.risk_network import Ensemble, RiskNetwork
from edupulse.model.scaling import fit_scaler
from edupulse.model.training import Trained, train
from edupulse.panel.splits import hashed_share
from model.planted_rows import FAST, SMALL, Labels, Rows, planted_labels, random_rows


@pytest.fixture(scope="session")
def planted() -> tuple[Rows, Labels]:
    rows = random_rows(800, features=6, weeks=6)
    return rows, planted_labels(rows)


@pytest.fixture(scope="session")
def few() -> tuple[Rows, Labels]:
    """Enough rows to train on, where it does not matter what is learned."""
    rows = random_rows(240, features=6, weeks=6)
    return rows, planted_labels(rows)


@pytest.fixture(scope="session")
def trained(planted: tuple[Rows, Labels]) -> Trained:
    rows, labels = planted
    validation = hashed_share(rows.student, 0.15)
    return train(rows, labels, validation=validation, network=SMALL, training=FAST)


@pytest.fixture(scope="session")
def full_network() -> Ensemble:
    """Untrained networks of the real size, one of them with pieces: all that must be silent."""
    torch.manual_seed(3)
    rows = random_rows(64)
    members = [
        RiskNetwork(
            NetworkConfig(hidden=16, pieces=pieces), fit_scaler(rows.values, rows.observed, pieces)
        )
        for pieces in (0, 8)
    ]
    return Ensemble(members).eval()
