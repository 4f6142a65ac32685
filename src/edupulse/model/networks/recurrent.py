"""A bidirectional GRU layer on which padded weeks leave no trace."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Drives the update gate to exactly 1 on a padded week: the state is then copied unchanged.
_SHUT = 1e4


class SilentGRU(nn.Module):
    """A GRU layer with one more input channel, 1 on padded weeks, that shuts the update gate.

    With the gate z = 1 a GRU's step h' = (1 - z) n + z h is h' = h, so the state stays at zero
    through left padding in the forward direction, and the backward direction ends unchanged. This
    is what packed sequences do, in a fixed shape that exports to a plain ONNX GRU. The channel's
    weights get no gradient: on real weeks it is 0, on padded weeks the gate is flat.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.GRU(inputs + 1, hidden, batch_first=True, bidirectional=True)
        with torch.no_grad():
            for direction in ("weight_ih_l0", "weight_ih_l0_reverse"):
                weight = self.cells.get_parameter(direction)
                weight[:, -1] = 0.0
                weight[hidden : 2 * hidden, -1] = _SHUT  # torch's order: reset, update, new

    def forward(self, steps: Tensor, padded: Tensor) -> Tensor:
        """States `[N, W, 2 * hidden]` of `steps [N, W, inputs]`, `padded [N, W, 1]` 0 or 1."""
        states: Tensor = self.cells(torch.cat((steps, padded), dim=-1))[0]
        return states


class FamilyGRU(nn.Module):
    """Two GRU layers over what is told of one family's features each week."""

    def __init__(self, inputs: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = SilentGRU(inputs, hidden)
        self.between = nn.Dropout(dropout)
        self.second = SilentGRU(2 * hidden, hidden)

    def forward(self, steps: Tensor, padded: Tensor) -> Tensor:
        """States `[N, W, 2 * hidden]` of `steps [N, W, inputs]`, `padded [N, W, 1]` 0 or 1."""
        states = self.first(steps, padded)
        last: Tensor = self.second(self.between(states), padded)
        return last
