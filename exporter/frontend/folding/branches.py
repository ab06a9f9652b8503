"""If: the branch that is taken, where a constant decides; else both, and a choice between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, shape_inference

from elegans.exporter.atoms.recogniser import Recogniser
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend import open_file, tensors
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.ir.affine import Form

_MOST = 64  # nodes If of a graph, those in branches included
_MOST_NODES = 50_000  # of the graph with its branches


def without_branches(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model without If; the same object if it has none.

    model  with the shapes that were inferred, which may decide a condition

    Raises `ElegansError` for branches whose results differ in shape, or too many of them.
    """
    count = 0
    while any(node.op_type == "If" for node in model.graph.node):
        count += 1
        if count > _MOST or len(model.graph.node) > _MOST_NODES:
            raise ElegansError(path, "has too many branches", open_file.EXPORT_ONE_STEP)
        try:
            model = shape_inference.infer_shapes(_one_less(model, path, count), data_prop=True)
        except open_file.MISFITS as error:
            fact = f"has a branch that does not fit ({error!r:.80})"
            raise ElegansError(path, fact, "export the model again") from None
    return model


def _one_less(model: onnx.ModelProto, path: Path, count: int) -> onnx.ModelProto:
    """The model with its first If replaced."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    at = next(i for i, node in enumerate(graph.node) if node.op_type == "If")
    node, nodes = graph.node[at], list(graph.node)
    place = f"{path}, node {at} (If {node.name!r})"
    branches = {a.name: a.g for a in node.attribute}
    known = _constant(model, path, place, node.input[0])
    if known is not None:
        taken = branches["then_branch" if known else "else_branch"]
        inner, outputs = _inlined(graph, taken, f"if{count}_")
        ends = [_copied(a, b) for a, b in zip(outputs, node.output, strict=True)]
    else:
        inner, results = [], []
        for key in ("then_branch", "else_branch"):
            made, outputs = _inlined(graph, branches[key], f"if{count}_{key[:4]}_")
            inner += made
            results.append(outputs)
        _require_one_shape(place, *(branches[key] for key in ("then_branch", "else_branch")))
        ends = [
            helper.make_node("Where", [node.input[0], a, b], [name])
            for a, b, name in zip(*results, node.output, strict=True)
        ]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes[:at]]
    rest = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes[at + 1 :]]
    del graph.node[:]
    graph.node.extend([*copies, *inner, *ends, *rest])
    return found


def _copied(source: str, name: str) -> onnx.NodeProto:
    return helper.make_node("Identity", [source], [name])


def _require_one_shape(place: str, *branches: onnx.GraphProto) -> None:
    """A choice between the results of two branches needs the same shape of both."""
    then, otherwise = ([shape_of(value) for value in branch.output] for branch in branches)
    if then != otherwise or None in then:
        fact = "chooses by what it computes between results of different or unknown shapes"
        raise ElegansError(place, fact, "write a Where between tensors of one shape")


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    """The shape of a tensor; None where it is not known."""
    kind = value.type.tensor_type
    if not kind.HasField("shape") or not all(d.HasField("dim_value") for d in kind.shape.dim):
        return None
    return tuple(d.dim_value for d in kind.shape.dim)


def _inlined(
    graph: onnx.GraphProto, branch: onnx.GraphProto, prefix: str
) -> tuple[list[onnx.NodeProto], list[str]]:
    """The nodes of a branch under names that are free, and the names of its results; its constants
    become those of `graph`."""
    own = {tensor.name for tensor in branch.initializer}
    own |= {name for node in branch.node for name in node.output if name}
    names = {name: prefix + name for name in own}
    for tensor in branch.initializer:
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        copy.name = names[tensor.name]
        graph.initializer.append(copy)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in branch.node]
    for node in nodes:
        _rename(node, names)
    return nodes, [names.get(value.name, value.name) for value in branch.output]


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> None:
    for ports in (node.input, node.output):
        for i, name in enumerate(ports):
            ports[i] = names.get(name, name)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                _rename(inner, names)
            for value in graph.output:
                value.name = names.get(value.name, value.name)


def _constant(model: onnx.ModelProto, path: Path, place: str, name: str) -> bool | None:
    """The value of a condition; None if it depends on an input."""
    nodes = _ancestors(model.graph, name)
    read = {name, *(n for node in nodes for n in node.input)}
    held = tensors.constants(model, path, read)
    reader = Reader(path, list(model.opset_import), held, {}, Recogniser({}, ()))
    for value in (*model.graph.value_info, *model.graph.input):
        shape = shape_of(value)
        if shape is not None and value.name not in held:
            reader.tensors[value.name] = ShapedForm(Form.constant(np.zeros(0)), shape)
    if not all(reader.fold(place, node) for node in nodes) or name not in reader.constants:
        return None
    return bool(reader.constants[name].reshape(-1)[0])


def _ancestors(graph: onnx.GraphProto, name: str) -> list[onnx.NodeProto]:
    """The nodes that a tensor is computed by, in their order; of a shape, what has it does not
    count."""
    makers = {output: i for i, node in enumerate(graph.node) for output in node.output}
    found: set[int] = set()
    pending = [name]
    while pending:
        i = makers.get(pending.pop())
        if i is not None and i not in found:
            found.add(i)
            if graph.node[i].op_type not in ("Shape", "Size"):
                pending += graph.node[i].input
    return [graph.node[i] for i in sorted(found)]
