"""The network: a GRU a family of features, attention over the weeks, a risk and a severity head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edupulse.model.configuration import SEVERITY_CLASSES, NetworkConfig
from edupulse.model.networks.attention import PooledAttention
from edupulse.model.networks.recurrent import FamilyGRU
from edupulse.model.scaling import Scaler

#: A piece narrower than this part of a standard deviation is one value, not a range.
_FLAT = 1e-4


class RiskNetwork(nn.Module):
    """From raw windows to logits; the scaler is part of it, so there is one path from raw values.

    A value that is not observed, or lies in a week that is not held, is replaced before anything
    reads it: only its flag can matter.
    """

    center: Tensor
    gain: Tensor

    def __init__(self, config: NetworkConfig, scaler: Scaler) -> None:
        super().__init__()
        self.config = config
        self.limit = scaler.limit
        self.register_buffer("center", torch.from_numpy(scaler.center.copy()))
        self.register_buffer("gain", torch.from_numpy(scaler.gain.copy()))
        self.pieces = None if scaler.knots is None else Pieces(torch.from_numpy(scaler.knots))
        told = 2 + config.pieces
        self.readers = nn.ModuleList(
            FamilyGRU(told * features, config.hidden, config.dropout)
            for features in config.families
        )
        self.attention = PooledAttention(config.width, config.heads)
        self.thin = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(2 * config.width)
        self.risk = nn.Linear(2 * config.width, 1)
        self.severity = nn.Linear(2 * config.width, SEVERITY_CLASSES)

    def forward(
        self, values: Tensor, observed: Tensor, held: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Risk logit `[N]`, severity logits `[N, 4]` and attention `[N, W]`.

        `values [N, W, F]` float in raw units, `observed [N, W, F]` and `held [N, W]` bool.
        """
        seen = observed & held.unsqueeze(-1)
        known = torch.where(seen, values, self.center)
        scaled = ((known - self.center) * self.gain).clamp(-self.limit, self.limit)
        states = self._read(scaled, seen.to(values.dtype), held)
        read = seen.any(dim=-1).to(values.dtype)
        context, attention = self.attention(self.thin(states), read)
        joined = self.thin(self.norm(torch.cat((context, states[:, -1]), dim=-1)))
        return self.risk(joined).squeeze(-1), self.severity(joined), attention

    def _read(self, scaled: Tensor, seen: Tensor, held: Tensor) -> Tensor:
        """The joined states `[N, W, width]` of every family's reader."""
        padded = (~held).unsqueeze(-1).to(scaled.dtype)
        told = [scaled, seen] if self.pieces is None else [scaled, seen, self.pieces(scaled, seen)]
        sizes = self.config.families
        shares = [
            torch.split(part, [size * part.shape[-1] // sum(sizes) for size in sizes], -1)
            for part in told
        ]
        steps = [torch.cat(parts, dim=-1) for parts in zip(*shares, strict=True)]
        states = [reader(step, padded) for reader, step in zip(self.readers, steps, strict=True)]
        return torch.cat(states, dim=-1)

    def begin_at(self, base_rate: float, severity_shares: Sequence[float]) -> None:
        """Set the heads' biases so that an untrained network says the base rates."""
        shares = torch.tensor(list(severity_shares)).clamp(min=1e-4)
        with torch.no_grad():
            self.risk.bias.fill_(torch.logit(torch.tensor(base_rate), eps=1e-4).item())
            self.severity.bias.copy_(shares.log())

    def cpu_weights(self) -> dict[str, Tensor]:
        """A copy of the weights on the CPU."""
        return {name: weight.detach().cpu().clone() for name, weight in self.state_dict().items()}


class Pieces(nn.Module):
    """Each value's place in the pieces of its feature's range, 0 below and 1 above a piece.

    The piecewise-linear encoding of Gorishniy et al. 2022 (On Embeddings for Numerical Features in
    Tabular Deep Learning). A piece without width, where many values are one, says nothing.
    """

    begins: Tensor
    steepness: Tensor

    def __init__(self, knots: Tensor) -> None:
        super().__init__()
        width = knots[:, 1:] - knots[:, :-1]
        self.register_buffer("begins", knots[:, :-1].clone())
        self.register_buffer("steepness", torch.where(width > _FLAT, 1 / width, 0.0))

    def forward(self, scaled: Tensor, seen: Tensor) -> Tensor:
        """Places `[N, W, F * pieces]` of `scaled [N, W, F]`, feature by feature; 0 if not seen."""
        place = ((scaled.unsqueeze(-1) - self.begins) * self.steepness).clamp(0.0, 1.0)
        return (place * seen.unsqueeze(-1)).flatten(2)


class Ensemble(nn.Module):
    """The mean logits of networks that differ in their seed only (a list of one is that one)."""

    def __init__(self, members: Sequence[RiskNetwork]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(
        self, values: Tensor, observed: Tensor, held: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `RiskNetwork.forward`, averaged."""
        answers = [member(values, observed, held) for member in self.members]
        risk, severity, attention = (
            torch.stack([answer[part] for answer in answers]).mean(dim=0) for part in range(3)
        )
        return risk, severity, attention
