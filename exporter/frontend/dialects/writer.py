"""Nodes that take the place of others, written into a graph."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Attributes = dict[str, Any]
Array = npt.NDArray[np.generic]


class Writer:
    """Writes the nodes that replace one node after the other, under names that are free.

    graph  whose initializers it knows; new constants become its initializers, too
    """

    def __init__(self, graph: onnx.GraphProto, taken: set[str]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._graph = graph
        self._held = {tensor.name: tensor for tensor in graph.initializer}
        self._free = (n for i in itertools.count() if (n := f"written_{i}") not in taken)

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Write a node of one output; returns its name. Inputs that are '' at the end are left
        out, and so are attributes that are None."""
        return self.several(kind, 1, *inputs, **attributes)[0]

    def several(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """The same of a node of several outputs; returns their names."""
        names = [next(self._free) for _ in range(outputs)]
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        kept = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(kind, given, names, **kept))
        return names

    def constant(self, values: npt.ArrayLike, kind: npt.DTypeLike = np.float32) -> str:
        """Hold a constant; returns its name."""
        name = next(self._free)
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a constant; None of what is none."""
        return tuple(self._held[name].dims) if name in self._held else None


Rewrite = Callable[[Writer, onnx.NodeProto, Attributes], Sequence[str] | None]
"""Writes what a node computes, and returns the names of its outputs; None leaves it as it is."""

Table = Mapping[tuple[str, str], Rewrite]
"""What is done with nodes, by their domain and operator."""


def rewritten(graph: onnx.GraphProto, table: Table, taken: set[str]) -> None:
    """Replace the nodes of a graph, and of the graphs in it, that the table has.

    Raises ValueError, IndexError, KeyError or TypeError for a node that lacks what it must have.
    """
    write = Writer(graph, taken)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                rewritten(inner, table, taken)
        rewrite, start = table.get((node.domain, node.op_type)), len(write.nodes)
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        found = None if rewrite is None else rewrite(write, node, given)
        if found is None:
            del write.nodes[start:]
            write.nodes.append(node)
            continue
        _rename(write, start, dict(zip(found, node.output, strict=False)))
    taken |= {name for node in write.nodes for name in node.output}
    taken |= {tensor.name for tensor in graph.initializer}
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in write.nodes]
    del graph.node[:]
    graph.node.extend(nodes)


def _rename(write: Writer, start: int, names: dict[str, str]) -> None:
    """Give the results of new nodes the names that the rest of the graph reads."""
    made = {name for node in write.nodes[start:] for name in node.output}
    for node in write.nodes[start:]:
        for ports in (node.input, node.output):
            for i, name in enumerate(ports):
                if name in made:
                    ports[i] = names.get(name, name) or name
    for found, name in names.items():
        if found not in made and name:
            write.nodes.append(helper.make_node("Identity", [found], [name]))
