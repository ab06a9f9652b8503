"""What a user may give as a wiring: a plan or a Wiring of elegans, or a wiring of ncps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Wiring
from elegans.trainer.wiring.unlayered import FullyConnected, Random

_NAMES = {1: ("motor",), 2: ("inter", "motor"), 3: ("inter", "command", "motor")}


@runtime_checkable
class CircuitPlan(Protocol):
    """A circuit before the number of its inputs is known: `NCP`, `FullyConnected`, `Random`."""

    def build(self, inputs: int) -> Wiring:
        """Draw the synapses for `inputs` sensory neurons."""


def chosen_wiring(units: Any, input_size: int, *, layered: bool = False) -> Wiring:
    """The wiring for `input_size` inputs that `units` is, or is a plan of.

    layered  for a network that runs layer by layer, as a CfC: what has no layers, such as
             `FullyConnected`, is one layer, all of whose neurons are outputs, as in ncps

    A wiring of ncps that is not built yet is built, as ncps does. Raises ElegansError for
    another kind of object, or a wiring that was built for another number of inputs.
    """
    if hasattr(units, "adjacency_matrix"):
        return _from_ncps(units, input_size, layered)
    if layered and isinstance(units, FullyConnected | Random):
        units = replace(units, output_dim=None)
    wiring = units if isinstance(units, Wiring) else None
    if wiring is None and isinstance(units, CircuitPlan):
        wiring = units.build(input_size)
    if not isinstance(wiring, Wiring):
        raise ElegansError(
            "wiring",
            f"{type(units).__name__} is no wiring",
            "give a number of units, NCP, AutoNCP, FullyConnected, Random or Wiring.of(...)",
        )
    if wiring.inputs != input_size:
        raise _other_inputs(wiring.inputs, input_size)
    return wiring


def _from_ncps(wiring: Any, input_size: int, layered: bool) -> Wiring:
    """ncps numbers the neurons of its last layer first; ours come in the order of the layers."""
    if wiring.is_built() and wiring.input_dim != input_size:
        raise _other_inputs(wiring.input_dim, input_size)
    if not wiring.is_built():
        wiring.build(input_size)
    groups = [list(wiring.get_neurons_of_layer(index)) for index in range(wiring.num_layers)]
    motors = wiring.output_dim or wiring.units
    if len(groups) == 1 and motors < wiring.units and not layered:
        groups = [list(range(motors, wiring.units)), list(range(motors))]
    names = _NAMES.get(len(groups), tuple(f"layer_{index}" for index in range(len(groups))))
    order = [neuron for group in groups for neuron in group]
    layers = tuple((name, len(group)) for name, group in zip(names, groups, strict=True))
    inner = np.asarray(wiring.adjacency_matrix)[np.ix_(order, order)]
    return Wiring.of(np.asarray(wiring.sensory_adjacency_matrix)[:, order], inner, layers)


def _other_inputs(built: int, wanted: int) -> ElegansError:
    return ElegansError(
        "wiring",
        f"the wiring has {built} inputs, not {wanted}",
        "build it for the inputs of the network",
    )
