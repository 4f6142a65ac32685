"""The exported graph says what the trained network says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edupulse.model.configuration import NetworkConfig
from edupulse.model.export import require_same, run, to_onnx
from edupulse.school.errors import Refused
from model.planted_rows import WEEKS, random_rows


@pytest.fixture(scope="module")
def graph(full_network) -> bytes:
    return to_onnx(full_network, NetworkConfig(hidden=16))


def test_the_export_equals_torch_on_full_short_and_single_rows(full_network, graph):
    for count in (1, 7, 40):
        assert require_same(full_network, graph, random_rows(count, seed=count)) < 1e-6


def test_padding_is_silent_in_the_export_too(graph):
    rows = random_rows(40, seed=9)
    rubbish = np.random.default_rng(0).normal(scale=100.0, size=rows.values.shape)
    padding = np.broadcast_to(~rows.held[:, :, None], rows.values.shape)
    other = replace(
        rows,
        values=np.where(padding, rubbish.astype(np.float32), rows.values),
        observed=rows.observed | padding,
    )
    for name, answer in run(graph, rows).items():
        np.testing.assert_allclose(answer, run(graph, other)[name], atol=1e-6)


def test_attention_and_severity_are_shares(graph):
    answers = run(graph, random_rows(20, seed=3))
    np.testing.assert_allclose(answers["severity"].sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(answers["attention"].sum(axis=1), 1.0, atol=1e-5)
    assert answers["attention"].shape == (20, WEEKS)


def test_an_export_of_another_network_is_refused(full_network, graph):
    with torch.no_grad():
        full_network.members[0].risk.bias += 0.01
    try:
        with pytest.raises(Refused, match="differs from the trained"):
            require_same(full_network, graph, random_rows(4))
    finally:
        with torch.no_grad():
            full_network.members[0].risk.bias -= 0.01


def test_the_same_network_gives_the_same_bytes(full_network, graph):
    assert to_onnx(full_network, NetworkConfig(hidden=16)) == graph
