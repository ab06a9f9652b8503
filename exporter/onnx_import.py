"""ONNX step graph in, `Network` out: recognised by dataflow, never by a node's name.

Every vector of the graph becomes a normal form (`algebra.Form`). A nonlinearity, or a
product of states, ends a form and names a new atom.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import helper

from elegans.exporter import onnx_file
from elegans.exporter.errors import ElegansError
from elegans.exporter.interface import Interface, from_metadata, valid_name
from elegans.exporter.network import Network
from elegans.exporter.onnx_reader import Reader
from elegans.exporter.onnx_rules import RULES


def read_interface(path: Path, name: str | None = None) -> Interface:
    """What the ONNX file says of its names, units and ranges; `name` overrides the model's."""
    model = onnx_file.load(path)
    sizes = onnx_file.ports(model, path)
    default = name or path.stem.lower().replace("-", "_")
    found = from_metadata(onnx_file.metadata(model), default, sizes["x"], sizes["y"])
    return replace(found, name=valid_name(name)) if name is not None else found


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # infinity is refused where it ends
def read_network(path: Path, interface: Interface) -> Network:
    """The network of an ONNX step graph, with the interface that the user settled on."""
    model = onnx_file.load(path)
    sizes = onnx_file.ports(model, path)
    if interface.dt_fixed is not None and "dt" not in sizes:
        raise ElegansError("--dt", f"is given, but {path} takes no elapsed time", "leave it out")
    constants, shapes = onnx_file.constants(model, path), onnx_file.shapes(model)
    reader = Reader(path, constants, shapes, sizes, interface.dt_fixed)
    for number, node in enumerate(model.graph.node):
        place = f"{path}, node {number} ({node.op_type} {node.name!r})"
        if reader.fold(place, node):
            continue
        rule = RULES.get(node.op_type)
        if rule is None:
            raise ElegansError(
                place,
                "is not an operator of a cell that elegans knows",
                f"write the cell with {', '.join(sorted(RULES))}",
            )
        try:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            results = rule(reader, place, node, attributes)
        except (ValueError, IndexError, KeyError, TypeError) as error:
            raise ElegansError(
                place, f"does not fit its inputs ({error!r:.80})", "export the model again"
            ) from None
        reader.forms.update(zip(node.output, results, strict=False))
    h_next = reader.affine_output("h_next").windows()
    if h_next is None:
        raise ElegansError(
            f"{path}, 'h_next'",
            "is not a concatenation of states",
            "make each new state the result of a CfC, GRU, LSTM or tanh cell",
        )
    y = reader.affine_output("y")
    for name, size in (("y", y.size), ("h_next", sum(window.size for window in h_next))):
        if size != sizes[name]:
            raise ElegansError(
                f"{path}, {name!r}",
                f"has {size} elements, but is declared with {sizes[name]}",
                "export the model again",
            )
    return Network(interface, reader.atoms, y, h_next)
