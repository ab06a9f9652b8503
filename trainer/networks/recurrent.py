"""Any cell over whole sequences, with a head before it, an LSTM beside it, a map behind it.

A cell is a module with `input_size`, `state_size`, `output_size`, `forward(x, h, dt)`, which
gives the next h, and `output(h)`, which gives the outputs. Every cell of `trainer.cells` is
one; a module of your own with these attributes is trained and exported in the same way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.networks.run_cell import run_cell


class Recurrent(nn.Module):
    """`projection(cell(head(x)))`, optionally with an LSTM beside the cell.

    head        a module with `input_size` and `output_size` (`trainer.cells.heads`)
    memory      mixed memory (Lechner and Hasani 2020): in each step an LSTM first computes
                the hidden state from which the cell starts; the state is then [h, c], twice
                as long
    projection  the number of outputs of a linear map behind the cell; None for no map

    Raises ElegansError for a head whose outputs are not as many as the cell's inputs.
    """

    rnn_cell: Any
    head: Any

    def __init__(
        self,
        cell: nn.Module,
        *,
        head: nn.Module | None = None,
        memory: bool = False,
        projection: int | None = None,
    ) -> None:
        super().__init__()
        self.rnn_cell = cell
        self.head = head
        self.cell_size = int(self.rnn_cell.state_size)
        self.input_size = int((self.rnn_cell if head is None else self.head).input_size)
        if head is not None and self.head.output_size != self.rnn_cell.input_size:
            raise ElegansError(
                "head",
                f"gives {self.head.output_size} features to a cell of "
                f"{self.rnn_cell.input_size} inputs",
                "build the cell for the head's output_size",
            )
        self.lstm = nn.LSTMCell(self.rnn_cell.input_size, self.cell_size) if memory else None
        self.state_size = self.cell_size * (2 if memory else 1)
        size = int(self.rnn_cell.output_size)
        self.fc = nn.Linear(size, projection) if projection else nn.Identity()
        self.output_size = projection or size

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H], dt [B, 1] -> y [B, O], next h [B, H]."""
        if self.head is not None:
            x = self.head(x)
        if self.lstm is None:
            state = self.rnn_cell(x, h, dt)
            return self.fc(self.rnn_cell.output(state)), state
        hidden, cell_state = self.lstm(x, (h[:, : self.cell_size], h[:, self.cell_size :]))
        hidden = self.rnn_cell(x, hidden, dt)
        return self.fc(self.rnn_cell.output(hidden)), torch.cat([hidden, cell_state], dim=1)

    def forward(
        self, x: Tensor, dt: Tensor | float = 1.0, h0: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run x [B, T, I] from h0 [B, H] (default: 0) -> y [B, T, O], last h [B, H].

        dt is the time before each sample: [B, T], or one number for all. Raises ElegansError
        for other shapes.
        """
        if x.dim() != 3 or x.shape[2] != self.input_size or not x.shape[1]:
            fact = f"x has shape {list(x.shape)}"
            raise ElegansError("sequence", fact, f"give [batch, steps, {self.input_size}]")
        elapsed = dt if isinstance(dt, Tensor) else x.new_full(x.shape[:2], dt)
        if elapsed.shape != x.shape[:2]:
            fact = f"dt has shape {list(elapsed.shape)}"
            raise ElegansError("sequence", fact, f"give {list(x.shape[:2])}, one for each sample")
        h = x.new_zeros(x.shape[0], self.state_size) if h0 is None else h0
        if self.lstm is None:
            flat = x.flatten(0, 1)
            features = flat if self.head is None else self.head(flat)
            states = run_cell(self.rnn_cell, features.unflatten(0, x.shape[:2]), elapsed, h)
            y = self.fc(self.rnn_cell.output(states.flatten(0, 1)))
            return y.unflatten(0, x.shape[:2]), states[:, -1]
        outputs = []
        for k in range(x.shape[1]):
            y, h = self.step(x[:, k], h, elapsed[:, k, None])
            outputs.append(y)
        return torch.stack(outputs, dim=1), h
