"""A CfC circuit over whole sequences in torch, as a wavefront.

Its layers feed only forward within a step, so while layer 0 takes sample k, layer 1 can take
sample k-1 and layer 2 sample k-2, all in one matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from elegans.trainer.cells.cfc import CfCCell, blend


def run_wavefront(cells: list[CfCCell], x: Tensor, dt: Tensor, h: Tensor) -> list[Tensor]:
    """Run L layers over T samples as T + L - 1 fronts; equal to running them step by step.

    x [B, T, I], dt [B, T], h [B, H] -> the states [B, H] behind each front. In front k, layer l
    takes sample k - l, so the last layer's first sample is in front L - 1. All layers share one
    state vector and one matrix: the maps of layer l read its own state and that of layer l-1,
    which front k-1 computed for the same sample. Not for mode pure.
    """
    mode = cells[0].mode
    steps, sizes = x.shape[1], [cell.units for cell in cells]
    neurons, lag = sum(sizes), len(cells) - 1
    input_weight, weight, bias = _joined_maps(cells)

    # The part of the maps that does not depend on the state, for all fronts: [T + lag, B, 4 H].
    from_inputs = torch.einsum("bti,mhi->tbmh", x, input_weight)
    from_inputs = functional.pad(from_inputs, (0, neurons - sizes[0], 0, 0, 0, 0, 0, lag))
    drive = (from_inputs + bias).flatten(2)
    layer = torch.repeat_interleave(torch.arange(lag + 1), torch.tensor(sizes)).to(x.device)
    sample = torch.arange(steps + lag, device=x.device)[:, None] - layer[None, :]
    active = (sample >= 0) & (sample < steps)
    elapsed = dt[:, sample.clamp(0, steps - 1)].transpose(0, 1).unbind(0)

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
    return history


def states_by_sample(cells: list[CfCCell], fronts: list[Tensor]) -> Tensor:
    """The states behind each front, of `run_wavefront` -> behind each sample, [B, T, H]."""
    steps, sizes = len(fronts) - len(cells) + 1, [cell.units for cell in cells]
    layers = torch.split(torch.stack(fronts, dim=1), sizes, dim=2)
    return torch.cat([part[:, lag : lag + steps] for lag, part in enumerate(layers)], dim=2)


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
