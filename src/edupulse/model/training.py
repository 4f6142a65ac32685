"""Trains the network: one loop, read from top to bottom, that can be interrupted and resumed."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edupulse.model.configuration import SEVERITY_CLASSES, NetworkConfig, TrainingConfig
from edupulse.model.networks.risk_network import Ensemble, RiskNetwork
from edupulse.model.rows import (
    Bools,
    OutcomeRows,
    WindowRows,
    require_two_classes,
    require_whole,
)
from edupulse.model.scaling import Scaler, fit_scaler
from edupulse.school.errors import BadInput

_PREDICT_ROWS = 1024

Architecture = Callable[[NetworkConfig, Scaler], RiskNetwork]
"""Makes an untrained network of that shape around a scaler; `RiskNetwork` itself is one."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows: losses, and the learning rate at its end."""

    member: int
    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    best: bool


@dataclass(frozen=True)
class Trained:
    """A trained network on the CPU, in evaluation mode, with everything needed to make it again."""

    network: Ensemble
    scaler: Scaler
    config: NetworkConfig
    training: TrainingConfig
    seed: int
    rows: int
    epochs: tuple[Epoch, ...]

    def predict(self, windows: WindowRows) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Risk logits `[N]` and severity probabilities `[N, 4]`."""
        return predict(self.network, windows)


@dataclass
class _State:
    """Where an interrupted training stands; everything random is drawn anew from the seed."""

    fingerprint: str
    member: int = 0
    epoch: int = 0
    since_best: int = 0
    best_loss: float = math.inf
    finished: list[dict[str, Tensor]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    current: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)


def train(
    windows: WindowRows,
    outcomes: OutcomeRows,
    *,
    validation: Bools,
    network: NetworkConfig | None = None,
    training: TrainingConfig | None = None,
    seed: int = 0,
    device: str = "cpu",
    architecture: Architecture = RiskNetwork,
    state: Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train on the rows with a known outcome that are not `validation` (bool `[N]`).

    `validation` rows, whole students, only decide when to stop. With `state`, a file written after
    every epoch, an interrupted training goes on where it stopped and ends with the same weights
    bit for bit; a state of other data or settings is not used; at the end it is removed. An
    `architecture` of one's own takes the place of `RiskNetwork`. The loss
    is plain: reweighting the rare class would shift every probability, so instead the heads begin
    at the base rates (Niculescu-Mizil & Caruana 2005 on why log loss calibrates).

    Raises `NotReady` where fewer than two classes are known, `BadInput` on arrays that do not fit.
    """
    network, training = network or NetworkConfig(), training or TrainingConfig()
    _require_fit(windows, network)
    rows = _Rows.split(windows, outcomes, validation, device)
    scaler = fit_scaler(*rows.fitting(windows), network.pieces)
    at = _load(state, _fingerprint(windows, rows, network, training, seed, architecture))
    with _one_machine(training.threads):
        while at.member < training.ensemble:
            torch.manual_seed(_member_seed(seed, at.member))
            model = architecture(network, scaler)
            _train_member(at, rows, model, training, seed, state, progress)
    members = [_restored(architecture(network, scaler), weights) for weights in at.finished]
    if state is not None:
        state.unlink(missing_ok=True)
    epochs = tuple(Epoch(**line) for line in at.log)
    whole = Ensemble(members).eval()
    return Trained(whole, scaler, network, training, seed, len(rows.train), epochs)


def _train_member(
    at: _State,
    rows: _Rows,
    model: RiskNetwork,
    training: TrainingConfig,
    seed: int,
    state: Path | None,
    progress: Callable[[Epoch], None] | None,
) -> None:
    """One network of the ensemble, from where `at` stands to its best epoch."""
    member_seed = _member_seed(seed, at.member)
    model.begin_at(*rows.base_rates())
    model.to(rows.device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    steps = math.ceil(len(rows.train) / training.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _rate(training, steps))
    if at.current:
        model.load_state_dict(at.current["model"])
        optimizer.load_state_dict(at.current["optimizer"])
        schedule.load_state_dict(at.current["schedule"])

    while at.epoch < training.epochs and at.since_best < training.patience:
        torch.manual_seed(member_seed * 1_000 + at.epoch + 1)  # order and dropout of this epoch
        model.train()
        total = 0.0
        for batch in torch.split(_shuffled(rows.train), training.batch):
            with torch.autocast(rows.device_type, torch.bfloat16, enabled=training.bfloat16):
                loss = _loss(model, rows, batch, training.severity_weight)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        held_out = _validation_loss(model, rows, training.severity_weight)
        better = held_out < at.best_loss
        at.epoch, at.since_best = at.epoch + 1, 0 if better else at.since_best + 1
        if better:
            at.best_loss, at.best = held_out, model.cpu_weights()
        line = Epoch(
            at.member,
            at.epoch,
            training.epochs,
            total / len(rows.train),
            held_out,
            float(schedule.get_last_lr()[0]),
            better,
        )
        at.log.append(asdict(line))
        at.current = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        }
        _save(at, state)
        if progress is not None:
            progress(line)

    at.finished.append(at.best)
    at.member, at.epoch, at.since_best, at.best_loss = at.member + 1, 0, 0, math.inf
    at.best, at.current = {}, {}
    _save(at, state)


@dataclass(frozen=True)
class _Rows:
    """The rows as tensors on the device, and which of them train and which validate."""

    values: Tensor
    observed: Tensor
    held: Tensor
    off_track: Tensor
    severity: Tensor
    train: Tensor
    validate: Tensor
    device: str

    @classmethod
    def split(
        cls, windows: WindowRows, outcomes: OutcomeRows, validation: Bools, device: str
    ) -> _Rows:
        known = np.asarray(outcomes.known)
        require_two_classes(outcomes.off_track[known & ~validation])
        require_two_classes(outcomes.off_track[known & validation])
        return cls(
            _tensor(windows.values).to(device),
            _tensor(windows.observed).to(device),
            _tensor(windows.held).to(device),
            _tensor(outcomes.off_track.astype(np.float32)).to(device),
            _tensor(outcomes.severity.astype(np.int64)).to(device),
            _tensor(np.flatnonzero(known & ~validation)),
            _tensor(np.flatnonzero(known & validation)),
            device,
        )

    def fitting(self, windows: WindowRows) -> tuple[NDArray[np.float32], Bools]:
        """Values and flags of the training rows, for the scaler."""
        rows = self.train.numpy()
        return windows.values[rows], windows.observed[rows] & windows.held[rows, :, None]

    @property
    def device_type(self) -> str:
        """The device without its number."""
        return torch.device(self.device).type

    def base_rates(self) -> tuple[float, list[float]]:
        """Share off track, and of each severity class, in the training rows."""
        counts = torch.bincount(self.severity[self.train].cpu(), minlength=SEVERITY_CLASSES)
        shares = (counts / counts.sum()).tolist()
        return self.off_track[self.train].mean().item(), shares


def _member_seed(seed: int, member: int) -> int:
    return seed + 7919 * member


def _loss(model: nn.Module, rows: _Rows, batch: Tensor, severity_weight: float) -> Tensor:
    """The combined loss of both heads, a mean over the batch."""
    risk, severity, _ = model(rows.values[batch], rows.observed[batch], rows.held[batch])
    binary = functional.binary_cross_entropy_with_logits(risk.float(), rows.off_track[batch])
    ordinal = functional.cross_entropy(severity.float(), rows.severity[batch])
    return binary + severity_weight * ordinal


def _validation_loss(model: nn.Module, rows: _Rows, severity_weight: float) -> float:
    model.eval()
    with torch.inference_mode():
        losses = [
            _loss(model, rows, batch, severity_weight).item() * len(batch)
            for batch in torch.split(rows.validate, _PREDICT_ROWS)
        ]
    return float(sum(losses)) / len(rows.validate)


def _shuffled(rows: Tensor) -> Tensor:
    return rows[torch.randperm(len(rows))]


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor, copied only where torch could not share it."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _rate(training: TrainingConfig, steps: int) -> Callable[[int], float]:
    """Linear warm-up, then half a cosine down to `final_rate`, over all epochs."""
    total = max(training.epochs * steps, 1)
    rising = max(round(training.warm_up * total), 1)

    def rate(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = min((step - rising) / max(total - rising, 1), 1.0)
        return training.final_rate + (1 - training.final_rate) * (1 + math.cos(math.pi * done)) / 2

    return rate


def predict(
    network: nn.Module, windows: WindowRows
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Risk logits `[N]` and severity probabilities `[N, 4]` by torch, on the CPU."""
    network.eval()
    risks, severities = [np.empty(0, np.float32)], [np.empty((0, SEVERITY_CLASSES), np.float32)]
    with torch.inference_mode():
        for begin in range(0, len(windows.values), _PREDICT_ROWS):
            part = slice(begin, begin + _PREDICT_ROWS)
            arrays = (windows.values[part], windows.observed[part], windows.held[part])
            risk, severity, _ = network(*(_tensor(array) for array in arrays))
            risks.append(risk.numpy())
            severities.append(severity.softmax(dim=-1).numpy())
    return np.concatenate(risks), np.concatenate(severities)


def _require_fit(windows: WindowRows, network: NetworkConfig) -> None:
    require_whole(windows)
    _, weeks, features = windows.values.shape
    if (weeks, features) != (network.weeks, network.features):
        raise BadInput(
            f"Windows of {weeks} weeks and {features} features do not fit a network of"
            f" {network.weeks} weeks and {network.features} features.",
            "Give a NetworkConfig with the windows' own sizes.",
        )
    if network.width % network.heads:
        raise BadInput(
            f"A width of {network.width} cannot be shared by {network.heads} heads.",
            "Choose another `hidden` or `heads`.",
        )


def _restored(model: RiskNetwork, weights: dict[str, Tensor]) -> RiskNetwork:
    model.load_state_dict(weights)
    return model.eval()


@contextmanager
def _one_machine(threads: int) -> Iterator[None]:
    """Bounded threads, and a random state of our own that leaves the caller's alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(before)


def _fingerprint(
    windows: WindowRows,
    rows: _Rows,
    network: NetworkConfig,
    training: TrainingConfig,
    seed: int,
    architecture: Architecture,
) -> str:
    """Names the data and settings of a training, so that a foreign state is never continued."""
    made_by = f"{architecture.__module__}.{getattr(architecture, '__qualname__', architecture)}"
    digest = hashlib.sha256(repr((network, training, seed, rows.device, made_by)).encode())
    arrays = (windows.values, windows.observed, windows.held)
    tensors = (rows.off_track.cpu(), rows.severity.cpu(), rows.train, rows.validate)
    for array in (*arrays, *(tensor.numpy() for tensor in tensors)):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _load(state: Path | None, fingerprint: str) -> _State:
    """The state in the file where it is of this very training, else a beginning."""
    if state is None or not state.exists():
        return _State(fingerprint)
    stored = torch.load(state, map_location="cpu", weights_only=True)
    return _State(**stored) if stored["fingerprint"] == fingerprint else _State(fingerprint)


def _save(at: _State, state: Path | None) -> None:
    """Write the state beside the file and move it there, so that it is whole or the one before."""
    if state is None:
        return
    beside = state.with_name(state.name + ".new")
    torch.save(vars(at), beside)
    os.replace(beside, state)
