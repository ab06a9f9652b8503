"""What all layers over whole sequences share: shapes, elapsed time, lengths, masks, projection.

The arguments have ncps' names and meanings. Every sample of every sequence has its own elapsed
time, and the results of a batch are those of its sequences one by one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elegans.trainer.cells.gru_lstm_mlp import MemoryCell
from elegans.trainer.networks.run_cell import run_cell
from elegans.trainer.networks.sequences import Sequences, from_arguments, mismatch

State = Tensor | tuple[Tensor, Tensor]
"""h [B, H]; with mixed memory, and for an LSTM, (h, c), [B, H] each."""


class SequenceLayer(nn.Module):
    """A cell over whole sequences, and a linear map behind it.

    proj_size         the number of outputs of the map; None for no map
    return_sequences  whether `output` has all samples or only each sequence's last one
    batch_first       whether tensors are [B, T, ...] or [T, B, ...]
    mixed_memory      whether an LSTM computes, in each step, the state from which the cell starts
                      (Lechner and Hasani 2020)
    """

    rnn_cell: Any
    pair = False
    """Whether the state is (h, c) without mixed memory, too."""

    def __init__(
        self,
        cell: nn.Module,
        *,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
    ) -> None:
        super().__init__()
        self.rnn_cell = cell
        self.input_size = int(self.rnn_cell.input_size)
        self.output_size = int(self.rnn_cell.output_size)
        self.state_size = int(self.rnn_cell.state_size) // (2 if self.pair else 1)
        self.proj_size, self.return_sequences = proj_size, return_sequences
        self.batch_first, self.use_mixed = batch_first, mixed_memory
        if mixed_memory:
            self.lstm = MemoryCell(self.input_size, self.state_size)
        self.fc = nn.Linear(self.output_size, proj_size) if proj_size else nn.Identity()

    @property
    def carried_size(self) -> int:
        """The length of [h], or of [h, c], that a step carries to the next."""
        return self.state_size * (2 if self.use_mixed or self.pair else 1)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        timespans: Tensor | float | None = None,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Any, State]:
        """Run sequences from the state hx (default: 0) -> (output, state behind the last sample).

        input      [B, T, I] ([T, B, I] if not batch_first), one sequence [T, I], or a
                   PackedSequence, for which the output is one, too
        timespans  the time before each sample, >= 0: [B, T] or [B, T, 1] (batch second if not
                   batch_first), [B] for the same in all of a sequence, or one number; 1 if None
        lengths    [B], 0 to T: what is behind them is not read; the output is 0 there
        mask       [B, T] bool, False where no sample is: the state and the output stay, and the
                   time that passed is added to that before the next sample

        Raises ElegansError for other shapes.
        """
        if isinstance(input, PackedSequence):
            padded, lengths = pad_packed_sequence(input, self.batch_first)
            output, state = self(padded, hx, timespans, lengths=lengths, mask=mask)
            if self.return_sequences:
                output = pack_padded_sequence(output, lengths, self.batch_first, False)
            return output, state
        given = from_arguments(
            input, timespans, lengths, mask, inputs=self.input_size, batch_first=self.batch_first
        )
        alone = input.dim() == 2
        h0 = self._joined(hx, given.x, alone)
        outputs, last = self._run(given, h0)
        state = self._parted(last[0] if alone else last)
        if not self.return_sequences:
            output = self.fc(self.rnn_cell.output(self._of_cell(last)))
            return output[0] if alone else output, state
        outputs = given.expanded(outputs, lambda: self.rnn_cell.output(self._of_cell(h0)))
        outputs = given.zero_behind_lengths(self.fc(outputs))
        if alone:
            return outputs[0], state
        return outputs if self.batch_first else outputs.transpose(0, 1), state

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, carried_size], dt [B, 1] -> y [B, O], next h."""
        if self.use_mixed:
            hidden, c = self.lstm(x, *h.chunk(2, dim=1))
            h = self.rnn_cell(x, hidden, dt)
            return self.fc(self.rnn_cell.output(h)), torch.cat([h, c], dim=1)
        h = self.rnn_cell(x, h, dt)
        return self.fc(self.rnn_cell.output(h)), h

    def _run(self, given: Sequences, h0: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs before the projection, [B, T, O], and the last states, [B, carried_size]."""
        if self.use_mixed:
            steps, h = [], h0
            for k in range(given.x.shape[1]):
                hidden, c = self.lstm(given.x[:, k], *h.chunk(2, dim=1))
                hidden = self.rnn_cell(given.x[:, k], hidden, given.dt[:, k, None])
                h = torch.cat([hidden, c], dim=1)
                steps.append(h)
            states = torch.stack(steps, dim=1)
        else:
            states = run_cell(self.rnn_cell, given.x, given.dt, h0, given.period)
        outputs = self.rnn_cell.output(self._of_cell(states.flatten(0, 1)))
        return outputs.unflatten(0, states.shape[:2]), given.last(states, h0)

    def _of_cell(self, h: Tensor) -> Tensor:
        """The cell's own part of [h, c]."""
        return h[:, : self.state_size] if self.use_mixed else h

    def _joined(self, hx: State | None, x: Tensor, alone: bool) -> Tensor:
        if hx is None:
            return x.new_zeros(x.shape[0], self.carried_size)
        given = hx if isinstance(hx, tuple) else (hx,)
        parts = [part.unsqueeze(0) if alone else part for part in given]
        count, wanted = self.carried_size // self.state_size, (x.shape[0], self.state_size)
        if len(parts) != count or any(part.shape != wanted for part in parts):
            shapes = ", ".join(str(list(part.shape[1:] if alone else part.shape)) for part in parts)
            size = list(wanted[1:] if alone else wanted)
            wish = f"(h, c) of {size} each" if count == 2 else f"h of {size}"
            raise mismatch(f"hx has {len(parts)} part(s) of shape {shapes}", wish)
        return torch.cat(parts, dim=1)

    def _parted(self, h: Tensor) -> State:
        if self.carried_size == self.state_size:
            return h
        hidden, c = h.chunk(2, dim=-1)
        return hidden, c
