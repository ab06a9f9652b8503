"""What liquid cells are compared with on the same chip: GRU, LSTM, and an MLP on a delay line.

None of them reads elapsed time; give it to them as one more input if they should.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError


class GRUCell(nn.Module):
    """A gated recurrent unit (Cho et al. 2014); `cell` is torch's own."""

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_size, self.state_size, self.output_size = input_size, units, units
        self.cell = nn.GRUCell(input_size, units)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H] -> next h [B, H]; dt is not read."""
        result: Tensor = self.cell(x, h)
        return result

    def output(self, h: Tensor) -> Tensor:
        """All neurons."""
        return h


class LSTMCell(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997); its state is [h, c]."""

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_size, self.state_size, self.output_size = input_size, 2 * units, units
        self.cell = nn.LSTMCell(input_size, units)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], [h, c] [B, 2 H] -> next [h, c] [B, 2 H]; dt is not read."""
        units = self.output_size
        return torch.cat(self.cell(x, (h[:, :units], h[:, units:])), dim=1)

    def output(self, h: Tensor) -> Tensor:
        """The hidden half of the state."""
        return h[:, : self.output_size]


class MLPCell(nn.Module):
    """A multilayer perceptron on the last `samples` samples: its state is the delay line.

    The oldest sample comes first, and the present one belongs to it.
    """

    def __init__(
        self, input_size: int, samples: int, hidden: Sequence[int], output_size: int
    ) -> None:
        super().__init__()
        if samples < 1:
            raise ElegansError("MLP cell", f"{samples} samples", "give at least 1")
        self.input_size, self.output_size = input_size, output_size
        self.state_size = input_size * samples
        self.layers = mlp(self.state_size, hidden, output_size)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, I K] -> h without its oldest sample, and x; dt is not read."""
        return torch.cat([h[:, self.input_size :], x], dim=1)

    def output(self, h: Tensor) -> Tensor:
        """The perceptron on the whole delay line: [B, I K] -> [B, O]."""
        result: Tensor = self.layers(h)
        return result


def mlp(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Linear layers with rectifiers between them."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), nn.ReLU()]
        inputs = size
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
