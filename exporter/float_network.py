"""The float network of a BUILD: the ONNX file that was exported, kept to be compared with.

`float.onnx` is the user's own graph in one file, its weights inside, or the step that was found in
it, if it has a whole sequence. What the export was asked
for, without which the file could be read as another network, is in `model.json`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.exporter.build_folder import BuildFolder
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import (
    StepGraph,
    open_graph,
    read_interface,
    read_network,
)
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.ir.interface import Interface
from elegans.exporter.ir.real_network import Network
from elegans.exporter.storage.read_files import ONNX_FILE, read_input

FILE = "float.onnx"
"""The name of the file in a BUILD folder."""
_REMEDY = "run `elegans export` again"


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """The network that was trained, read in two ways.

    graph    for onnxruntime
    network  for float64
    """

    graph: StepGraph
    network: Network


def to_bytes(graph: StepGraph) -> bytes:
    """The bytes of `float.onnx`: what computes, without the exporters' notes and stack traces."""
    model = type(graph.given)()
    model.CopyFrom(graph.given)
    model.ClearField("doc_string")
    model.graph.ClearField("doc_string")
    model.graph.ClearField("value_info")
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    return bytes(model.SerializeToString(deterministic=True))


def to_json(graph: StepGraph, interface: Interface) -> dict[str, Any]:
    """What the export was asked for, as plain data: which ports are what, periods and ranges."""
    before = [p.name for p in graph.ports.inputs if p.vector == "h"]
    after = [p.name for p in graph.ports.h_next]
    elapsed = [p.name for p in graph.ports.inputs if p.vector == "dt"]
    return {
        "states": [list(pair) for pair in zip(before, after, strict=True)],
        "elapsed": elapsed[0] if elapsed else None,
        "dt": interface.dt_fixed,
        "input_ranges": [list(s.range) if s.range else None for s in interface.inputs],
        "dt_range": list(interface.dt.range) if interface.dt.range else None,
    }


def read_float_network(build: BuildFolder) -> FloatNetwork:
    """Read the float network of a BUILD as its export did, its checksum checked.

    Raises `ElegansError` if it is not there, damaged, or does not fit the model.
    """
    graph = read_float_graph(build)
    path = build.path.parent / FILE
    try:
        asked = build.float_reading
        period = None if asked["dt"] is None else float(asked["dt"])
        ranges = [(float(lo), float(hi)) for lo, hi in asked["input_ranges"]]
        between = None if asked["dt_range"] is None else tuple(map(float, asked["dt_range"]))
        lo_hi = None if between is None else (between[0], between[1])
    except (KeyError, TypeError, ValueError, IndexError):
        raise _unread(build) from None
    interface = with_ranges(read_interface(graph, build.name), ranges, lo_hi, period)
    network = read_network(graph, interface)
    sizes = len(interface.inputs), network.y.size, sum(w.size for w in network.h_next)
    if sizes != (len(build.inputs), len(build.outputs), len(build.states)):
        raise ElegansError(path, "has other inputs, outputs or states than the model", _REMEDY)
    return FloatNetwork(graph, network)


def read_float_graph(build: BuildFolder) -> StepGraph:
    """The graph of a BUILD's float network, its checksum checked, with the ports that its export
    found. Raises `ElegansError` if it is not there or damaged."""
    path = build.path.parent / FILE
    _check(path, build.files.get(FILE))
    try:
        asked = build.float_reading
        states = tuple((str(before), str(after)) for before, after in asked["states"])
        elapsed = None if asked["elapsed"] is None else str(asked["elapsed"])
    except (KeyError, TypeError, ValueError):
        raise _unread(build) from None
    return open_graph(path, states, elapsed)


def _unread(build: BuildFolder) -> ElegansError:
    fact = "is damaged: `float` does not say how to read the network"
    return ElegansError(build.path, fact, _REMEDY)


def _check(path: Path, stated: str | None) -> None:
    if stated is None:
        fact = "is not in this BUILD: an older elegans exported it"
        raise ElegansError(path, fact, "export the model again")
    content = read_input(path, ONNX_FILE, _REMEDY, inside=path.parent)
    if hashlib.sha256(content).hexdigest() != stated:
        raise ElegansError(path, "has not the digest that model.json states", _REMEDY)
