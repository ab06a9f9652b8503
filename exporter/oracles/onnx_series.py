"""A whole series of steps as one graph: onnxruntime then begins once instead of at every step."""

from __future__ import annotations

import onnx
from onnx import helper

from elegans.exporter.frontend.import_graph import StepGraph
from elegans.exporter.frontend.ports.find_ports import GraphPort

IN, OUT = "series.in.", "series.out."
"""Before the names of ports: what the series is given, and y and h_next of all its steps."""


def as_series(graph: StepGraph) -> onnx.ModelProto | None:
    """The graph as the body of ONNX's Scan, to the same bits; None where its states do not come out
    as they go in.

    Inputs that are no states, and all outputs, get a first axis for the steps.
    """
    given, ports = graph.given, graph.ports
    states = [port for port in ports.inputs if port.vector == "h"]
    others = [port for port in ports.inputs if port.vector != "h"]
    places = [[(p.lo, p.hi, tuple(p.shape)) for p in found] for found in (states, ports.h_next)]
    if not states or not others or places[0] != places[1]:
        return None
    outputs = (*ports.y, *ports.h_next)
    values = {v.name: v for v in (*given.graph.input, *given.graph.output)}

    def value(port: GraphPort, prefix: str, *steps: str) -> onnx.ValueInfoProto:
        kind = values[port.name].type.tensor_type.elem_type
        return helper.make_tensor_value_info(prefix + port.name, kind, [*steps, *port.shape])

    body = helper.make_graph(
        [
            *given.graph.node,
            *(helper.make_node("Identity", [p.name], [OUT + p.name]) for p in outputs),
        ],
        "step",
        [values[p.name] for p in (*states, *others)],
        [*(values[p.name] for p in ports.h_next), *(value(p, OUT) for p in outputs)],
    )
    inputs = [*(value(p, IN) for p in states), *(value(p, IN, "steps") for p in others)]
    made = [*("series.last." + p.name for p in ports.h_next), *(OUT + p.name for p in outputs)]
    names = [v.name for v in inputs]
    node = helper.make_node("Scan", names, made, body=body, num_scan_inputs=len(others))
    series = helper.make_graph(
        [node],
        "series",
        inputs,
        [value(p, OUT, "steps") for p in outputs],
        list(given.graph.initializer),
        sparse_initializer=list(given.graph.sparse_initializer),
    )
    return helper.make_model(
        series,
        opset_imports=list(given.opset_import),
        ir_version=given.ir_version,
        functions=list(given.functions),
    )
