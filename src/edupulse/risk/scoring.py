"""Scores windows by ONNX Runtime: no torch, one thread unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime

from edupulse.model.calibration import Calibration
from edupulse.panel.windows import Flags, Floats, Windows
from edupulse.school.errors import CatalogMismatch

CHUNK = 32
"""Rows a call: beyond it a network's activations leave the processor's cache."""

_OUTPUTS = ("risk_logit", "severity", "attention")

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Of each row: what a checkpoint says.

    `logit` and `risk` float64[N] (calibrated), `low` and `high` float64[N] the Venn–Abers interval,
    `in_set` bool[N, 2] whether on track and off track belong to the prediction set. Diagnostics,
    not explanations: `severity` float32[N, 4] probabilities and `attention` float32[N, W].
    """

    logit: Numbers
    risk: Numbers
    low: Numbers
    high: Numbers
    in_set: Flags
    severity: Floats
    attention: Floats


class Scorer:
    """A network in ONNX and the tables that calibrate it."""

    def __init__(self, graph: bytes, calibration: Calibration, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
        self._calibration = calibration
        _, self.weeks, self.features = self._session.get_inputs()[0].shape
        self._row_shapes = {"risk_logit": (), "severity": (4,), "attention": (self.weeks,)}

    def score(self, windows: Windows) -> Scores:
        """What the checkpoint says of each window. Raises CatalogMismatch for other features."""
        parts = list(self._run(windows.values, windows.observed, windows.held, _OUTPUTS))
        logit, severity, attention = (np.concatenate(part) for part in zip(*parts, strict=True))
        logit = logit.astype(np.float64)
        low, high = self._calibration.interval(logit)
        return Scores(
            logit=logit,
            risk=self._calibration.risk(logit),
            low=low,
            high=high,
            in_set=self._calibration.prediction_set(logit),
            severity=severity,
            attention=attention,
        )

    def logits(self, values: Floats, observed: Flags, held: Flags) -> Numbers:
        """The uncalibrated logit float64[N] of arrays as in `Windows`."""
        parts = [part[0] for part in self._run(values, observed, held, _OUTPUTS[:1])]
        return np.concatenate(parts).astype(np.float64)

    def _run(
        self, values: Floats, observed: Flags, held: Flags, outputs: tuple[str, ...]
    ) -> Iterator[tuple[Floats, ...]]:
        """Outputs chunk by chunk; of no rows one empty chunk, at which ONNX Runtime would abort."""
        if values.shape[1:] != (self.weeks, self.features):
            raise CatalogMismatch(
                f"The checkpoint reads {self.weeks} weeks of {self.features} features, not "
                f"{values.shape[1]} of {values.shape[2]}.",
                "Use the checkpoint with the feature catalog that it was trained on.",
            )
        if not len(values):
            yield tuple(np.zeros((0, *self._row_shapes[name]), np.float32) for name in outputs)
        for start in range(0, len(values), CHUNK):
            at = slice(start, start + CHUNK)
            feeds = {"values": values[at], "observed": observed[at], "held": held[at]}
            yield tuple(self._session.run(list(outputs), feeds))
