"""Wired CfC circuits with fewer neurons.

A layer of CfC neurons is dense code on the device: each neuron costs so much for itself, and so
much for each pair of inputs that it could read. To take synapses from it saves nothing until
hardly any are left; to take neurons does.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.networks.sequence_layer import SequenceLayer
from elegans.trainer.wiring.ncp import Wiring

Kept = npt.NDArray[np.bool_]
_MAPS = ("ff1", "ff2", "time_a", "time_b")


def circuit(network: nn.Module) -> WiredCfCCell | None:
    """The circuit of a network whose neurons can be removed; None for any other network."""
    owner = _owner(network)
    cell = owner.rnn_cell if isinstance(owner, (SequenceLayer, Recurrent)) else None
    if not isinstance(cell, WiredCfCCell) or getattr(owner, "lstm", None) is not None:
        return None
    return cell if all(layer.mode != "pure" for layer in cell.layers) else None


def weakest_first(cell: WiredCfCCell) -> list[int]:
    """The neurons that are no outputs, the one first whose readers weigh its state least.

    A neuron's weight is the mean magnitude of what its own and the next layer have for it in
    their maps, each map divided by its root mean square.
    """
    found: list[tuple[float, int]] = []
    layers, start = cell.layers, 0
    for layer, after in itertools.pairwise(layers):
        weights = torch.zeros(layer.units)
        for reader, columns in (
            (layer, slice(layer.input_size, None)),
            (after, slice(layer.units)),
        ):
            for one in _weights(reader):
                size = one.abs() / one.square().mean().sqrt().clamp(min=1e-12)
                weights += size[:, columns].mean(0)
        found += [(float(w), start + i) for i, w in enumerate(weights)]
        start += layer.units
    return [neuron for _, neuron in sorted(found)]


def removable(cell: WiredCfCCell, order: list[int], count: int) -> Kept:
    """[neurons] which are kept if `count` are removed in this order; each layer keeps one."""
    left = list(cell.sizes)
    ends = np.cumsum(cell.sizes)
    kept = np.ones(cell.state_size, np.bool_)
    for neuron in order:
        layer = int(np.searchsorted(ends, neuron, side="right"))
        if left[layer] > 1 and count > 0:
            kept[neuron] = False
            left[layer] -= 1
            count -= 1
    return kept


def without(network: nn.Module, kept: Kept) -> Any:
    """A copy of a network that has only these neurons of its circuit [neurons]."""
    cell = circuit(network)
    assert cell is not None
    new: Any = copy.deepcopy(network)
    owner = _owner(new)
    owner.rnn_cell = _smaller(cell, kept)
    owner.state_size = owner.rnn_cell.state_size
    if isinstance(owner, Recurrent):
        owner.cell_size = owner.state_size
    if owner is not new:
        new.state_size = owner.state_size
        new.wiring = _wiring(new.wiring, kept)
    return new


def _owner(network: nn.Module) -> Any:
    """What has the circuit in it: the network, or, in one with physical units that says its
    wiring, the network inside."""
    if isinstance(network, ScaledCircuit):
        return network.cfc
    return network.net if hasattr(network, "net") and hasattr(network, "wiring") else network


def _smaller(cell: WiredCfCCell, kept: Kept) -> WiredCfCCell:
    """The circuit with these neurons only, and with the weights of what is left."""
    new = copy.deepcopy(cell)
    inputs, start = np.ones(cell.input_size, np.bool_), 0
    for layer in new.layers:
        own = kept[start : start + layer.units]
        start += layer.units
        _shrink(layer, torch.from_numpy(own), torch.from_numpy(np.concatenate([inputs, own])))
        inputs = own
    new.sizes = [layer.units for layer in new.layers]
    names = [name for name, _ in cell.wiring_layers]
    new.wiring_layers = tuple(zip(names, new.sizes, strict=True))
    new.state_size = sum(new.sizes)
    return new


def _shrink(layer: CfCCell, rows: Tensor, columns: Tensor) -> None:
    for name in _MAPS:
        old: nn.Linear = getattr(layer, name)
        linear = nn.Linear(int(columns.sum()), int(rows.sum()))
        with torch.no_grad():
            linear.weight.copy_(old.weight[rows][:, columns])
            linear.bias.copy_(old.bias[rows])
        setattr(layer, name, linear)
    if layer.sparsity_mask is not None:
        layer.sparsity_mask = layer.sparsity_mask[rows][:, columns].contiguous()
    layer.units = layer.state_size = layer.output_size = int(rows.sum())
    layer.input_size = int(columns.sum()) - layer.units


def _weights(layer: CfCCell) -> list[Tensor]:
    with torch.no_grad():
        masked = [layer.masked_weight(layer.ff1), layer.masked_weight(layer.ff2)]
    return [w.detach() for w in (*masked, layer.time_a.weight, layer.time_b.weight)]


def _wiring(wiring: Wiring, kept: Kept) -> Wiring:
    layers = tuple(
        (name, int(kept[span].sum()))
        for (name, _), span in zip(wiring.layers, wiring.spans, strict=True)
    )
    return Wiring(layers, wiring.sensory[:, kept], wiring.adjacency[kept][:, kept])
