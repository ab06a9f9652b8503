"""A network of an ONNX file as WebAssembly, without a BUILD folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elegans.boards.firmware.source import ModelSource, model_source
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.lowering.lower import Lowered
from elegans.exporter.quantised import quantised
from elegans.viewer.wasm.compile_wasm import border, compile_sources, wasm_sources


def onnx_data(path: Path) -> dict[str, Any]:
    """As `compile_wasm.network_data`, of the model that `elegans export` makes of a file.

    Raises `ElegansError` for a file that cannot be exported, and if zig is missing.
    """
    lowered = lowered_file(path)
    source = _source(lowered)
    return border(lowered.model, compile_sources(source, wasm_sources(source)))


def lowered_file(path: Path) -> Lowered:
    """The model of a file, with the ranges that it declares. Raises `ElegansError`."""
    graph = open_graph(path)
    return quantised(
        read_network(graph, read_interface(graph)), 16, None, lambda stage: None
    ).lowered


def _source(lowered: Lowered) -> ModelSource:
    files = emit(plan(lowered.model, lowered.bounds))
    return model_source(lowered.model, "speed", {n: text.encode() for n, text in files.items()})
