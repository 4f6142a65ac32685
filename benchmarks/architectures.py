"""Other networks under the same heads, for the ablations: none of them serves.

Each takes the place of `RiskNetwork` in `train(..., architecture=…)`: the same scaler, the same
joined width, the same pooling and heads; only what reads the weeks differs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edupulse.model.configuration import NetworkConfig
from edupulse.model.networks.risk_network import RiskNetwork
from edupulse.model.scaling import Scaler


class WithoutAttention(RiskNetwork):
    """The mean state of the weeks in which anything was seen, in the place of attention."""

    def __init__(self, config: NetworkConfig, scaler: Scaler) -> None:
        super().__init__(config, scaler)
        self.attention = MeanOfWeeks()


class MeanOfWeeks(nn.Module):
    """As `PooledAttention`, every week weighing the same."""

    def forward(self, states: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        """Mean state `[N, width]` and each week's weight `[N, W]`."""
        share = read / read.sum(dim=1, keepdim=True).clamp(min=1.0)
        return (share.unsqueeze(1) @ states).squeeze(1), share


class Transformer(RiskNetwork):
    """Two encoder layers over the weeks, all families together, learned places, no recurrence."""

    def __init__(self, config: NetworkConfig, scaler: Scaler) -> None:
        super().__init__(config, scaler)
        self.readers = nn.ModuleList()
        self.embed = nn.Linear(2 * config.features, config.width)
        self.place = nn.Parameter(0.02 * torch.randn(config.weeks, config.width))
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            2 * config.width,
            config.dropout,
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def _read(self, scaled: Tensor, seen: Tensor, held: Tensor) -> Tensor:
        states: Tensor = self.embed(torch.cat((scaled, seen), dim=-1)) + self.place
        encoded: Tensor = self.encoder(states, src_key_padding_mask=~held)
        return encoded


class Decaying(RiskNetwork):
    """Input decay after GRU-D (Che et al. 2018): what is not observed now keeps its last value.

    The last value fades toward the mean at a rate learned for each feature. The decay of hidden
    states, which needs a cell of its own, is left out.
    """

    def __init__(self, config: NetworkConfig, scaler: Scaler) -> None:
        super().__init__(config, scaler)
        self.rate = nn.Parameter(torch.zeros(config.features))
        self.offset = nn.Parameter(torch.zeros(config.features))

    def _read(self, scaled: Tensor, seen: Tensor, held: Tensor) -> Tensor:
        week = torch.arange(scaled.shape[1], device=scaled.device)[:, None]
        last = torch.where(seen > 0, week, -1).cummax(dim=1).values
        kept = scaled.gather(1, last.clamp(min=0)) * (last >= 0)
        since = (week - last).to(scaled.dtype)
        fading = torch.exp(-torch.relu(self.rate * since + self.offset))
        return super()._read(torch.where(seen > 0, scaled, fading * kept), seen, held)


class TextbookAttention(nn.Module):
    """Attention as usually written: every week is projected, then the weeks are pooled."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, states: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        """As `PooledAttention.forward`."""
        context, weight = self.attention(states, states, states, key_padding_mask=read == 0)
        share = (read / read.sum(dim=1, keepdim=True)).unsqueeze(1)
        return (share @ context).squeeze(1), (share @ weight).squeeze(1)


class Textbook(RiskNetwork):
    """The same network with that attention: the way the project's seed asked for it."""

    def __init__(self, config: NetworkConfig, scaler: Scaler) -> None:
        super().__init__(config, scaler)
        self.attention = TextbookAttention(config.width, config.heads)
