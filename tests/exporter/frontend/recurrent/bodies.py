"""Loops and Scans whose body is a step of a small network: h' = tanh(W x + U h)."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from elegans.tests.exporter.frontend.recurrent.sequences import HIDDEN, INPUTS, Whole

Ports = list[onnx.ValueInfoProto]


def port(name: str, *dims: int, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """A port of a body."""
    return helper.make_tensor_value_info(name, kind, dims)


def cell(whole: Whole, x: str = "sample", h: str = "before") -> list[onnx.NodeProto]:
    """The nodes of the step: x [1, I], h [1, H] -> after [1, H]."""
    w, u = whole.weights(INPUTS, HIDDEN), whole.weights(HIDDEN, HIDDEN)
    return [
        helper.make_node("MatMul", [x, w], ["from_x"]),
        helper.make_node("MatMul", [h, u], ["from_h"]),
        helper.make_node("Add", ["from_x", "from_h"], ["drive"]),
        helper.make_node("Tanh", ["drive"], ["after"]),
        helper.make_node("Identity", ["after"], ["each"]),
    ]


def scan(whole: Whole, axis: int = 0, out_axis: int = 0, **given: object) -> None:
    """Add a Scan over x along an axis, from a state of 0."""
    state, each = port("after", 1, HIDDEN), port("each", 1, HIDDEN)
    inputs = [port("before", 1, HIDDEN), port("sample", 1, INPUTS)]
    body = helper.make_graph(cell(whole), "body", inputs, [state, each])
    start = whole.hold(np.zeros((1, HIDDEN)))
    given |= {"scan_input_axes": [axis], "scan_output_axes": [out_axis]}
    whole.node("Scan", [start, "x"], ["last", "y"], body=body, num_scan_inputs=1, **given)


def loop(
    whole: Whole,
    nodes: list[onnx.NodeProto],
    carried: list[tuple[onnx.ValueInfoProto, onnx.ValueInfoProto, str]],
    outputs: list[str],
    rounds: str,
    going: tuple[str, str] = ("", "goes"),
    collected: tuple[str, ...] = ("each",),
) -> None:
    """Add a Loop.

    carried    (in the body, its next value, where it starts from)
    going      the condition before the loop, and in the body
    collected  what the body gives in each round
    """
    first = [port("i", kind=TensorProto.INT64), port("goes", kind=TensorProto.BOOL)]
    end = port(going[1], kind=TensorProto.BOOL)
    if going[1] == "goes":
        nodes = [*nodes, helper.make_node("Identity", ["goes"], ["goes_on"])]
        end = port("goes_on", kind=TensorProto.BOOL)
    body = helper.make_graph(
        nodes,
        "body",
        [*first, *(before for before, _, _ in carried)],
        [end, *(after for _, after, _ in carried), *(port(n, 1, HIDDEN) for n in collected)],
    )
    starts = [start for _, _, start in carried]
    whole.node("Loop", [rounds, going[0], *starts], outputs, body=body)
