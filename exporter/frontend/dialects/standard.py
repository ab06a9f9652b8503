"""The graph that the importer reads: one spelling of each operator, whatever the file has."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable

import onnx

from elegans.exporter.frontend.dialects import integers, microsoft, older_opsets
from elegans.exporter.frontend.dialects.writer import Table, rewritten

_ROUNDING = (
    *("QuantizeLinear", "QGemm"),
    *("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"),
)


def opset(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a model uses; 0 if it does not say."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)


def checkable(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as ONNX's checker wants it, which onnxruntime does not: nodes after what they read,
    and operators that only onnxruntime knows in its own domain. The same object if it is so."""
    foreign = any(node.op_type in microsoft.FOREIGN for node in model.graph.node)
    order = _sorted(model.graph)
    if not foreign and order is None:
        return model
    found = _copy(model)
    if order is not None:
        nodes = [model.graph.node[i] for i in order]
        del found.graph.node[:]
        found.graph.node.extend(nodes)
    for node in found.graph.node:
        if node.op_type in microsoft.FOREIGN:
            node.domain = microsoft.DOMAIN
    if foreign and all(o.domain != microsoft.DOMAIN for o in found.opset_import):
        found.opset_import.append(onnx.helper.make_opsetid(microsoft.DOMAIN, 1))
    return found


def _sorted(graph: onnx.GraphProto) -> list[int] | None:
    """The places of the nodes in an order in which each reads what is there; None if they stand in
    one, or if there is none, because they read each other in a circle."""
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    needs = [
        {makers[name] for name in (*node.input, *_read_inside(node)) if name in makers}
        for node in graph.node
    ]
    if all(max(before, default=-1) < i for i, before in enumerate(needs)):
        return None
    try:
        return [*graphlib.TopologicalSorter(dict(enumerate(needs))).static_order()]
    except graphlib.CycleError:
        return None


def _read_inside(node: onnx.NodeProto) -> set[str]:
    """What the graphs in a node read, of this graph or of their own."""
    found: set[str] = set()
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                found.update(inner.input, _read_inside(inner))
    return found


def standard(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model that computes the same with the operators of opset 21 or later and no others, as far
    as they are known; what is not known stays as it is, for the importer to refuse by name.

    What quantised operators do to integers becomes QuantizeLinear and DequantizeLinear around the
    operator on real numbers. Raises ValueError, IndexError, KeyError or TypeError for a node that
    lacks what it must have.
    """
    found = _copy(model)
    older = older_opsets.table(opset(model))
    table: Table = {**microsoft.TABLE, **integers.TABLE, **older}
    rewritten(found.graph, table, _names(found.graph))
    for entry in found.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = max(entry.version, older_opsets.STANDARD)
    return found


def rounded(model: onnx.ModelProto) -> int:
    """How many vectors that depend on an input a model rounds to integers: those of static and of
    dynamic quantisation, but not its weights."""
    varying = {v.name for v in model.graph.input} - {t.name for t in model.graph.initializer}
    count = 0
    for node in checkable(model).graph.node:
        if varying.intersection(node.input):
            varying.update(node.output)
            count += node.op_type in _ROUNDING or node.op_type.startswith("QLinear")
    return count


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    found = onnx.ModelProto()
    found.CopyFrom(model)
    return found


def _names(graph: onnx.GraphProto) -> set[str]:
    """Every name of a tensor in a graph and in those inside it."""
    found = {v.name for v in (*graph.input, *graph.output, *graph.initializer)}
    for node in graph.node:
        found.update(node.input, node.output)
        for attribute in node.attribute:
            inner: Iterable[onnx.GraphProto] = (attribute.g, *attribute.graphs)
            found.update(*map(_names, inner))
    return found
