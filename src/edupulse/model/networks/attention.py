"""Multi-head self-attention over the weeks, pooled over the weeks in which anything was seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_NEVER = -1e9


class PooledAttention(nn.Module):
    """Self-attention whose value and output projections are applied after pooling.

    Pooling is a weighted mean over the weeks and nothing non-linear lies between it and the
    projections, so `pool(A (X V)) O = ((pool A) X) V O` exactly: 20 times fewer products.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a key's bias cancels in the softmax
        self.value = nn.Parameter(torch.empty(heads, width, width // heads))
        self.output = nn.Linear(width, width)
        nn.init.uniform_(self.value, -(width**-0.5), width**-0.5)

    def forward(self, states: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        """Context `[N, width]` and each week's weight `[N, W]` of `states [N, W, width]`.

        `read [N, W]` is 1 on the weeks that may be attended to and are pooled, else 0.
        """
        share = read / read.sum(dim=1, keepdim=True).clamp(min=1.0)
        bias = ((1.0 - read) * _NEVER).unsqueeze(1).unsqueeze(1)
        weights = torch.softmax(self._affinity(states) + bias, dim=-1)
        pooled = (share.unsqueeze(1).unsqueeze(1) @ weights).squeeze(2)  # [N, heads, W]
        context = (pooled @ states).transpose(0, 1) @ self.value  # [heads, N, width / heads]
        joined = context.transpose(0, 1).flatten(1)
        return self.output(joined), pooled.mean(dim=1)

    def _affinity(self, states: Tensor) -> Tensor:
        """Scaled dot products `[N, heads, W, W]` of every week with every week."""
        size = states.shape[-1] // self.heads
        query = self.query(states).unflatten(-1, (self.heads, size)).transpose(1, 2)
        key = self.key(states).unflatten(-1, (self.heads, size)).permute(0, 2, 3, 1)
        affinity: Tensor = (query * size**-0.5) @ key
        return affinity
