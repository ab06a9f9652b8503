"""Weights for code that is deployed: another circuit in the structure of an earlier BUILD.

The earlier BUILD's own float network is lowered again, which must give its model to the bit: so it
is known in which formats and scales its code computes. The new network is lowered in the same ones.
If the C that is generated for it is the same, without comments, its block of weights fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from elegans.exporter import ops
from elegans.exporter.build_folder import BuildFolder, read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.float_network import read_float_graph
from elegans.exporter.frontend.import_graph import StepGraph, read_network
from elegans.exporter.ir.fixed_model import Channel, Model, Step, formats
from elegans.exporter.ir.interface import Interface
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered, lower_with_proof
from elegans.exporter.state_ranges import Given, Runs, with_shown_ranges, with_state_ranges

_AGAIN = "export it with the options and ranges with which that BUILD was exported"
_TRAINED = {"weights", "bias", "rates", "rate_bias", "shift", "coarse", "fine", "rate", "one"}
_TRAINED |= {"lifts", "rate_lifts"}
NEW_CODE = (
    "train the same kind of circuit with the same wiring; or deploy new code, which elegans export "
    "--weights-block makes"
)


def read_deployed(build: Path) -> BuildFolder:
    """The BUILD whose code is deployed. Raises `ElegansError` if its weights are in its code."""
    folder = read_build_folder(build)
    if not folder.structure:
        fact = "has its weights in its code, so no others can replace them there"
        raise ElegansError(build, fact, "export and deploy it with --weights-block")
    if folder.made_for:
        fact = f"is itself a block for the code of another BUILD, of model {folder.made_for:.16}..."
        raise ElegansError(build, fact, "give that BUILD, whose code is deployed")
    return folder


def lower_again(
    folder: BuildFolder, interface: Interface, given: Given, runs: Runs | None, weight_bits: int
) -> Lowered:
    """The model of a BUILD with the formats and scales from which it was made.

    interface  of the network whose weights shall replace those of the BUILD
    given      ranges of states that saturate, and `runs` that show them, as the export has them
    weight_bits  of the export, which must be those of the BUILD

    Raises `ElegansError` if this is another model than that of the BUILD.
    """
    graph, there = read_float_graph(folder), folder.model()
    bits = min((getattr(step.op, "weight_bits", 16) for step in there.steps), default=16)
    if bits != weight_bits:
        fact = f"has int{bits} weights in its code, and int{weight_bits} are asked for"
        raise ElegansError(folder.path.parent, fact, f"export with --weights int{bits}")
    _require_signals(folder, interface, graph)
    network = read_network(graph, interface)
    network = with_state_ranges(network, given, graph.ports.states)
    network, _ = with_shown_ranges(network, runs)
    lowered = lower_with_proof(network, weight_bits, replaceable=True)
    if lowered.model.digest != folder.digest:
        why = next(_differences(there, lowered.model), "its model cannot be made again")
        raise ElegansError(folder.path.parent, f"was exported otherwise: {why}", _AGAIN)
    return lowered


def lower_in(compiled: Lowered, network: Network, weight_bits: int) -> Lowered:
    """A network in the formats and scales of a model that is compiled already. Raises
    `ElegansError` for weights that do not fit them."""
    held = replace(network, interface=compiled.network.interface)
    return lower_with_proof(held, weight_bits, replaceable=True, compiled=compiled)


def require_structure(folder: BuildFolder, compiled: Model, found: Model, structure: str) -> None:
    """Raise `ElegansError`, with the reason, unless a model has the structure of a BUILD."""
    if structure != folder.structure:
        why = next(_differences(compiled, found), "its kernels are other ones")
        fact = f"does not fit the code of {folder.path.parent}: {why}"
        raise ElegansError(found.name, fact, NEW_CODE)


def _require_signals(folder: BuildFolder, interface: Interface, graph: StepGraph) -> None:
    """Raise `ElegansError` for another number or order of signals, or another kind of time."""
    for what, there, here in (
        ("inputs", folder.inputs, interface.inputs),
        ("outputs", folder.outputs, interface.outputs),
    ):
        names = [c.name for c in there], [s.name for s in here]
        if names[0] != names[1]:
            fact = f"has the {what} {', '.join(names[1]):.200}, and that BUILD has "
            fact += f"{', '.join(names[0]):.200}"
            raise ElegansError(folder.name, fact, NEW_CODE)


def _differences(there: Model, here: Model) -> Iterator[str]:
    """How two models differ in what is compiled: signals first, then step by step."""
    for what, one, other in (
        ("input", there.inputs, here.inputs),
        ("the elapsed time", _given(there.dt), _given(here.dt)),
        ("state", there.states, here.states),
        ("output", there.outputs, here.outputs),
    ):
        if len(one) != len(other):
            yield f"{what}: {len(one)} of them there, {len(other)} here"
        for a, b in zip(one, other, strict=False):
            if a != b:
                yield f"{what} {a.name} is {_channel(a)} there, and {_channel(b)} here"
    names = {s.name for s in there.steps}, {s.name for s in here.steps}
    for only, place in ((names[0] - names[1], "there"), (names[1] - names[0], "here")):
        if only:
            yield f"the step {min(only)} is only {place}"
    if names[0] != names[1]:
        return
    known = {step.name: step for step in here.steps}
    for step in there.steps:
        yield from _of_steps(step, known[step.name])


def _of_steps(there: Step, here: Step) -> Iterator[str]:
    if there.op.kernel != here.op.kernel:
        yield f"{there.name} is computed by {there.op.kernel} there, and by {here.op.kernel} here"
    elif there.size != here.size:
        yield f"{there.name} has {there.size} elements there, and {here.size} here"
    elif there.frac != here.frac:
        one, other = (" ".join(formats(step)) for step in (there, here))
        yield f"{there.name} is {one} there, and {other} here"
    elif there.inputs != here.inputs:
        yield f"{there.name} reads other vectors"
    else:
        of = ops.to_json(there.op), ops.to_json(here.op)
        for name in sorted(of[0]):
            a, b = (_compiled(op, name) for op in of)
            if a != b:
                yield f"{there.name}: {name} is {a!s:.60} there, and {b!s:.60} here"


def _compiled(op: dict[str, Any], name: str) -> Any:
    """What of a field is in the code: all of it, but of what is trained only the shift that all
    rows share, and where a list has weights."""
    value = op[name]
    if name not in _TRAINED:
        return value
    if name == "shift":
        return value[0] if isinstance(value, list) and len(set(value)) == 1 else None
    return (value["counts"], value["columns"]) if isinstance(value, dict) else None


def _given(channel: Channel | None) -> Sequence[Channel]:
    return () if channel is None else (channel,)


def _channel(channel: Channel) -> str:
    lo, hi = channel.range
    return f"{channel.format} from {lo:g} to {hi:g} {channel.shown_unit}".rstrip()
