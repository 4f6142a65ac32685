"""Turns a trained network into ONNX bytes, and refuses an export that does not say the same."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import nn

from edupulse.model.configuration import NetworkConfig
from edupulse.model.networks.risk_network import Ensemble, RiskNetwork
from edupulse.model.rows import WindowRows
from edupulse.model.scaling import Scaler
from edupulse.model.training import predict
from edupulse.school.errors import Refused

OPSET = 17
INPUTS = ("values", "observed", "held")
OUTPUTS = ("risk_logit", "severity", "attention")
#: Largest difference of a logit between torch and ONNX Runtime that is rounding (measured: 1e-6).
TOLERANCE = 1e-5


def to_onnx(network: nn.Module, config: NetworkConfig) -> bytes:
    """The network as an ONNX graph of fixed weeks and features and any number of rows.

    Inputs are raw: `values` float32 (NaN where unobserved), `observed` and `held` bool. Outputs:
    `risk_logit [N]`, `severity [N, 4]` (probabilities), `attention [N, W]`.
    """
    values = torch.zeros(2, config.weeks, config.features)
    observed = torch.ones(values.shape, dtype=torch.bool)
    held = torch.ones(values.shape[:2], dtype=torch.bool)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        target = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore")  # the exporter's remarks on GRUs and on its own age
        torch.onnx.export(
            _Answers(network).eval(),
            (values, observed, held),
            target,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "rows"} for name in (*INPUTS, *OUTPUTS)},
            dynamo=False,
        )
        onnx.checker.check_model(str(target))
        return target.read_bytes()


def require_same(network: nn.Module, onnx_bytes: bytes, windows: WindowRows) -> float:
    """The largest difference between torch and ONNX on these rows; `Refused` if not rounding.

    Give real rows, short histories among them.
    """
    by_torch = predict(network, windows)
    by_onnx = run(onnx_bytes, windows)
    worst = max(
        float(np.abs(by_torch[0] - by_onnx["risk_logit"]).max(initial=0.0)),
        float(np.abs(by_torch[1] - by_onnx["severity"]).max(initial=0.0)),
    )
    if not worst < TOLERANCE:
        raise Refused(
            f"The exported network differs from the trained one by {worst:.2g}.",
            "Nothing was stored. Report this with the versions of torch and onnxruntime.",
        )
    return worst


def run(onnx_bytes: bytes, windows: WindowRows) -> Mapping[str, NDArray[np.float32]]:
    """The graph's outputs by name for these rows, by ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_bytes, options, ["CPUExecutionProvider"])
    feeds = {name: getattr(windows, name) for name in INPUTS}
    return dict(zip(OUTPUTS, session.run(list(OUTPUTS), feeds), strict=True))


def weights(network: nn.Module) -> bytes:
    """The network's weights and buffers as safetensors."""
    return save({name: part.contiguous() for name, part in network.state_dict().items()})


def restore(weights: bytes, config: NetworkConfig, members: int) -> Ensemble:
    """The network that `weights` were taken from, in evaluation mode."""
    features = np.zeros(config.features, dtype=np.float32)
    knots = np.zeros((config.features, config.pieces + 1), np.float32) if config.pieces else None
    blank = Scaler(features, features, knots=knots)
    network = Ensemble([RiskNetwork(config, blank) for _ in range(members)])
    network.load_state_dict(load(weights))
    return network.eval()


class _Answers(nn.Module):
    """The network with its severity as probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, values: torch.Tensor, observed: torch.Tensor, held: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        risk, severity, attention = self.network(values, observed, held)
        return risk, severity.softmax(dim=-1), attention
