"""Export: from an ONNX file to a BUILD folder, which appears whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from elegans.exporter import float_network
from elegans.exporter.build_folder import is_build_folder
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.cost import general
from elegans.exporter.data.ranges import ranges_from
from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.exporter.delivery.weights_block import structure_digest
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import npz, restore_folder, write_folder
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.frontend.port_summary import notes, summary
from elegans.exporter.frontend.ports import States
from elegans.exporter.ir.declared import (
    with_formats,
    with_named_ranges,
    with_output_ranges,
    with_ranges,
)
from elegans.exporter.ir.fixed_model import Channel, Model, channel_json, to_json
from elegans.exporter.ir.interface import Interface, Range
from elegans.exporter.ir.raw_format import RawFormat
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.oracles import error_table, range_hints, range_report
from elegans.exporter.oracles.blame import Blame, find_blame
from elegans.exporter.oracles.blame import to_json as to_json_blame
from elegans.exporter.oracles.free_run import REFUSED, FreeRunError, remedy
from elegans.exporter.oracles.free_run import to_json as to_json_errors
from elegans.exporter.oracles.integer_onnx import integer_onnx
from elegans.exporter.oracles.onnx_float import check_reading
from elegans.exporter.oracles.sequence_check import check_sequence
from elegans.exporter.quantised import quantised
from elegans.exporter.replaced_weights import (
    NEW_CODE,
    lower_again,
    lower_in,
    read_deployed,
    require_int16,
    require_structure,
)
from elegans.exporter.state_ranges import (
    RECORDED_MARGIN,
    Runs,
    require_maps,
    with_shown_ranges,
    with_state_ranges,
)
from elegans.exporter.storage.json_text import indented
from elegans.exporter.storage.npz_arrays import MOST_VALUES, load_arrays


@dataclass(frozen=True)
class Request:
    """What to export, and what the user says of it; None and () leave it to the file.

    source        the ONNX file of one step
    name          of the model, the prefix of its C
    input_ranges  (lo, hi): one for all inputs, or one for each
    dt_range      the least and the greatest elapsed time between two steps
    dt            a fixed sample period instead
    recording     an .npz of x and dt, for golden vectors
    weight_bits   16 or 8
    states        (input, output) names of all states, where the graph is ambiguous
    elapsed       the name of the input that is the elapsed time, where it is ambiguous
    layout        speed or size
    flash_limit   bytes of tables and weights beyond which the layout becomes size
    accept_error  the greatest free-running error against float that is accepted, as a fraction
                  of the range that a state or output uses
    input_formats (name or None, format) of inputs that are raw counts: see `with_formats`
    state_ranges  (name or None, (lo, hi)) of states that saturate: see `with_state_ranges`
    output_ranges (name or None, (lo, hi)) of outputs that saturate: see `with_output_ranges`
    named_ranges  (name, (lo, hi)) of single inputs
    ranges_from   a file with the ranges of all inputs: see `ranges_from`. What else is given of a
                  range goes before it
    weights_block whether the weights are a block that can be replaced without new code
    weights_for   the BUILD with such a block whose code shall take these weights, too
    """

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
    accept_error: float = REFUSED
    input_formats: tuple[tuple[str | None, RawFormat], ...] = ()
    state_ranges: tuple[tuple[str | None, Range], ...] = ()
    output_ranges: tuple[tuple[str | None, Range], ...] = ()
    named_ranges: tuple[tuple[str, Range], ...] = ()
    ranges_from: Path | None = None
    weights_block: bool = False
    weights_for: Path | None = None


def export(
    request: Request,
    target: Path,
    progress: Callable[[str], None] = lambda _: None,
    told: Callable[[str], None] = lambda _: None,
) -> Model:
    """Export to the folder `target`, in place of an earlier BUILD there; returns the model.

    The same file and options give the same bytes on every run. `progress` is called with the
    name of each stage as it begins, `told` with what the graph's ports were taken for. Raises
    `ElegansError`; `target` is then as it was.
    """
    _check_target(target)
    deployed = None
    if request.weights_for is not None:
        deployed = read_deployed(request.weights_for)
        request = replace(request, name=deployed.name, layout=deployed.layout, flash_limit=None)
    replaceable = request.weights_block or deployed is not None
    if replaceable:
        require_int16(request.weight_bits)
    graph = open_graph(request.source, request.states, request.elapsed)
    interface = read_interface(graph, request.name)
    interface, of_ranges = _declared(request, interface)
    interface = with_output_ranges(interface, request.output_ranges)
    if request.input_formats:
        interface = with_formats(interface, request.input_formats)
    ports = summary(graph, interface)
    told(ports)
    progress("reading the graph")
    check_sequence(graph)
    network = read_network(graph, interface)
    require_maps(network, request.output_ranges)
    network = with_state_ranges(network, request.state_ranges, graph.ports.states)
    shown_by = _recorded(request.recording, network)
    progress("choosing formats and proving ranges")
    if deployed is None:
        network, shown = with_shown_ranges(network, shown_by)
        again = partial(lower_with_proof, network, replaceable=True) if replaceable else None
    else:
        compiled = lower_again(deployed, network.interface, request.state_ranges, shown_by)
        network, shown = replace(network, interface=compiled.network.interface), []
        again = partial(lower_in, compiled, network)
    found = quantised(network, request.weight_bits, request.recording, progress, again)
    lowered, model, recording = found.lowered, found.model, found.recording
    golden, runs, truth, worst = found.golden, found.runs, found.truth, found.worst
    check_reading(graph, network, model, golden)
    float_runs = truth[worst.source]
    blame = find_blame(lowered, lowered.network, runs, float_runs, worst, request.weight_bits)
    _check_errors(request, network, model, worst, blame)
    progress("generating C")
    code = plan(model, lowered.bounds, request.layout, request.flash_limit, replaceable)
    texts = emit(code, _counts(network))
    files: dict[str, bytes] = {path: text.encode() for path, text in texts.items()}
    structure = structure_digest(texts)
    if deployed is not None:
        require_structure(deployed, compiled.model, model, structure)
    if code.block is not None:
        files |= code.block.files(model, runtime_version(), structure)
    files[float_network.FILE] = float_network.to_bytes(graph)
    files["reference.onnx"] = integer_onnx(model).SerializeToString(deterministic=True)
    files["vectors.npz"] = npz(golden)
    progress("measuring what each format costs")
    table = range_report.rows(lowered, lowered.network, golden)
    each = error_table.of_runs(model, runs, truth)
    float32 = error_table.float32_errors(graph, interface.dt_fixed, model, runs, truth)
    doubts = [*of_ranges, *notes(graph, interface), *general.told(lowered.network, code), *shown]
    doubts += [*found.notes, *range_hints.hints(model, recording)]
    stated: dict[str, Any] = {"float": float_network.to_json(graph, interface)}
    stated |= {
        "errors": to_json_errors(found.errors),
        "blame": to_json_blame(blame),
        "notes": doubts,
    }
    counts = _counts(network)
    stated |= {"counts": counts} if counts else {}
    stated |= {"structure": structure} if replaceable else {}
    stated |= {"made_for": deployed.digest} if deployed is not None else {}
    stated["errors_of_each"] = error_table.to_json(each)
    files["model.json"] = _model_json(model, code.layout, files, table, stated)
    # Not among model.json's checksums: its errors come from float, which libm may round.
    by_channel = error_table.lines(each, float32)
    report = range_report.text(model, network, table, found.errors, blame, by_channel)
    files["report.txt"] = "\n".join([ports, *(f"note: {d}" for d in doubts), report]).encode()
    write_folder(target, files)
    return model


def _declared(request: Request, interface: Interface) -> tuple[Interface, tuple[str, ...]]:
    """The interface with the ranges that the user gives, the more exact ones last, and sentences
    about those that were found in data."""
    told: tuple[str, ...] = ()
    if request.ranges_from is not None:
        found = ranges_from(request.ranges_from, [s.name for s in interface.inputs])
        ranges, told = dict(found.ranges), found.told
        dt = ranges.pop("dt", None)
        interface = with_named_ranges(interface, tuple(ranges.items()))
        interface = with_ranges(interface, [], dt if request.dt is None else None, None)
    interface = with_ranges(interface, list(request.input_ranges), request.dt_range, request.dt)
    return with_named_ranges(interface, request.named_ranges), told


def _counts(network: Network) -> dict[str, str]:
    """The type of each input that is a sensor's raw count, by name."""
    return {s.name: s.format.kind for s in network.interface.inputs if s.format is not None}


def _recorded(recording: Path | None, network: Network) -> Runs | None:
    """The recording as runs of the float network; None where there is none, or one that does not
    fit, which `load_recording` says later."""
    arrays: Mapping[str, Any] = {} if recording is None else load_arrays(recording)
    x = arrays.get("x", np.zeros(0)).astype(np.float64)
    x = x[None] if x.ndim == 2 else x
    dt = arrays.get("dt", np.zeros(x.shape[:2])).astype(np.float64)
    if x.ndim != 3 or x.shape[-1] != len(network.interface.inputs) or dt.size != x[..., 0].size:
        return None
    if dt.size * sum(w.size for w in network.h_next) > MOST_VALUES:
        return None
    dt = dt.reshape(x.shape[:2])
    return Runs(x.swapaxes(0, 1), dt.swapaxes(0, 1), RECORDED_MARGIN, "the recording")


def _check_errors(
    request: Request, network: Network, model: Model, worst: FreeRunError, blame: Blame | None
) -> None:
    """Refuse an error that the user has not accepted."""
    if worst.worst <= request.accept_error:
        return
    fact = f"is {worst.worst:.1e} of its used range away from the float network within " + (
        f"{worst.steps:,} free-running steps ({worst.source})"
    )
    help_ = remedy(request.weight_bits, network)
    if blame is not None:
        fact, help_ = f"{fact}; {blame.sentence}", "; ".join(blame.remedies)
    if request.weights_for is not None:
        fact, help_ = f"{fact}; in the formats of the code of {request.weights_for}", NEW_CODE
    if any(atom.jumps for atom in network.atoms.values()):
        fact += "; it compares or rounds, and what lies next to a threshold may fall to either side"
    raise ElegansError(
        f"{model.name}, {worst.name}", fact, f"{help_}, or accept it with --accept-error"
    )


def _check_target(target: Path) -> None:
    """Refuse to replace anything but an empty folder or an earlier BUILD."""
    restore_folder(target)
    try:
        if target.is_dir() and (not any(target.iterdir()) or is_build_folder(target)):
            return
        there = target.exists() or target.is_symlink()
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        reason = getattr(error, "strerror", None) or str(error)
        fact = f"cannot be written ({reason})"
        raise ElegansError(target, fact, "give another folder to -o") from None
    if there:
        raise ElegansError(
            target, "is there and is no earlier export", "give a new folder to -o, or remove it"
        )


def _model_json(
    model: Model,
    layout: str,
    files: dict[str, bytes],
    table: list[range_report.Row],
    stated: dict[str, Any],
) -> bytes:
    data = to_json(model)
    for key in ("inputs", "states", "outputs"):
        data[key] = [_described(c) for c in getattr(model, key)]
    data["dt"] = _described(model.dt) if model.dt else None
    data["digest"] = model.digest
    data["version"] = version("elegans")
    data["runtime"] = runtime_version()
    data["optimise"] = layout
    data |= stated
    data["vectors"] = [_vector(row) for row in table]
    data["files"] = {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}
    return (indented(data) + "\n").encode()


def _described(channel: Channel) -> dict[str, Any]:
    first = {"name": channel.name, "unit": channel.unit, "range": list(channel.range)}
    return first | {"bits": channel.bits} | channel_json(channel)


def _vector(row: range_report.Row) -> dict[str, Any]:
    """A row of the range report as plain data, without its errors."""
    return {
        "name": row.name,
        "formats": list(row.formats),
        "range": list(row.range),
        "headroom_bits": row.headroom,
    }
