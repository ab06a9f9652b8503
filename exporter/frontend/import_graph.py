"""From the ONNX graph of one step to a `Network`, by dataflow and never by a node's name.

Each tensor of the graph becomes a normal form (`affine.Form`), node by node. A nonlinearity,
or a product of two vectors, becomes an atom of the network, which later forms refer to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from elegans.exporter.atoms.gates import gates
from elegans.exporter.atoms.read_states import through_states
from elegans.exporter.atoms.recogniser import Recogniser
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.frontend import open_file, tensors
from elegans.exporter.frontend.folding.branches import without_branches
from elegans.exporter.frontend.folding.shapes import with_known_shapes
from elegans.exporter.frontend.general.indices import of_whole_numbers
from elegans.exporter.frontend.operators import RULES
from elegans.exporter.frontend.ports.find_ports import GraphPort, GraphPorts, States, find_ports
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.recurrent.find import (
    FoundStep,
    find_step,
    find_unrolled,
    is_sequence,
)
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import PER_DT, Activation, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Interface, from_metadata, model_name, valid_name
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import LARGEST_REAL
from elegans.exporter.passes.eliminate_dead import pruned
from elegans.exporter.passes.fold_constants import folded

_REMEDIES = {  # for operators of other domains than ONNX's own
    "com.microsoft": "give the file that onnxruntime's optimiser or quantiser was given",
    "com.microsoft.nchwc": "optimise with ORT_ENABLE_EXTENDED, which keeps the layout of ONNX, or "
    "give the file that onnxruntime's optimiser was given",
}
_ENDS = ("Clip", "Max", "Min", "Where")  # operators for which infinity may mean: no end
_MOST_WEIGHTS = 1 << 23  # twice what fills 8 MiB of flash, as solvers repeat their maps


@dataclass(frozen=True, eq=False)
class StepGraph:
    """An ONNX file that has been read and checked, and what its inputs and outputs are.

    given  the graph as the file has it, or the step that was found in it, for onnxruntime
    model  the same with the operators that the importer reads
    found  where its step was found, if the file has a whole sequence
    """

    path: Path
    given: onnx.ModelProto
    model: onnx.ModelProto
    ports: GraphPorts
    found: FoundStep | None = None


def open_graph(path: Path, states: States = (), elapsed: str | None = None) -> StepGraph:
    """Read the ONNX file of one step.

    states, elapsed  as `find_ports` takes them

    Raises `ElegansError` for a file that is not valid, or is not the graph of a step.
    """
    given = open_file.read(path)
    model = open_file.plain(given, path)
    found: StepGraph | ElegansError
    try:
        found = _as_it_is(path, given, model, states, elapsed)
    except ElegansError as error:
        found = error
    if isinstance(found, StepGraph) and not _may_be_copies(found):
        return found
    known = found.ports.states if isinstance(found, StepGraph) else dict(states)
    try:
        copies = find_unrolled(given, model, path, known)
    except ElegansError as error:
        copies = None
        if isinstance(found, ElegansError) and not is_sequence(model):
            found = error
    if copies is not None:
        return _step_graph(path, copies, states, elapsed)
    if isinstance(found, ElegansError):
        raise found from None
    return found


def _as_it_is(
    path: Path,
    given: onnx.ModelProto,
    model: onnx.ModelProto,
    states: States,
    elapsed: str | None,
) -> StepGraph:
    """The graph of a step, or the step that the nodes of a sequence have."""
    if is_sequence(model):
        return _step_graph(path, find_step(given, model, path), states, elapsed)
    open_file.fix_sizes(given)
    step = without_branches(open_file.with_shapes(model, path), path)
    step = with_known_shapes(step, path)
    return StepGraph(path, given, step, find_ports(step, path, states, elapsed))


def _may_be_copies(graph: StepGraph) -> bool:
    """Whether a step may be one of several samples, which are its copies."""
    if graph.found is not None and graph.found.length > 1:
        return False
    return any(port.vector == "x" and len(port.shape) > 2 for port in graph.ports.inputs)


def _step_graph(path: Path, found: FoundStep, states: States, elapsed: str | None) -> StepGraph:
    """The step that was found in a sequence."""
    model = open_file.with_shapes(open_file.plain(found.model, path), path)
    ports = find_ports(model, path, states, elapsed, found.states)
    return StepGraph(path, found.model, model, ports, found)


def read_interface(graph: StepGraph, name: str | None = None) -> Interface:
    """The names, units and ranges that the file declares; `name` replaces the model's name.

    Raises `ElegansError` for a declaration or a name that is not valid.
    """
    sizes = graph.ports.sizes
    default = name or model_name(graph.path.stem)
    found = from_metadata(open_file.metadata(graph.model), default, sizes["x"], sizes["y"])
    return replace(found, name=valid_name(name)) if name is not None else found


# Infinities are refused with the place where they arise, by `tensors.finite` and by `bounds`.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def read_network(
    graph: StepGraph, interface: Interface, kinds: Sequence[type[Gate]] | None = None
) -> Network:
    """The network in real numbers of a step graph, simplified.

    interface  the file's (`read_interface`), with the user's changes
    kinds      the gates that are recognised; those of `atoms.gates` if None

    Raises `ElegansError` for operators, products or quotients that elegans cannot turn into
    fixed point.
    """
    path, model, ports = graph.path, graph.model, graph.ports
    if interface.dt_fixed is not None and "dt" not in ports.sizes:
        raise WrongUseError("--dt", f"is given, but {path} takes no elapsed time", "leave it out")
    constants = tensors.constants(model, path)
    matrices = tensors.sparse_constants(model, path)
    recogniser = Recogniser({}, gates() if kinds is None else kinds)
    reader = Reader(path, list(model.opset_import), constants, matrices, recogniser)
    _read_inputs(reader, ports, interface.dt_fixed)
    ends = [(-np.inf, np.inf) if s.range is None else s.range for s in interface.inputs]
    lo, hi = np.array(ends, np.float64).T
    reader.ranges["x"] = lo, hi
    for number, node in enumerate(model.graph.node):
        fed = ", ".join(repr(name) for name in node.input if name not in reader.constants)
        place = f"{path}, node {number} ({node.op_type} {node.name!r}"
        _read_node(reader, f"{place}, fed by {fed or 'constants':.120})", node)
    made_by = _joined(reader, ports.h_next)
    h_next = reader.atoms.states(made_by)
    y = through_states(reader.atoms, _joined(reader, ports.y), made_by, h_next)
    network = Network(interface, reader.atoms.found, y, h_next)
    read = frozenset().union(*(atom.vectors() for atom in network.atoms.values()))
    read = read | set(network.y.terms) | {w.vector for w in h_next}
    if PER_DT.vector in read:
        fact = "divides by elapsed time outside of a neuron"
        remedy = "divide by it only as LTC's fused solver does: (C / dt v + I) / (C / dt + G)"
        raise ElegansError(path, fact, remedy)
    result = pruned(folded(network))
    _require_fit(path, result)
    return result


def _require_fit(path: Path, network: Network) -> None:
    """Refuse a network whose weights no microcontroller holds."""
    drives = [a.drive for a in network.atoms.values() if isinstance(a, Activation)]
    weights = sum(m.nnz for drive in (*drives, network.y) for m in drive.terms.values())
    if weights > _MOST_WEIGHTS:
        fact = f"has {weights:,} weights, {_MOST_WEIGHTS:,} is the most"
        raise ElegansError(path, fact, "export a smaller or a sparser network")


def read_file(path: Path) -> Network:
    """The network of an ONNX file with the interface that the file itself declares."""
    graph = open_graph(path)
    return read_network(graph, read_interface(graph))


def _read_inputs(reader: Reader, ports: GraphPorts, dt: float | None) -> None:
    """The graph's inputs become windows of x, h and dt, or a constant if dt is given."""
    read = ("x", "h") if dt is not None else ("x", "h", "dt")
    reader.atoms.sizes.update({v: n for v, n in ports.sizes.items() if v in read})
    for port in ports.inputs:
        window = Window(port.vector, port.lo, port.hi)
        fixed = port.vector == "dt" and dt is not None
        form = Form.constant(np.array([dt])) if fixed else reader.atoms.form(window)
        reader.tensors[port.name] = ShapedForm(form, port.shape)


def _read_node(reader: Reader, place: str, node: onnx.NodeProto) -> None:
    """Adds the outputs of a node to the reader, by constant folding or by its rule."""
    sparse = [name for name in node.input if name in reader.matrices]
    if sparse and node.op_type not in ("MatMul", "Gemm"):
        raise ElegansError(
            place,
            f"reads the sparse tensor {sparse[0]!r}",
            "read it by MatMul or Gemm only, or store it as a dense tensor",
        )
    if node.domain not in ("", "ai.onnx"):
        remedy = _REMEDIES.get(node.domain, "write it with operators of ONNX itself")
        raise ElegansError(place, f"is an operator of {node.domain!r:.60}", remedy)
    if reader.fold(place, node):
        return
    _require_finite(reader, place, node)
    rule = RULES.get(node.op_type)
    if rule is None:
        known = f"write the cell with {', '.join(sorted(RULES))}"
        raise ElegansError(place, "is not an operator of a cell that elegans knows", known)
    try:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        results = rule(reader, place, node, attributes)
    except open_file.MISFITS as error:
        raise ElegansError(
            place, f"does not fit its inputs ({error!r:.80})", "export the model again"
        ) from None
    if of_whole_numbers(reader, node):
        reader.whole.add(node.output[0])
    for result in results:
        reader.spend_form(place, result)
    reader.tensors.update(zip(node.output, results, strict=False))


def _require_finite(reader: Reader, place: str, node: onnx.NodeProto) -> None:
    """What stands for infinity may be an end, a choice or an added mask, but no weight or bias."""
    for name in node.input if node.op_type not in _ENDS else ():
        value = reader.constants.get(name)
        if value is None or not np.any(np.abs(value) >= LARGEST_REAL):
            continue
        if node.op_type != "Add" or np.all(value):
            fact = f"takes {name!r}, which has an infinite element"
            raise ElegansError(place, fact, tensors.ENDLESS_REMEDY)


def _joined(reader: Reader, ports: tuple[GraphPort, ...]) -> Affine:
    """The concatenation of graph outputs, each checked against its declared size."""
    parts = []
    for port in ports:
        place = f"{reader.path}, {port.name!r}"
        try:
            affine, _ = reader.affine(place, port.name)
        except (ValueError, KeyError) as error:
            raise ElegansError(
                place, f"is not computed by any node ({error})", "export it again"
            ) from None
        if affine.size != port.hi - port.lo:
            raise ElegansError(
                place,
                f"has {affine.size} elements, but is declared with {port.hi - port.lo}",
                "export the model again",
            )
        parts.append(affine)
    return Affine.joined(parts)
