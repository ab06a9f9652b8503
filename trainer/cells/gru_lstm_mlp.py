"""The baselines of a liquid cell: GRU, LSTM, and an MLP on the last samples.

None of them reads the elapsed time; where they should, give it to them as one more input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError


class GRUCell(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) of H = `units` states; `cell` is torch's own."""

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_size, self.state_size, self.output_size = input_size, units, units
        self.cell = nn.GRUCell(input_size, units)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H] -> next h [B, H]; dt is not read."""
        result: Tensor = self.cell(x, h)
        return result

    def output(self, h: Tensor) -> Tensor:
        """All units: h [B, H] itself."""
        return h


class LSTMCell(nn.Module):
    """A long short-term memory (Hochreiter and Schmidhuber 1997) of U = `units` units.

    It has 2 U states: the hidden state h, then the cell state c. `cell` is torch's own, which
    stacks its weights in the order input, forget, candidate, output.
    """

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_size, self.state_size, self.output_size = input_size, 2 * units, units
        self.cell = nn.LSTMCell(input_size, units)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], [h, c] [B, 2 U] -> next [h, c] [B, 2 U]; dt is not read."""
        units = self.output_size
        return torch.cat(self.cell(x, (h[:, :units], h[:, units:])), dim=1)

    def output(self, h: Tensor) -> Tensor:
        """The hidden state: [h, c] [B, 2 U] -> h [B, U]."""
        return h[:, : self.output_size]


class MemoryCell(nn.Module):
    """The LSTM of ncps' mixed memory (Lechner and Hasani 2020), with its parameters' names.

    It stacks its weights in the order candidate, input, forget, output, and adds 1 to the
    forget gate's argument.
    """

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_map = nn.Linear(input_size, 4 * units)
        self.recurrent_map = nn.Linear(units, 4 * units, bias=False)
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.uniform_(self.input_map.bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_map.weight)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, I], h and c [B, U] -> next h and c."""
        z = self.input_map(x) + self.recurrent_map(h)
        candidate, enter, forget, leave = z.chunk(4, 1)
        c = c * torch.sigmoid(forget + 1.0) + torch.tanh(candidate) * torch.sigmoid(enter)
        return torch.tanh(c) * torch.sigmoid(leave), c


class MLPCell(nn.Module):
    """A multilayer perceptron on the last K = `samples` samples, the present one included.

    Its state is these samples, the oldest first (a delay line). Raises ElegansError for less
    than one sample.
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
        """Drop the oldest sample and append x [B, I]: h [B, K I] -> [B, K I]; dt is not read."""
        return torch.cat([h[:, self.input_size :], x], dim=1)

    def output(self, h: Tensor) -> Tensor:
        """The perceptron of the samples: h [B, K I] -> y [B, O]."""
        result: Tensor = self.layers(h)
        return result


def mlp(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Linear layers of the sizes `hidden`, then `outputs`, with ReLU between: [B, I] -> [B, O]."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), nn.ReLU()]
        inputs = size
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
