"""The node tests that onnx ships, each as a step of its own that the exporter takes or refuses.

A node's float inputs become one sensor vector x, cut and shaped; what else it takes is constant, as
a step's parameters are. The step's state is a tanh of itself. What the integers of the model give
for the test's own inputs is compared with what the test expects.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.frontend.operators import RULES
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.interface import Interface
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles import reference

_WITH_MORE = ("BatchNormalization", "Dropout", "LayerNormalization")
"""Operators whose outputs, besides the first one, are for training only."""
_NEWEST = 25  # opset that is read
_ROUNDING = ("QuantizeLinear",)  # to integers of its own (docs/doors.md, Files)
_MOST = 2048  # elements of a test that a step of a microcontroller may have
_CLOSE = 2.0**-9
"""Of the range of the outputs, between the integers and the same network in real numbers."""
_EXACT = 1e-3
"""Between that and what the test expects, which was computed in float32 or float16."""


@dataclass(frozen=True)
class NodeCase:
    """One node test: its name, its operator, its model, and arrays in and out."""

    name: str
    operator: str
    model: onnx.ModelProto
    inputs: list[np.ndarray[Any, Any]]
    outputs: list[np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Outcome:
    """What became of a test.

    verdict  "passed"; "coarse", where intervals give its result a format of which it uses little;
             "refused"; "not applicable"; or "wrong"
    why      the reason of all but the first
    """

    verdict: str
    why: str = ""


def cases() -> list[NodeCase]:
    """All tests of one node whose operator elegans reads, but those of expanded functions."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    kept = []
    for case in found:
        nodes = case.model.graph.node
        if "_expanded" in case.name or len(nodes) != 1 or nodes[0].op_type not in RULES:
            continue
        inputs, outputs = case.data_sets[0]
        outputs = outputs[:1] if nodes[0].op_type in _WITH_MORE else outputs
        kept.append(NodeCase(case.name, nodes[0].op_type, case.model, inputs, outputs))
    return sorted(kept, key=lambda case: case.name)


def tried(case: NodeCase, folder: Path) -> Outcome:
    """Run a test: with all float inputs as sensors, or where that is refused with the first only.

    Raises whatever the exporter raises but its own errors.
    """
    unfit = _unfit(case)
    if unfit:
        return Outcome("not applicable", unfit)
    floats = [i for i, a in enumerate(case.inputs) if _is_float(a)]
    refusal = ""
    for sensors in dict.fromkeys((tuple(floats), tuple(floats[:1]))):
        try:
            return _compared(case, sensors, folder)
        except ElegansError as error:
            refusal = error.fact
    return Outcome("refused", refusal)


def _is_float(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype in (np.float32, np.float64, np.float16)


def _unfit(case: NodeCase) -> str:
    arrays = [*case.inputs, *case.outputs]
    if not all(isinstance(a, np.ndarray) for a in arrays):
        return "sequences or optional values"
    if case.operator in _ROUNDING:
        return "rounds, which is left out"
    if not any(map(_is_float, case.inputs)):
        return "no input of real numbers"
    if not all(a.dtype.kind in "fiub" and a.dtype.itemsize <= 8 for a in arrays):
        return "types that no step has"
    if max(a.size for a in arrays) > _MOST or not all(a.size for a in case.outputs):
        return "empty, or larger than a step"
    if not all(np.all(np.isfinite(a)) for a in arrays if a.dtype.kind == "f"):
        return "infinite or no numbers"
    return ""


class _Graph:
    """A graph in the making: nodes, and constants by name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: list[str], output: str, **given: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **given))
        return output

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def _step(case: NodeCase, sensors: tuple[int, ...]) -> onnx.ModelProto:
    """x [1, N], h [1, 1] -> y [1, M], h_next [1, 1] around the node."""
    graph, at = _Graph(), 0
    node = onnx.NodeProto()
    node.CopyFrom(case.model.graph.node[0])
    names = {port.name: f"in_{i}" for i, port in enumerate(case.model.graph.input)}
    node.input[:] = [names.get(name, "") for name in node.input]
    node.output[:] = [f"out_{i}" for i in range(len(case.outputs))]
    for i, (name, array) in enumerate(zip(names.values(), case.inputs, strict=True)):
        if i not in sensors:
            graph.constant(name, array.astype(np.float32) if _is_float(array) else array)
            continue
        # A Gather, because it is written alike in all opsets.
        own = graph.constant(f"{name}_at", np.arange(at, at + array.size))
        flat = graph.node("Gather", ["x", own], f"{name}_flat", axis=1)
        shape = graph.constant(f"{name}_shape", np.array(array.shape, np.int64))
        graph.node("Reshape", [flat, shape], name)
        at += array.size
    graph.nodes.append(node)
    row = graph.constant("row", [1, -1])
    rows = []
    for name in node.output:
        real = graph.node("Cast", [name], f"{name}_real", to=TensorProto.FLOAT)
        rows.append(graph.node("Reshape", [real, row], f"{name}_row"))
    graph.node("Concat", rows, "y", axis=1)
    graph.node("Tanh", ["h"], "h_next")
    ports = (("x", at), ("h", 1)), (("y", sum(a.size for a in case.outputs)), ("h_next", 1))
    ins, outs = (
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, size]) for n, size in side]
        for side in ports
    )
    whole = helper.make_graph(graph.nodes, "step", ins, outs, graph.constants)
    opsets = [
        helper.make_opsetid(o.domain, o.version if o.domain else min(o.version, _NEWEST))
        for o in case.model.opset_import
    ]
    return helper.make_model(whole, opset_imports=opsets, ir_version=10)


def _compared(case: NodeCase, sensors: tuple[int, ...], folder: Path) -> Outcome:
    path = folder / "step.onnx"
    onnx.save(_step(case, sensors), path)
    graph = open_graph(path)
    x = np.concatenate([case.inputs[i].reshape(-1).astype(np.float64) for i in sensors])
    interface = read_interface(graph)
    ranges = [ends for i in sensors for ends in _ranges(case.inputs[i])]
    network = read_network(graph, _with_ranges(interface, ranges))
    model = lower(network)
    integers = to_integers(x[None, :], model.inputs)
    still, state = np.zeros(1), np.zeros((1, 1))
    pieces = np.zeros((1, sum(c.bits // 16 for c in model.states)), np.int64)
    y, _ = reference.step(model, integers, still.astype(np.int64), pieces)
    exact, read = (
        real_network.step(network, values, still[:, None], state)[0][0]
        for values in (x[None, :], to_real(integers, model.inputs))
    )
    wanted = np.concatenate([o.reshape(-1).astype(np.float64) for o in case.outputs])
    most = max(np.abs(wanted).max(), 2.0**-6)
    meant = float(np.abs(exact - wanted).max() / most)
    off = float(np.abs(to_real(y, model.outputs)[0] - read).max() / most)
    if meant <= _EXACT and off <= _CLOSE:
        return Outcome("passed")
    reach = max(2.0 ** (15 - c.frac) for c in model.outputs)
    if meant <= _EXACT and off * most <= _CLOSE * reach:
        return Outcome("coarse", f"its format reaches {reach:g}, {most / reach:.1e} of it is used")
    return Outcome("wrong", f"{meant:.1e} of the range in real numbers, {off:.1e} in integers")


def _ranges(array: np.ndarray[Any, Any]) -> Iterator[tuple[float, float]]:
    """The range of a tensor's elements, one for all of them, a little wider than they are."""
    lo, hi = float(array.min()), float(array.max())
    room = max((hi - lo) * 0.01, 0.01 * abs(hi), 1e-3)
    for _ in range(array.size):
        yield lo, hi + room


def _with_ranges(interface: Interface, ranges: list[tuple[float, float]]) -> Interface:
    inputs = tuple(
        replace(signal, range=ends) for signal, ends in zip(interface.inputs, ranges, strict=True)
    )
    return replace(interface, inputs=inputs)
