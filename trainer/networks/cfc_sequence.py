"""A CfC over whole sequences, with the time that passed before each sample.

Every sample of every sequence in a batch has its own elapsed time. A circuit runs as a
wavefront: its layers feed only forward within a step, so while layer 0 takes sample k,
layer 1 can take sample k-1 and layer 2 sample k-2, all in one matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import Backbone, CfCCell, WiredCfCCell, blend
from elegans.trainer.wiring.ncp import NCP, Wiring

_BACKBONE = Backbone()  # as in ncps


class CfC(nn.Module):
    """A CfC network: a circuit, or a dense layer.

    input_size  I
    units       an NCP plan or a Wiring: a circuit, whose outputs are its motor neurons; or a
                number H: a dense layer, all of whose neurons are outputs
    mode        one of `cells.cfc.MODES`
    backbone    of a dense layer; None for none. A circuit has none

    Loads the state_dict of an `ncps.torch.CfC` (without proj_size and mixed memory). Raises
    ElegansError for a wiring of another number of inputs.
    """

    def __init__(
        self,
        input_size: int,
        units: NCP | Wiring | int,
        mode: str = "default",
        *,
        backbone: Backbone | None = _BACKBONE,
    ) -> None:
        super().__init__()
        wiring = units.build(input_size) if isinstance(units, NCP) else units
        self.rnn_cell: WiredCfCCell | CfCCell
        if isinstance(wiring, Wiring):
            if wiring.inputs != input_size:
                raise ElegansError(
                    "CfC",
                    f"the wiring has {wiring.inputs} inputs, not {input_size}",
                    "build it for the inputs of the network",
                )
            self.state_size, self.output_size = wiring.neurons, wiring.outputs
            self.rnn_cell = WiredCfCCell(wiring, mode)
        else:
            self.state_size = self.output_size = wiring
            self.rnn_cell = CfCCell(input_size, wiring, mode, backbone=backbone)
        self.input_size, self.mode = input_size, mode

    def forward(
        self, x: Tensor, dt: Tensor | float = 1.0, h0: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run x [B, T, I] from h0 [B, H] (default: 0) -> outputs [B, T, O], last state [B, H].

        dt is the time before each sample, above zero: [B, T], [B, T, 1], or one number for
        all. Raises ElegansError for other shapes.
        """
        batch, steps = self._batch_and_steps(x)
        h = x.new_zeros(batch, self.state_size) if h0 is None else h0
        elapsed = self._elapsed(dt, x)
        if h.shape != (batch, self.state_size):
            raise _mismatch("h0", h, f"[{batch}, {self.state_size}]")
        if isinstance(self.rnn_cell, WiredCfCCell) and self.mode != "pure":
            return _run_wavefront(self.rnn_cell.layers, self.mode, x, elapsed, h)
        outputs = []
        for k in range(steps):
            h = self.rnn_cell(x[:, k], h, elapsed[:, k])
            outputs.append(h[:, -self.output_size :])
        return torch.stack(outputs, dim=1), h

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H], dt [B, 1] -> y [B, O], next h [B, H]."""
        state = self.rnn_cell(x, h, dt)
        return self.rnn_cell.output(state), state

    def _batch_and_steps(self, x: Tensor) -> tuple[int, int]:
        if x.dim() != 3 or x.shape[1] < 1 or x.shape[2] != self.input_size:
            raise _mismatch("x", x, f"[batch, steps, {self.input_size}]")
        return x.shape[0], x.shape[1]

    def _elapsed(self, dt: Tensor | float, x: Tensor) -> Tensor:
        """dt as [B, T, 1]; other shapes are refused, for they would broadcast across samples."""
        if not isinstance(dt, Tensor):
            return x.new_full((*x.shape[:2], 1), dt)
        if dt.shape == x.shape[:2]:
            return dt.unsqueeze(-1)
        if dt.shape == (*x.shape[:2], 1):
            return dt
        raise _mismatch("dt", dt, f"[{x.shape[0]}, {x.shape[1]}], one for each sample")


def _mismatch(name: str, tensor: Tensor, wanted: str) -> ElegansError:
    return ElegansError("CfC", f"{name} has shape {list(tensor.shape)}", f"give {wanted}")


def _run_wavefront(
    cells: list[CfCCell], mode: str, x: Tensor, dt: Tensor, h: Tensor
) -> tuple[Tensor, Tensor]:
    """Run L layers over T samples as T + L - 1 fronts; equal to running them step by step.

    x [B, T, I], dt [B, T, 1], h [B, H] -> outputs [B, T, O], last state [B, H]. In front k,
    layer l takes sample k - l. All layers share one state vector and one matrix: the maps of
    layer l read its own state and that of layer l-1, which front k-1 computed for the same
    sample.
    """
    steps, sizes = x.shape[1], [cell.units for cell in cells]
    neurons, lag = sum(sizes), len(cells) - 1
    input_weight, weight, bias = _joined_maps(cells)

    # The part of the maps that does not depend on the state, for all fronts: [T + lag, B, 4 H].
    from_inputs = torch.einsum("bti,mhi->tbmh", x, input_weight)
    from_inputs = functional.pad(from_inputs, (0, neurons - sizes[0], 0, 0, 0, 0, 0, lag))
    drive = (from_inputs + bias).flatten(2)
    layer = torch.repeat_interleave(torch.arange(lag + 1), torch.tensor(sizes))
    sample = torch.arange(steps + lag)[:, None] - layer[None, :]
    active = (sample >= 0) & (sample < steps)
    elapsed = dt[:, sample.clamp(0, steps - 1), 0].transpose(0, 1).unbind(0)

    matrix = weight.view(4 * neurons, neurons).t()
    state, history = h, []
    for k, front in enumerate(drive.unbind(0)):
        z = torch.addmm(front, state, matrix)
        heads = torch.tanh(z[:, : 2 * neurons])
        time_a, time_b = z[:, 2 * neurons : 3 * neurons], z[:, 3 * neurons :]
        t = torch.sigmoid(torch.addcmul(time_b, time_a, elapsed[k]))
        moved = blend(heads[:, :neurons], heads[:, neurons:], t, mode)
        # In the first and last fronts some layers have no sample: they keep their state.
        state = moved if lag <= k < steps else torch.where(active[k], moved, state)
        history.append(state)
    outputs = torch.stack([state[:, -sizes[-1] :] for state in history[lag:]], dim=1)
    return outputs, history[-1]


def _joined_maps(cells: list[CfCCell]) -> tuple[Tensor, Tensor, Tensor]:
    """ff1, ff2, time_a and time_b of all layers as block matrices, with H neurons in all.

    Returns the weights of the inputs, which only layer 0 reads, [4, H of layer 0, I]; the
    weights of the state [4, H, H]; and the biases [4, H].
    """
    maps = [
        (weight.view(4, cell.units, -1), bias.view(4, cell.units))
        for cell in cells
        for weight, bias in [cell.stacked_maps()]
    ]
    neurons = sum(cell.units for cell in cells)
    joined = maps[0][0].new_zeros(4, neurons, neurons)
    start = 0
    for index, (cell, (weight, _)) in enumerate(zip(cells, maps, strict=True)):
        rows = slice(start, start + cell.units)
        joined[:, rows, rows] = weight[:, :, cell.input_size :]
        if index > 0:
            joined[:, rows, start - cell.input_size : start] = weight[:, :, : cell.input_size]
        start += cell.units
    input_weight = maps[0][0][:, :, : cells[0].input_size]
    return input_weight, joined, torch.cat([bias for _, bias in maps], dim=1)
