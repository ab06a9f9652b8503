"""A CfC over whole sequences, with the time that really passed before each sample.

Every sample of every sequence in a batch has its own elapsed time. A circuit runs as a
wave front: its layers feed only forward within a step, so while layer 0 takes sample k,
layer 1 can take sample k-1 and layer 2 sample k-2, all in one matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell, blend
from elegans.trainer.wiring.ncp import NCP, Wiring


class CfC(nn.Module):
    """A circuit (`units` is an NCP plan or a Wiring) or a dense net (`units` is a number).

    The outputs are the motor neurons of a circuit, or all neurons of a dense net, which
    has a backbone of one layer of 128 unless told otherwise. Loads `ncps.torch.CfC`'s
    state_dict (without proj_size and mixed memory).
    """

    def __init__(
        self,
        input_size: int,
        units: NCP | Wiring | int,
        mode: str = "default",
        *,
        backbone_units: int = 128,
        backbone_layers: int = 1,
        activation: str = "lecun_tanh",
    ) -> None:
        super().__init__()
        wiring = units.build(input_size) if isinstance(units, NCP) else units
        self.rnn_cell: WiredCfCCell | CfCCell
        if isinstance(wiring, Wiring):
            if wiring.inputs != input_size:
                raise ElegansError(
                    "CfC",
                    f"the wiring has {wiring.inputs} inputs, not {input_size}",
                    "build it anew",
                )
            self.state_size, self.output_size = wiring.neurons, wiring.outputs
            self.rnn_cell = WiredCfCCell(wiring, mode)
        else:
            self.state_size = self.output_size = wiring
            self.rnn_cell = CfCCell(
                input_size,
                wiring,
                mode,
                backbone_units=backbone_units,
                backbone_layers=backbone_layers,
                activation=activation,
            )
        self.input_size, self.mode = input_size, mode

    def forward(
        self, x: Tensor, dt: Tensor | float = 1.0, h0: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run x [B, T, I] from h0 [B, H] (zeros) -> outputs [B, T, O], last state [B, H].

        dt is the time before each sample, above zero: [B, T], [B, T, 1], or one number.
        """
        batch, steps = self._shape(x)
        h = x.new_zeros(batch, self.state_size) if h0 is None else h0
        elapsed = self._elapsed(dt, x)
        if h.shape != (batch, self.state_size):
            raise _mismatch("h0", h, f"[{batch}, {self.state_size}]")
        if isinstance(self.rnn_cell, WiredCfCCell) and self.mode != "pure":
            return _wave(self.rnn_cell.layers, self.mode, x, elapsed, h)
        outputs = []
        for k in range(steps):
            h = self.rnn_cell(x[:, k], h, elapsed[:, k])
            outputs.append(h[:, -self.output_size :])
        return torch.stack(outputs, dim=1), h

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H], dt [B, 1] -> y [B, O], next h [B, H]."""
        state = self.rnn_cell(x, h, dt)
        return self.rnn_cell.output(state), state

    def _shape(self, x: Tensor) -> tuple[int, int]:
        if x.dim() != 3 or x.shape[1] < 1 or x.shape[2] != self.input_size:
            raise _mismatch("x", x, f"[batch, steps, {self.input_size}]")
        return x.shape[0], x.shape[1]

    def _elapsed(self, dt: Tensor | float, x: Tensor) -> Tensor:
        """dt as [B, T, 1]: never squeezed, never broadcast across samples by accident."""
        if not isinstance(dt, Tensor):
            return x.new_full((*x.shape[:2], 1), dt)
        if dt.shape == x.shape[:2]:
            return dt.unsqueeze(-1)
        if dt.shape == (*x.shape[:2], 1):
            return dt
        raise _mismatch("dt", dt, f"[{x.shape[0]}, {x.shape[1]}], one for each sample")


def _mismatch(name: str, tensor: Tensor, wanted: str) -> ElegansError:
    return ElegansError("CfC", f"{name} has shape {list(tensor.shape)}", f"give {wanted}")


def _wave(
    cells: list[CfCCell], mode: str, x: Tensor, dt: Tensor, h: Tensor
) -> tuple[Tensor, Tensor]:
    """Run a circuit as T + L - 1 fronts; equal to running it step by step.

    All layers share one state row and one matrix: layer l's maps read its own state and
    that of layer l-1, which the front before has just computed for the same sample.
    """
    steps, sizes = x.shape[1], [cell.units for cell in cells]
    total, lag = sum(sizes), len(cells) - 1
    sensing, weight, bias = _joined(cells)

    # What does not depend on the state, for all fronts at once: [fronts, B, 4 total].
    sensed = torch.einsum("bti,mhi->tbmh", x, sensing)
    sensed = functional.pad(sensed, (0, total - sizes[0], 0, 0, 0, 0, 0, lag))
    drive = (sensed + bias).flatten(2)
    layer = torch.repeat_interleave(torch.arange(lag + 1), torch.tensor(sizes))
    sample = torch.arange(steps + lag)[:, None] - layer[None, :]
    active = (sample >= 0) & (sample < steps)
    gap = dt[:, sample.clamp(0, steps - 1), 0].transpose(0, 1).unbind(0)

    matrix = weight.view(4 * total, total).t()
    row, history = h, []
    for k, driven in enumerate(drive.unbind(0)):
        z = torch.addmm(driven, row, matrix)
        heads = torch.tanh(z[:, : 2 * total])
        t = torch.sigmoid(torch.addcmul(z[:, 3 * total :], z[:, 2 * total : 3 * total], gap[k]))
        moved = blend(heads[:, :total], heads[:, total:], t, mode)
        # At both ends some layers have no sample: they keep their state.
        row = moved if lag <= k < steps else torch.where(active[k], moved, row)
        history.append(row)
    outputs = torch.stack([front[:, -sizes[-1] :] for front in history[lag:]], dim=1)
    return outputs, row


def _joined(cells: list[CfCCell]) -> tuple[Tensor, Tensor, Tensor]:
    """The maps of all layers as one: sensing [4, H0, I], weight [4, H, H], bias [4, H]."""
    fused = [
        (weight.view(4, cell.units, -1), bias.view(4, cell.units))
        for cell in cells
        for weight, bias in [cell.fused()]
    ]
    total = sum(cell.units for cell in cells)
    joined = fused[0][0].new_zeros(4, total, total)
    start = 0
    for index, (cell, (weight, _)) in enumerate(zip(cells, fused, strict=True)):
        rows = slice(start, start + cell.units)
        joined[:, rows, rows] = weight[:, :, cell.input_size :]
        if index > 0:
            joined[:, rows, start - cell.input_size : start] = weight[:, :, : cell.input_size]
        start += cell.units
    sensing = fused[0][0][:, :, : cells[0].input_size]
    return sensing, joined, torch.cat([bias for _, bias in fused], dim=1)
