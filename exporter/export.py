"""Export: from an ONNX file to a BUILD folder, which appears whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elegans.exporter import float_network
from elegans.exporter.build_folder import BuildFolder, is_build_folder
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import Plan, plan
from elegans.exporter.cost import general
from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.exporter.delivery.weights_block import structure_digest
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.files import npz, require_parents, restore_folder, write_folder
from elegans.exporter.frontend.import_graph import StepGraph
from elegans.exporter.ir.fixed_model import Channel, Model, channel_json, to_json
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered, lower_with_proof
from elegans.exporter.oracles import error_table, range_hints, range_report
from elegans.exporter.oracles.blame.blame import Blame
from elegans.exporter.oracles.blame.blame import to_json as to_json_blame
from elegans.exporter.oracles.blame.causes import JUMPS
from elegans.exporter.oracles.blame.find import find_blame
from elegans.exporter.oracles.free_run import FreeRunError, remedy
from elegans.exporter.oracles.free_run import to_json as to_json_errors
from elegans.exporter.oracles.integer_onnx import integer_onnx
from elegans.exporter.oracles.onnx_float import check_reading
from elegans.exporter.quantised import Quantised, quantised
from elegans.exporter.replaced_weights import (
    NEW_CODE,
    lower_again,
    lower_in,
    read_deployed,
    require_structure,
)
from elegans.exporter.request import Read, Request, read
from elegans.exporter.state_ranges import with_shown_ranges
from elegans.exporter.storage.json_text import indented

__all__ = ["Request", "export"]


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
    deployed = None if request.weights_for is None else read_deployed(request.weights_for)
    if deployed is not None:
        request = replace(request, name=deployed.name, layout=deployed.layout, flash_limit=None)
    source = read(request, progress, told)
    progress("choosing formats and proving ranges")
    made = _made(request, source, deployed, progress)
    found, model = made.found, made.found.model
    check_reading(source.graph, made.network, model, found.golden)
    lowered, truth = found.lowered, found.truth[found.worst.source]
    blame = find_blame(
        lowered, lowered.network, found.runs, truth, found.worst, request.weight_bits
    )
    _check_errors(request, made.network, model, found.worst, blame)
    progress("generating C")
    code = plan(model, lowered.bounds, request.layout, request.flash_limit, request.replaceable)
    texts = emit(code, _counts(made.network))
    structure = structure_digest(texts)
    if deployed is not None and made.compiled is not None:
        require_structure(deployed, made.compiled.model, model, structure)
    files = _files(source.graph, code, texts, structure, found)
    progress("measuring what each format costs")
    table = range_report.rows(lowered, lowered.network, found.golden)
    each = error_table.of_runs(model, lowered.network, found.runs, found.truth)
    doubts = [*source.told, *general.told(lowered.network, code), *made.told, *found.notes]
    doubts += range_hints.hints(model, found.recording)
    doubts += range_hints.at_rest(found.truth)
    stated = _stated(request, source, found, blame, doubts, structure, deployed)
    stated["errors_of_each"] = error_table.to_json(each)
    files["model.json"] = _model_json(model, code.layout, files, table, stated)
    # Not among model.json's checksums: its errors come from float, which libm may round.
    fixed = source.interface.dt_fixed
    float32 = error_table.float32_errors(source.graph, fixed, model, found.runs, found.truth)
    by_channel = error_table.lines(each, float32)
    report = range_report.text(model, made.network, table, found.errors, blame, by_channel)
    files["report.txt"] = "\n".join(
        [source.ports, *(f"note: {d}" for d in doubts), report]
    ).encode()
    write_folder(target, files)
    return model


@dataclass(frozen=True)
class _Made:
    """The integers of a network.

    network   with the ranges of states that runs have shown
    told      sentences about these ranges
    compiled  the model of the code that is deployed; None where there is none
    """

    network: Network
    found: Quantised
    told: tuple[str, ...]
    compiled: Lowered | None


def _made(
    request: Request, source: Read, deployed: BuildFolder | None, progress: Callable[[str], None]
) -> _Made:
    compiled, again = None, None
    told: list[str] = []
    bits = request.weight_bits
    if deployed is None:
        network, told = with_shown_ranges(source.network, source.shown_by)
        if request.replaceable:
            again = partial(lower_with_proof, network, bits, replaceable=True)
    else:
        interface = source.network.interface
        compiled = lower_again(deployed, interface, request.state_ranges, source.shown_by, bits)
        network = replace(source.network, interface=compiled.network.interface)
        again = partial(lower_in, compiled, network, bits)
    found = quantised(network, bits, request.recording, progress, again)
    return _Made(network, found, tuple(told), compiled)


def _files(
    graph: StepGraph, code: Plan, texts: Mapping[str, str], structure: str, found: Quantised
) -> dict[str, bytes]:
    """The files of a BUILD but for model.json and report.txt."""
    files = {path: text.encode() for path, text in texts.items()}
    if code.block is not None:
        files |= code.block.files(found.model, runtime_version(), structure)
    files[float_network.FILE] = float_network.to_bytes(graph)
    files["reference.onnx"] = integer_onnx(found.model).SerializeToString(deterministic=True)
    files["vectors.npz"] = npz(found.golden)
    return files


def _stated(
    request: Request,
    source: Read,
    found: Quantised,
    blame: Blame | None,
    doubts: list[str],
    structure: str,
    deployed: BuildFolder | None,
) -> dict[str, Any]:
    """What model.json states besides the model."""
    counts = _counts(source.network)
    stated: dict[str, Any] = {
        "float": float_network.to_json(source.graph, source.interface),
        "errors": to_json_errors(found.errors),
        "blame": to_json_blame(blame),
        "notes": doubts,
    }
    stated |= {"counts": counts} if counts else {}
    stated |= {"structure": structure} if request.replaceable else {}
    return stated | ({"made_for": deployed.digest} if deployed is not None else {})


def _counts(network: Network) -> dict[str, str]:
    """The type of each input that is a sensor's raw count, by name."""
    return {s.name: s.format.kind for s in network.interface.inputs if s.format is not None}


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
    if any(atom.jumps for atom in network.atoms.values()) and JUMPS not in fact:
        fact += f"; {JUMPS}"
    raise ElegansError(
        f"{model.name}, {worst.name}", fact, f"{help_}, or accept it with --accept-error"
    )


def _check_target(target: Path) -> None:
    """Refuse to replace anything but an empty folder or an earlier BUILD."""
    restore_folder(target)
    require_parents(target)
    try:
        if target.is_dir() and (not any(target.iterdir()) or is_build_folder(target)):
            return
        there = target.exists() or target.is_symlink()
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        reason = getattr(error, "strerror", None) or str(error)
        fact = f"cannot be written ({reason})"
        raise ElegansError(target, fact, "give another folder to -o") from None
    if there:
        raise WrongUseError(
            target, "is there and is no earlier export", "give a new folder to -o, or remove it"
        )


def _model_json(
    model: Model,
    layout: str,
    files: dict[str, bytes],
    table: list[range_report.Row],
    stated: dict[str, Any],
) -> bytes:
    """The bytes of the file.

    table   of the range report
    stated  of the export: errors, notes, and what else it found
    """
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
