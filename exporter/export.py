"""The export itself: an ONNX file in, a BUILD folder out, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.exporter.build_folder import is_build_folder
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import npz, write_folder
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.frontend.ports import States
from elegans.exporter.ir.fixed_model import Channel, Model, to_json
from elegans.exporter.ir.interface import Range, with_ranges
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.oracles import golden_vectors, range_report
from elegans.exporter.oracles.integer_onnx import integer_onnx


@dataclass(frozen=True)
class Request:
    """What to export and what the user says of it; None and () leave it to the file."""

    source: Path
    name: str | None = None
    input_ranges: tuple[Range, ...] = ()
    dt_range: Range | None = None
    dt: float | None = None
    recording: Path | None = None
    weight_bits: int = 16
    states: States = ()
    elapsed: str | None = None
    layout: str = "speed"
    flash_limit: int | None = None


def export(
    request: Request, target: Path, progress: Callable[[str], None] = lambda _: None
) -> Model:
    """Export to the folder `target`, replacing an earlier BUILD there.

    The same file and options give the same bytes on every run. Raises `ElegansError`;
    `target` is then as it was.
    """
    _check_target(target)
    progress("reading the graph")
    graph = open_graph(request.source, request.states, request.elapsed)
    interface = read_interface(graph, request.name)
    interface = with_ranges(interface, list(request.input_ranges), request.dt_range, request.dt)
    network = read_network(graph, interface)
    progress("choosing formats and proving ranges")
    lowered = lower_with_proof(network, request.weight_bits)
    model = lowered.model
    recording = None
    if request.recording is not None:
        recording = golden_vectors.load_recording(request.recording, model)
    progress("generating C")
    code = plan(model, lowered.bounds, request.layout, request.flash_limit)
    files = {path: text.encode() for path, text in emit(code).items()}
    files["reference.onnx"] = integer_onnx(model).SerializeToString(deterministic=True)
    progress("computing golden vectors")
    golden = golden_vectors.golden(model, recording)
    files["vectors.npz"] = npz(golden)
    progress("measuring what each format costs")
    table = range_report.rows(lowered, network, golden)
    files["model.json"] = _model_json(model, code.layout, files, table)
    # Not among model.json's checksums: its errors come from float, which libm may round.
    files["report.txt"] = range_report.text(model, network, table).encode()
    write_folder(target, files)
    return model


def _check_target(target: Path) -> None:
    """Only a new or empty folder, or an earlier BUILD, is ever replaced."""
    if target.is_dir() and (not any(target.iterdir()) or is_build_folder(target)):
        return
    if target.exists() or target.is_symlink():
        raise ElegansError(
            target, "is there and is no earlier export", "give a new folder to -o, or remove it"
        )


def _model_json(
    model: Model, layout: str, files: dict[str, bytes], table: list[range_report.Row]
) -> bytes:
    data = to_json(model)
    for key in ("inputs", "states", "outputs"):
        data[key] = [_described(c) for c in getattr(model, key)]
    data["dt"] = _described(model.dt) if model.dt else None
    data["digest"] = model.digest
    data["optimise"] = layout
    data["vectors"] = [_vector(row) for row in table]
    data["files"] = {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}
    return (json.dumps(data, indent=1) + "\n").encode()


def _described(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "unit": channel.unit,
        "range": list(channel.range),
        "bits": channel.bits,
        "frac": channel.frac,
        "lo": channel.lo,
        "hi": channel.hi,
    }


def _vector(row: range_report.Row) -> dict[str, Any]:
    """One vector's row of the range report; headroom counts the bits that it never uses."""
    return {
        "name": row.name,
        "formats": list(row.formats),
        "range": list(row.range),
        "headroom_bits": row.headroom,
    }
