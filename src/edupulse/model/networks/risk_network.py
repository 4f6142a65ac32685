"""The network: a GRU a family of features, attention over the weeks, a risk and a severity head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edupulse.model.configuration import SEVERITY_CLASSES, NetworkConfig
from edupulse.model.networks.attention import PooledAttention
from edupulse.model.networks.recurrent import FamilyGRU
from edupulse.model.scaling import Scaler


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
        self.readers = nn.ModuleList(
            FamilyGRU(features, config.hidden, config.dropout) for features in config.families
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
        sizes = list(self.config.families)
        parts = zip(
            self.readers,
            torch.split(scaled, sizes, -1),
            torch.split(seen, sizes, -1),
            strict=True,
        )
        return torch.cat([reader(x, flags, padded) for reader, x, flags in parts], dim=-1)

    def begin_at(self, base_rate: float, severity_shares: Sequence[float]) -> None:
        """Set the heads' biases so that an untrained network says the base rates."""
        shares = torch.tensor(list(severity_shares)).clamp(min=1e-4)
        with torch.no_grad():
            self.risk.bias.fill_(torch.logit(torch.tensor(base_rate), eps=1e-4).item())
            self.severity.bias.copy_(shares.log())

    def cpu_weights(self) -> dict[str, Tensor]:
        """A copy of the weights on the CPU."""
        return {name: weight.detach().cpu().clone() for name, weight in self.state_dict().items()}


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
