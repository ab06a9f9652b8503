"""The time constants that a network has of its own, and the same network with others.

A cell compares elapsed time with a time constant: dt / tau of a CTRNN, dt G / C of an LTC, and
dt times a rate in the gate of a CfC. GRU, LSTM and MLP read no time.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent


def own_time(net: Recurrent, x: Tensor, dt: Tensor) -> float | None:
    """The time constant of the network's cell in s; None for a cell that reads no time.

    CTRNN  the geometric mean of its tau
    LTC    the geometric mean of C / G, every synapse half open
    CfC    1 / (the rms of the rate that multiplies dt in its gate, or decay, on x [N, T, I] and
           dt [N, T])
    """
    cell = net.rnn_cell
    with torch.no_grad():
        if isinstance(cell, CTRNNCell):
            return float(cell.log_tau.mean().exp())
        if isinstance(cell, LTCCell):
            return float((_positive(cell, "cm") / _conductance(cell)).log().mean().exp())
        layers = [part for part in cell.modules() if isinstance(part, CfCCell)]
        return 1.0 / _rate(net, layers, x, dt) if layers else None


def with_spread_times(net: Recurrent, decades: float) -> Recurrent | None:
    """A copy whose time constants are spread evenly over so many decades, around the geometric
    mean of its own: tau of a CTRNN, cm of an LTC. None for a cell that has no time constants.

    With Euler the shortest one stays as it is, because a step must not be longer than that.
    """
    other = copy.deepcopy(net)
    cell = other.rnn_cell
    with torch.no_grad():
        if isinstance(cell, CTRNNCell):
            own = cell.log_tau
            own.copy_(_spread(own, decades, own.min() if cell.solver == "euler" else None))
            return other
        if isinstance(cell, LTCCell):
            after = _spread(_positive(cell, "cm").log(), decades).exp()
            cell.get_parameter("cm").copy_(_before_softplus(after) if cell.softplus else after)
            return other
    return None


def _spread(logs: Tensor, decades: float, shortest: Tensor | None = None) -> Tensor:
    """Logarithms [H] of time constants, from the shortest one, else around their mean."""
    width = decades * math.log(10)
    start = logs.mean() - width / 2 if shortest is None else shortest
    return start + torch.linspace(0.0, width, len(logs))


def _positive(cell: LTCCell, name: str) -> Tensor:
    value = cell.get_parameter(name)
    return nn.functional.softplus(value) if cell.softplus else value


def _before_softplus(value: Tensor) -> Tensor:
    """The number whose softplus is `value`."""
    return value + torch.log(-torch.expm1(-value))


def _conductance(cell: LTCCell) -> Tensor:
    """Leak and half of all synapses of each neuron, [H]."""
    total = _positive(cell, "gleak")
    for prefix in ("", "sensory_"):
        weights = _positive(cell, f"{prefix}w") * cell.get_buffer(f"{prefix}mask")
        total = total + 0.5 * weights.sum(dim=0)
    return total


def _rate(net: Recurrent, layers: list[CfCCell], x: Tensor, dt: Tensor) -> float:
    """The rms of what the layers multiply by dt, over a run."""
    seen: list[Tensor] = []

    def read(layer: CfCCell, z: Tensor) -> None:
        if layer.mode == "pure":
            f = nn.functional.linear(z, layer.masked_weight(layer.ff1), layer.ff1.bias)
            seen.append((layer.w_tau.abs() + f.abs()).flatten())
        else:
            seen.append(layer.time_a(z).flatten())

    def before(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, CfCCell)
        z = torch.cat(given[:2], dim=1)
        read(layer, z if layer.backbone is None else layer.backbone(z))

    hooks = [layer.register_forward_pre_hook(before) for layer in layers]
    net(x, dt)
    for hook in hooks:
        hook.remove()
    return float(torch.cat(seen).square().mean().sqrt())
