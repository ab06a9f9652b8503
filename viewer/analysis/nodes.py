"""Which elements of a network's vectors are its sensors, neurons, hidden units and outputs.

A neuron is what keeps a state. One neuron may have several vectors: its old state, its new one,
the potentials between the unfolds of a solver, the cell and the hidden state of an LSTM, and the
product of a state and a gate. Any other vector of which an element is read for several neurons
is a layer of hidden units. All else is a part of the one neuron that reads it, as the heads and
the time gate of a CfC, or the synapses of an LTC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.gates.product import ProductGate
from elegans.exporter.ir.atom import Activation, Gate
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers
from elegans.viewer.analysis.owners import NOBODY, find_owners

SENSOR, DELAYED, NEURON, UNIT, OUTPUT = "sensor", "delayed", "neuron", "unit", "output"


@dataclass(frozen=True)
class CircuitNode:
    """One thing that the circuit is drawn of.

    kind    sensor, delayed (an input of an earlier step), neuron, unit or output
    name    unique, for people
    states  the states that a neuron keeps, by their numbers; of a delayed input the one
    at      (vector, element) where the value after a step stands
    """

    kind: str
    name: str
    states: tuple[int, ...]
    at: tuple[str, int]


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of a network, and what belongs to which.

    node_of  by vector, the number of the node that each element is, [size]; only vectors that are
             nodes
    owner    by the names of the other atoms, the node that each element is a part of, or `NOBODY`
    """

    nodes: list[CircuitNode]
    node_of: dict[str, Integers]
    owner: dict[str, Integers]

    def of_kind(self, kind: str) -> list[int]:
        """The numbers of the nodes of a kind."""
        return [i for i, node in enumerate(self.nodes) if node.kind == kind]

    def target_of(self, vector: str) -> Integers:
        """The node that each element of an atom's vector is, or is a part of."""
        return self.node_of[vector] if vector in self.node_of else self.owner[vector]


def find_nodes(network: Network) -> Nodes:
    """The nodes of a network: sensors, then delayed inputs, neurons, units and outputs."""
    nodes: list[CircuitNode] = [
        CircuitNode(SENSOR, signal.name, (), ("x", i))
        for i, signal in enumerate(network.interface.inputs)
    ]
    node_of = {"x": np.arange(len(nodes))}
    _add_states(network, nodes, node_of)
    for name in network.atoms:
        if name in node_of:
            _add_unfolds(network, name, node_of)
    first = len(nodes)
    outputs = np.arange(first, first + network.y.size)
    nodes += [
        CircuitNode(OUTPUT, signal.name, (), ("y", i))
        for i, signal in enumerate(network.interface.outputs)
    ]
    owner, layers = find_owners(network, len(nodes), node_of, outputs)
    units = {
        int(node): CircuitNode(UNIT, f"hidden{number} {i}", (), (name, i))
        for number, name in enumerate(layers, 1)
        for i, node in enumerate(node_of[name])
    }
    nodes += [units[i] for i in sorted(units)]
    return Nodes(_named_apart(nodes), node_of | {"y": outputs}, owner)


def _add_states(network: Network, nodes: list[CircuitNode], node_of: dict[str, Integers]) -> None:
    """A node for each state, but one for the two states of an LSTM's neuron."""
    places = [(w.vector, w.lo + i) for w in network.h_next for i in range(w.size)]
    labels = _state_labels(network)
    same = _cells(network)
    of_state = np.full(len(places), NOBODY)
    delays = _delays(network, places)
    for i, (vector, _) in enumerate(places):
        if vector in ("x", "h") and i in delays:
            sensor, steps = delays[i]
            name = f"{network.interface.inputs[sensor].name}, {steps} before"
            of_state[i] = len(nodes)
            nodes.append(CircuitNode(DELAYED, name, (i,), ("h", i)))
    for i, place in enumerate(places):
        if of_state[i] == NOBODY and place not in same:
            of_state[i] = len(nodes)
            nodes.append(CircuitNode(NEURON, labels[i], (i,), place))
    for i, place in enumerate(places):
        if of_state[i] == NOBODY:
            other = of_state[places.index(same[place])]
            of_state[i] = other
            node = nodes[other]
            nodes[other] = CircuitNode(node.kind, node.name, (*node.states, i), node.at)
    node_of["h"] = of_state
    for i, (vector, index) in enumerate(places):
        if vector in network.atoms:
            known = node_of.setdefault(vector, np.full(network.atoms[vector].size, NOBODY))
            known[index] = of_state[i]
    for name in [n for n in node_of if n in network.atoms]:
        _add_collected(network, name, node_of)


def _delays(network: Network, places: list[tuple[str, int]]) -> dict[int, tuple[int, int]]:
    """For each state that is a copy of an input of an earlier step: (input, steps before)."""
    found: dict[int, tuple[int, int]] = {}
    for i, place in enumerate(places):
        steps, seen = 1, {i}
        while place[0] == "h" and place[1] not in seen:
            seen.add(place[1])
            place, steps = places[place[1]], steps + 1
        if place[0] == "x":
            found[i] = (place[1], steps)
    return found


def _state_labels(network: Network) -> list[str]:
    """A name for each state: its layer as the file declares it, and its number there."""
    layers, states = network.interface.layers, sum(w.size for w in network.h_next)
    if sum(size for _, size in layers) == states:
        return [f"{name} {i}" for name, size in layers for i in range(size)]
    return [f"neuron {i}" for i in range(states)]


def _cells(network: Network) -> dict[tuple[str, int], tuple[str, int]]:
    """The place of a cell that is a state: the place of the state that is its gated output."""
    states = {w.vector for w in network.h_next}
    found = {}
    for name, atom in network.atoms.items():
        if name in states and isinstance(atom, ProductGate):
            inner = network.atoms.get(atom.v.vector)
            drive = inner.drive.window() if isinstance(inner, Activation) else None
            if drive is not None and drive.vector in states and drive.vector != name:
                for i in range(atom.size):
                    found[drive.vector, drive.lo + atom.v.lo + i] = (name, i)
    return found


def _add_collected(network: Network, name: str, node_of: dict[str, Integers]) -> None:
    """Where a state is a multiple of another vector's element, that element is the neuron too."""
    atom = network.atoms[name]
    if not isinstance(atom, LinearMapActivation) or {"x", "h", "dt"} & set(atom.drive.terms):
        return
    entries = [(v, m.tocoo()) for v, m in atom.drive.terms.items()]
    if np.max(sum(np.diff(m.indptr) for m in atom.drive.terms.values()), initial=0) > 1:
        return
    for vector, matrix in entries:
        known = np.full(network.atoms[vector].size, NOBODY)
        known[matrix.col] = node_of[name][matrix.row]
        if np.all(known != NOBODY):
            node_of.setdefault(vector, known)


def _add_unfolds(network: Network, name: str, node_of: dict[str, Integers]) -> None:
    """The same neurons before the last unfold of a solver: gates of one kind in a chain."""
    atom = network.atoms[name]
    while isinstance(atom, Gate):
        earlier = next(
            (
                window
                for role in atom.carriers
                if type(network.atoms.get((window := getattr(atom, role)).vector)) is type(atom)
            ),
            None,
        )
        if earlier is None or earlier.vector in node_of:
            return
        known = np.full(network.atoms[earlier.vector].size, NOBODY)
        known[earlier.lo : earlier.hi] = node_of[name]
        node_of[earlier.vector], name = known, earlier.vector
        atom = network.atoms[name]


def _named_apart(nodes: list[CircuitNode]) -> list[CircuitNode]:
    """The nodes with a name for each that no other has."""
    seen: set[str] = set()
    found = []
    for node in nodes:
        name = node.name if node.name not in seen else f"{node.name} ({node.kind})"
        seen.add(name)
        found.append(CircuitNode(node.kind, name, node.states, node.at))
    return found
