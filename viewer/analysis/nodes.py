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
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers

SENSOR, DELAYED, NEURON, UNIT, OUTPUT = "sensor", "delayed", "neuron", "unit", "output"
NOBODY = -1


@dataclass(frozen=True)
class Node:
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

    nodes: list[Node]
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
    nodes: list[Node] = [
        Node(SENSOR, signal.name, (), ("x", i)) for i, signal in enumerate(network.interface.inputs)
    ]
    node_of = {"x": np.arange(len(nodes))}
    _add_states(network, nodes, node_of)
    for name in network.atoms:
        if name in node_of:
            _add_unfolds(network, name, node_of)
    first = len(nodes)
    outputs = np.arange(first, first + network.y.size)
    nodes += [
        Node(OUTPUT, signal.name, (), ("y", i))
        for i, signal in enumerate(network.interface.outputs)
    ]
    owner = _owners(network, nodes, node_of, outputs)
    return Nodes(_named_apart(nodes), node_of | {"y": outputs}, owner)


def _add_states(network: Network, nodes: list[Node], node_of: dict[str, Integers]) -> None:
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
            nodes.append(Node(DELAYED, name, (i,), ("h", i)))
    for i, place in enumerate(places):
        if of_state[i] == NOBODY and place not in same:
            of_state[i] = len(nodes)
            nodes.append(Node(NEURON, labels[i], (i,), place))
    for i, place in enumerate(places):
        if of_state[i] == NOBODY:
            other = of_state[places.index(same[place])]
            of_state[i] = other
            node = nodes[other]
            nodes[other] = Node(node.kind, node.name, (*node.states, i), node.at)
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


def _owners(
    network: Network, nodes: list[Node], node_of: dict[str, Integers], outputs: Integers
) -> dict[str, Integers]:
    """The owner of each element of what is no node; what has several becomes a layer of units."""
    readers: dict[str, list[tuple[Integers, Integers]]] = {}  # (element read, node that reads)
    _read_affine(network.y, outputs, readers)
    owner: dict[str, Integers] = {}
    layers: list[str] = []
    summed = _summed(network)
    for name in reversed(network.atoms):
        atom = network.atoms[name]
        if name not in node_of:
            own, several = _only_reader(atom.size, readers.get(name, []))
            if (several or _is_unit(atom, name, summed)) and _moves(network, name):
                found = _gated_state(network, atom, node_of)
                own = np.arange(0) if found is None else found
                if found is None:
                    own = np.arange(len(nodes), len(nodes) + atom.size)
                    layers.append(name)
                    nodes += [Node(UNIT, name, (), (name, i)) for i in range(atom.size)]
                node_of[name] = own
            else:
                owner[name] = own
        _read_atom(atom, node_of[name] if name in node_of else owner[name], readers)
    for number, name in enumerate(reversed(layers), 1):
        for i, node in enumerate(node_of[name]):
            nodes[node] = Node(UNIT, f"hidden{number} {i}", (), (name, i))
    return owner


def _summed(network: Network) -> set[str]:
    """The vectors that maps add up, and that nothing else reads."""
    added, apart = set(), set()
    forms = [network.y]
    for atom in network.atoms.values():
        if isinstance(atom, Activation):
            forms += [atom.drive, *([atom.rate] if atom.rate is not None else [])]
            apart |= {atom.factor.vector} if atom.factor else set()
        elif isinstance(atom, Gate):
            apart |= {window.vector for window in atom.parts}
    for form in forms:
        for vector, matrix in form.terms.items():
            if np.diff(matrix.indptr).max(initial=0) > 1:
                added.add(vector)
    return added - apart


def _is_unit(atom: Atom, name: str, summed: set[str]) -> bool:
    """Whether it is a layer of a perceptron: it sums, bends the sum, and is summed again."""
    if not isinstance(atom, Activation) or isinstance(atom, LinearMapActivation):
        return False
    counts = sum(np.diff(m.indptr) for m in atom.drive.terms.values())
    return name in summed and bool(np.max(counts, initial=0) > 1)


def _only_reader(size: int, read: list[tuple[Integers, Integers]]) -> tuple[Integers, bool]:
    """The one node that reads each element, and whether an element is read by several."""
    own, several = np.full(size, NOBODY), False
    for elements, by in read:
        kept = by != NOBODY
        elements, by = elements[kept], by[kept]
        least, most = np.full(size, np.iinfo(np.int64).max), np.full(size, NOBODY)
        np.minimum.at(least, elements, by)
        np.maximum.at(most, elements, by)
        touched = most != NOBODY
        several |= bool(np.any(least[touched] != most[touched]))
        several |= bool(np.any((own[touched] != NOBODY) & (own[touched] != most[touched])))
        own[touched] = most[touched]
    return own, several


def _moves(network: Network, name: str) -> bool:
    """Whether anything but elapsed time is behind a vector."""
    pending, seen = [name], set[str]()
    while pending:
        for vector in network.atoms[pending.pop()].vectors() - seen:
            if vector in ("x", "h"):
                return True
            seen.add(vector)
            if vector in network.atoms:
                pending.append(vector)
    return False


def _gated_state(network: Network, atom: Atom, node_of: dict[str, Integers]) -> Integers | None:
    """The neurons whose states a gate multiplies: of a GRU's reset gate before its map, or of an
    LSTM whose output goes through another network before it is a state again."""
    if not isinstance(atom, ProductGate):
        return None
    inner = network.atoms.get(atom.v.vector)
    drive = inner.drive.window() if isinstance(inner, Activation) else None
    for window in (atom.v, drive):
        if window is not None and window.vector in node_of and window.vector != "x":
            found: Integers = node_of[window.vector][window.lo : window.hi]
            return found if len(found) == atom.size else None
    return None


def _read_atom(
    atom: Atom, own: Integers, readers: dict[str, list[tuple[Integers, Integers]]]
) -> None:
    """Note what an atom reads, for the nodes that its elements belong to."""
    if isinstance(atom, Activation):
        _read_affine(atom.drive, own, readers)
        if atom.rate is not None:
            _read_affine(atom.rate, own, readers)
        if atom.factor is not None:
            _read_window(atom.factor, own, readers)
    elif isinstance(atom, Gate):
        for window in atom.parts:
            _read_window(window, own, readers)


def _read_affine(
    form: Affine, own: Integers, readers: dict[str, list[tuple[Integers, Integers]]]
) -> None:
    for vector, matrix in form.terms.items():
        entries = matrix.tocoo()
        readers.setdefault(vector, []).append((entries.col.astype(np.int64), own[entries.row]))


def _read_window(
    window: Window, own: Integers, readers: dict[str, list[tuple[Integers, Integers]]]
) -> None:
    if window.size == len(own):
        readers.setdefault(window.vector, []).append((np.arange(window.lo, window.hi), own))
    else:  # one element that all rows share
        elements = np.full(len(own), window.lo)
        readers.setdefault(window.vector, []).append((elements, own))


def _named_apart(nodes: list[Node]) -> list[Node]:
    """The nodes with a name for each that no other has."""
    seen: set[str] = set()
    found = []
    for node in nodes:
        name = node.name if node.name not in seen else f"{node.name} ({node.kind})"
        seen.add(name)
        found.append(Node(node.kind, name, node.states, node.at))
    return found
