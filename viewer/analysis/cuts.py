"""What happens when a synapse or a neuron is cut, on the integers of the device.

A synapse is cut by taking its weight as zero in every map that it acts through; a neuron by
cutting all that leave it, with its output where it is one. A weight of zero and an input of zero
give the same sum, so a cut is a run of the reference in which a map reads a zero there; only the
rows of the target do, where a single synapse is cut. The synapses of an LTC read neurons through
sigmoids, which are not zero at zero: there it is the synapse's own conductance that is taken as
zero. All cuts of a model are the lanes of one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elegans.exporter.ir.fixed_model import Argument, Model, Step, walk
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.numbers.fixed import Integers, Value
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import parts
from elegans.viewer.analysis.nodes import Nodes
from elegans.viewer.analysis.owners import NOBODY

_COPIES = {"clamp", "counts", "narrow", "rescale", "widen"}
_SEVERAL = -2


@dataclass(frozen=True)
class Cut:
    """What is cut: the synapses from `source` to `target`, or all of them where that is None.

    held  for a sensor: the integer that its input is held at instead; no synapse is cut then
    """

    source: int
    target: int | None = None
    held: int | None = None


def run_cuts(
    model: Model,
    network: Network,
    nodes: Nodes,
    cuts: Sequence[Cut],
    run: tuple[Integers, Integers, Integers],
) -> Integers:
    """The outputs y [T, B, O] of a run with each of B cuts.

    run  x [T, I], dt [T] and the first state h0 [H], in the device's integers
    """
    x, dt, h0 = run
    places = Places(model, network, nodes)
    lanes = _Lanes(model, places, cuts)
    given = np.repeat(x[:, None], len(cuts), axis=1)
    for lane, cut in enumerate(cuts):
        if cut.held is not None:
            given[:, lane, cut.source] = cut.held
    h = np.repeat(h0[None], len(cuts), axis=0)
    found = np.zeros((len(x), len(cuts), len(model.outputs)), np.int64)
    for t in range(len(x)):
        time = np.full((len(cuts), 1), dt[t])
        y, h, _ = walk(model, {"x": given[t], "dt": time, "h": h}, _joined, lanes.apply)
        found[t] = np.where(lanes.silent, 0, y)
    return found


def _joined(found: list[Value]) -> Value:
    return np.concatenate(found, axis=-1)


class Places:
    """Where nodes are in the fixed-point model: which columns of a map are whose, and its rows.

    columns  by the names of maps, the node that each column reads as a synapse, or `NOBODY`
    owners   by the names of all steps, the node that each element belongs to
    output_nodes  [O] the nodes of the outputs
    outputs  [O] the node that an output is a copy of, or `NOBODY`
    """

    def __init__(self, model: Model, network: Network, nodes: Nodes) -> None:
        self._model, self._nodes = model, nodes
        self.output_nodes = nodes.node_of["y"]
        self._steps = {step.name: step for step in model.steps}
        called = vector_names(network)
        self._own = {called[n].name: of for n, of in nodes.node_of.items() if n in called}
        self._synapses: dict[str, Integers] = {}
        self._through = self._find_synapses()
        carried = {w.vector for s in model.steps if s.op.kernel == "quotient" for w in s.inputs[0]}
        self.columns: dict[str, Integers] = {}
        for step in model.steps:
            if _is_map(step) and step.name not in self._through:
                found = self._nodes_of(step.inputs[0])
                if step.name in carried:  # C v, which is no synapse
                    found = np.where(self._are_synapses(step.inputs[0]), found, NOBODY)
                if step.name in self._own:  # a state that gathers what is the neuron already
                    same = np.isin(found, self._own[step.name]) & ~self._are_old(step.inputs[0])
                    found = np.where(same, NOBODY, found)
                self.columns[step.name] = found
        self.owners = self._find_owners()
        self.outputs = self._nodes_of(model.y)
        self.outputs[[w.vector == "y_out" for w in model.y for _ in range(w.size)]] = NOBODY

    def _nodes_of(self, argument: Argument) -> Integers:
        return np.array(
            [self._node(w.vector, i) for w in argument for i in range(w.lo, w.hi)], np.int64
        )

    def _are_synapses(self, argument: Argument) -> Integers:
        return np.array([w.vector in self._synapses for w in argument for _ in range(w.size)])

    def _are_old(self, argument: Argument) -> Integers:
        return np.array([w.vector == "h" for w in argument for _ in range(w.size)])

    def _node(self, vector: str, index: int) -> int:
        """The node whose value an element is, or `NOBODY`."""
        if vector == "x":
            return index
        if vector == "h":
            for piece in self._model.pieces:
                if piece.at <= index < piece.at + piece.size * (1 + piece.wide):
                    state = piece.start + (index - piece.at) % piece.size
                    return int(self._nodes.node_of["h"][state])
        step = self._steps.get(vector)
        if step is None:
            return NOBODY
        if vector in self._own:
            return int(self._own[vector][index % len(self._own[vector])])
        if vector in self._synapses:
            return int(self._synapses[vector][index])
        if step.op.kernel in _COPIES:
            elements = [(w.vector, i) for w in step.inputs[0] for i in range(w.lo, w.hi)]
            return self._node(*elements[index % (len(elements) or 1)])
        return NOBODY

    def _find_synapses(self) -> set[str]:
        """Fill `_synapses` with the activations that are synapses of one source each, as in an
        LTC; returns the names of the maps that make their arguments."""
        read_by: dict[str, list[tuple[Step, int]]] = {}
        for step in self._model.steps:
            for number, argument in enumerate(step.inputs):
                for window in argument:
                    read_by.setdefault(window.vector, []).append((step, number))
        through = set()
        for step in self._model.steps:
            source = self._steps.get(step.inputs[0][0].vector) if step.inputs else None
            readers = read_by.get(step.name, [])
            if (
                source is None
                or _is_map(step)
                or step.name in self._own
                or step.op.kernel in _COPIES
                or len(step.inputs) > 1
                or len(step.inputs[0]) > 1
                or not _is_map(source)
                or not readers
                or not all(_is_map(s) and n == 0 for s, n in readers)
            ):
                continue
            matrix = SparseMatrix.of(_weights(source))
            if matrix.counts.max(initial=0) > 1 or step.size != source.size:
                continue
            nodes = self._nodes_of(source.inputs[0])
            found = np.full(step.size, NOBODY)
            found[matrix.rows] = nodes[matrix.columns]
            self._synapses[step.name] = found
            through.add(source.name)
        return through

    def _find_owners(self) -> dict[str, Integers]:
        """The node that each element of a step is, or is a part of."""
        owners: dict[str, Integers] = {
            step.name: np.full(step.size, NOBODY) for step in self._model.steps
        }
        outputs = self.output_nodes
        elements = [(w.vector, i) for w in self._model.y for i in range(w.lo, w.hi)]
        for (vector, index), node in zip(elements, outputs, strict=True):
            if vector in owners:
                owners[vector][index] = node
        for step in reversed(self._model.steps):
            own = owners[step.name]
            if step.name in self._own:
                own[:] = np.resize(self._own[step.name], step.size)
            for number, argument in enumerate(step.inputs):
                self._pass_on(step, number, argument, own, owners)
        return owners

    def _pass_on(
        self,
        step: Step,
        number: int,
        argument: Argument,
        own: Integers,
        owners: dict[str, Integers],
    ) -> None:
        elements = [(w.vector, i) for w in argument for i in range(w.lo, w.hi)]
        if _is_map(step) and number == 0:
            matrices = [getattr(step.op, n, None) for n in ("weights", "rates")]
            for matrix in (SparseMatrix.of(m) for m in matrices if m is not None):
                for row, column in zip(matrix.rows, matrix.columns, strict=True):
                    vector, index = elements[column]
                    _claim(owners, vector, index, int(own[row]))
            return
        size = max(step.size // parts(step.op), 1)
        if len(elements) % size == 0:  # element by element; elapsed time is shared by all
            for place, (vector, index) in enumerate(elements):
                _claim(owners, vector, index, int(own[place % size]))


def _claim(owners: dict[str, Integers], vector: str, index: int, node: int) -> None:
    known = owners.get(vector)
    if known is not None and node != NOBODY:
        same = known[index] in (NOBODY, node)
        known[index] = node if same else _SEVERAL


def _weights(step: Step) -> Any:
    """The weights of a map; None of any other operation."""
    return getattr(step.op, "weights", None)


def _is_map(step: Step) -> bool:
    return _weights(step) is not None


class _Lanes:
    """The ops of a model, with one cut in each lane of the batch."""

    def __init__(self, model: Model, places: Places, cuts: Sequence[Cut]) -> None:
        found = [Cut(NOBODY - 2, NOBODY - 2) if cut.held is not None else cut for cut in cuts]
        source = np.array([cut.source for cut in found])[:, None]
        whole = np.array([cut.target is None for cut in found])[:, None]
        target = np.array([_SEVERAL if c.target is None else c.target for c in found])[:, None]
        self._neurons: dict[str, Integers] = {}
        self._single: dict[str, tuple[Integers, Integers, Integers]] = {}
        for name, columns in places.columns.items():
            zeroed = columns == source
            if (zeroed & whole).any():
                self._neurons[name] = zeroed & whole
            rows = ~whole & (places.owners[name] == target)
            lanes = np.flatnonzero(zeroed.any(axis=1) & rows.any(axis=1))
            if len(lanes):
                self._single[name] = lanes, zeroed[lanes], rows[lanes]
        outputs = places.output_nodes
        self.silent = (places.outputs == source) & (whole | (outputs == target))

    def apply(self, step: Step, args: list[Value]) -> Value:
        """The op with zeros where a neuron is cut; rows of cut synapses are computed again."""
        neurons = self._neurons.get(step.name)
        first = args[0] if neurons is None else np.where(neurons, 0, args[0])
        found = step.op.integer(first, *args[1:])
        if step.name in self._single:
            lanes, zeroed, rows = self._single[step.name]
            part = [a[lanes] for a in args]
            without = step.op.integer(np.where(zeroed, 0, part[0]), *part[1:])
            # A result of 32 bits is its upper halves and its lower ones, in this order.
            parts = [(found, without, rows)]
            if isinstance(found, tuple):
                parts = list(zip(found, without, np.split(rows, 2, axis=1), strict=True))
            for whole, cut, own in parts:
                whole[lanes] = np.where(own, cut, whole[lanes])
        return found
