"""The fixed-point model of a network whose weights change, without exporting it again each time.

torch takes a second or more to write a step as ONNX. Here that is done once, for a template; the
weights of the moment are then put into it, and the exporter reads, lowers and proves it as it
does every file. So formats, scales and integers are those of an export of that moment, whatever
the cell.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import (
    StepGraph,
    open_graph,
    read_interface,
    read_network,
)
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Interface
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered, lower_with_proof
from elegans.exporter.state_ranges import with_shown_ranges, with_state_ranges
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.onnx_out.export_step import step_of
from elegans.trainer.onnx_out.plain_module import on_cpu
from elegans.trainer.onnx_out.torch_to_onnx import step_to_onnx

Write = Callable[[nn.Module, Path], object]
"""Writes a network to a path as the ONNX file of its step, as `export_onnx` and `export_circuit`
do, with the ranges that the user declares."""

_BITS = {"int16": 16, "int8": 8}


class Relowering:
    """The model that an export of `network` would have now, again and again.

    network  as `export_onnx` takes it, or a `ScaledCircuit`
    write    writes such a network as an ONNX file
    weights  int16 or int8

    Raises ElegansError for other weights, and where a file cannot be followed back to the
    network's parameters.
    """

    def __init__(self, network: nn.Module, write: Write, weights: str) -> None:
        self.bits = _bits(weights)
        self._network, self._write = network, write
        # Zeros and ones would be simplified away, and equal constants merged: the template has
        # neither.
        generic = copy.deepcopy(network)
        with torch.no_grad():
            # What is not trained may be a mask, as in ncps.
            for parameter in (p for p in generic.parameters() if p.requires_grad):
                noise = torch.rand_like(parameter)
                parameter.copy_(parameter * (1 + 0.01 * noise) + 0.001 * noise)
        self._graph, self._interface = _written(generic, write)
        step = exported_step(generic)
        values = _state(step)
        held = {i.name: i for i in self._graph.model.graph.initializer}
        states = sum(port.hi - port.lo for port in self._graph.ports.h_next)
        self._given = {name: held[name] for name in values if name in held}
        self._computed = _Computed(step, self._interface, states, _unexplained(held, values))
        followed = self._given.keys() | self._computed.inputs
        lost = [n for n, p in step.named_parameters() if p.requires_grad and n not in followed]
        if lost:
            raise ElegansError(
                f"chip-aware training, {type(network).__name__}",
                f"its file does not depend on the parameter {lost[0]!r} by name",
                "for an LTC of ncps, load its weights into elegans' LTC (load_state_dict)",
            )
        for name, value in self._computed.values(values).items():
            if not np.array_equal(value, numpy_helper.to_array(held[name])):
                raise ElegansError(
                    f"chip-aware training, {type(network).__name__}",
                    f"the constant {name!r} of its file does not follow from its parameters",
                    "this is a bug in elegans: report it with the network",
                )
        self._held = held

    def network(self) -> Network:
        """The float network that the exporter reads from a file of the present weights."""
        values = _state(exported_step(self._network))
        for name, tensor in self._given.items():
            tensor.raw_data = values[name].tobytes()
        for name, value in self._computed.values(values).items():
            self._held[name].CopyFrom(numpy_helper.from_array(value, name))
        return _read(self._graph, self._interface)

    def lowered(self) -> Lowered:
        """The fixed-point model of the present weights, with its bounds.

        Raises ElegansError for weights that no scale holds, as an export does.
        """
        return lower_with_proof(self.network(), self.bits)

    def exported(self) -> Model:
        """The model of a file that is written now: equal to `lowered`, but for a bug.

        Raises ElegansError if it is not.
        """
        model = lower_with_proof(_read(*_written(self._network, self._write)), self.bits).model
        if model.digest != self.lowered().model.digest:
            raise ElegansError(
                f"chip-aware training, {model.name}",
                "the model of its file is not the one that was trained",
                "this is a bug in elegans: report it with the network",
            )
        return model


def lowered_file(network: nn.Module, write: Write, weights: str) -> Lowered:
    """The model of a file that is written now, with its bounds: slower than a `Relowering`, but
    for a network of any shape."""
    return lower_with_proof(_read(*_written(network, write)), _bits(weights))


def _bits(weights: str) -> int:
    if weights not in _BITS:
        raise ElegansError(
            "chip-aware training", f"no weights {weights!r}", f"choose from {', '.join(_BITS)}"
        )
    return _BITS[weights]


def exported_step(network: nn.Module) -> nn.Module:
    """The module of one step that an export of `network` writes."""
    network = on_cpu(network)
    step = network.folded() if isinstance(network, ScaledCircuit) else step_of(network)
    return step.eval()


def _written(network: nn.Module, write: Write) -> tuple[StepGraph, Interface]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write(network, path)
        graph = open_graph(path)
    return graph, read_interface(graph)


def _read(graph: StepGraph, interface: Interface) -> Network:
    network = with_state_ranges(read_network(graph, interface), (), graph.ports.states)
    return with_shown_ranges(network, None)[0]


def _unexplained(held: dict[str, onnx.TensorProto], values: dict[str, Any]) -> set[str]:
    """The constants of a file that are no parameters, but may follow from some.

    A constant without dimensions, or of whole numbers, is one of the code.
    """
    return {
        name
        for name, tensor in held.items()
        if name not in values and tensor.dims and tensor.data_type == onnx.TensorProto.FLOAT
    }


def _state(step: nn.Module) -> dict[str, npt.NDArray[Any]]:
    return {name: value.numpy() for name, value in step.state_dict().items()}


class _Computed:
    """The constants of a file that torch computed from parameters, such as a masked weight.

    In a file without such constants their names are those of the values that they stand for, so
    the nodes before these values are what computes them. Constants that depend on no parameter
    are left as they are.
    """

    def __init__(self, step: nn.Module, interface: Interface, states: int, names: set[str]) -> None:
        self._evaluator: ReferenceEvaluator | None = None
        self._inputs: list[str] = []
        if not names:
            return
        unfolded = step_to_onnx(step, interface, states, "", fold=False)
        model = onnx.load_from_string(unfolded)
        # torch also has constants of the code here, which no parameter of the network is.
        own = set(step.state_dict())
        parameters = {i.name: i for i in model.graph.initializer if i.name in own}
        constants = [i for i in model.graph.initializer if i.name not in own]
        needed, nodes = set(names), []
        for node in reversed(model.graph.node):
            if needed & set(node.output):
                nodes.append(node)
                needed |= set(node.input)
        depends = set(parameters)
        for node in reversed(nodes):
            if depends & set(node.input):
                depends |= set(node.output)
        found = names & depends
        self._inputs = sorted(needed & parameters.keys())
        self._outputs = sorted(found)
        inputs = [
            helper.make_tensor_value_info(n, parameters[n].data_type, list(parameters[n].dims))
            for n in self._inputs
        ]
        outputs = [
            helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in self._outputs
        ]
        graph = helper.make_graph(nodes[::-1], "constants", inputs, outputs, constants)
        made = helper.make_model(graph, opset_imports=model.opset_import, functions=model.functions)
        if found:
            self._evaluator = ReferenceEvaluator(made)

    @property
    def inputs(self) -> set[str]:
        """The parameters from which these constants follow."""
        return set(self._inputs)

    def values(self, parameters: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """These constants by name, from the parameters of the moment."""
        if self._evaluator is None:
            return {}
        given = {name: parameters[name] for name in self._inputs}
        return dict(zip(self._outputs, self._evaluator.run(None, given), strict=True))
