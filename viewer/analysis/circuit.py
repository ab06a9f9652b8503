"""The circuit of a trained network: its nodes in layers, synapses, and an order to draw them in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.real_network import Network
from elegans.viewer.analysis.nodes import (
    DELAYED,
    NEURON,
    OUTPUT,
    SENSOR,
    UNIT,
    CircuitNode,
    Nodes,
    find_nodes,
)
from elegans.viewer.analysis.owners import NOBODY
from elegans.viewer.analysis.synapses import Synapse, find_synapses

_SWEEPS = 6
_MOST_ORDERED = 120  # nodes; larger circuits cross everywhere


@dataclass(frozen=True)
class Circuit:
    """Nodes in layers from the sensors to the outputs, and synapses between the nodes.

    layers  (name, the numbers of its nodes), from left to right
    """

    nodes: list[CircuitNode]
    layers: list[tuple[str, list[int]]]
    synapses: list[Synapse]


def circuit_of(network: Network, dt: float, found: Nodes | None = None) -> Circuit:
    """The circuit of a network; `dt` is the elapsed time of a typical step, for rates."""
    nodes = found or find_nodes(network)
    synapses = find_synapses(network, nodes, dt)
    layers = [("sensors", nodes.of_kind(SENSOR)), ("delayed inputs", nodes.of_kind(DELAYED))]
    layers += _inner_layers(network, nodes, synapses)
    layers.append(("outputs", nodes.of_kind(OUTPUT)))
    renamed, names = _by_layer(nodes.nodes, layers, network)
    return Circuit(
        renamed, [(n, m) for n, (_, m) in zip(names, layers, strict=True) if m], synapses
    )


def _inner_layers(
    network: Network, nodes: Nodes, synapses: list[Synapse]
) -> list[tuple[str, list[int]]]:
    """Neurons and hidden units: in the order in which a step computes them, or, where it computes
    all of them at once, by their distance from the sensors."""
    depth = _depths(network, nodes)
    inner = [i for i, node in enumerate(nodes.nodes) if node.kind in (NEURON, UNIT)]
    levels = sorted({depth[i] for i in inner})
    layers = [("", [i for i in inner if depth[i] == level]) for level in levels]
    if len(layers) == 1 and nodes.nodes[inner[0]].kind == NEURON:
        return _by_distance(nodes, inner, synapses)
    hidden, plain = 0, 0
    named = []
    for _, members in layers:
        if all(nodes.nodes[i].kind == UNIT for i in members):
            hidden += 1
            named.append((f"hidden {hidden}" if hidden > 1 else "hidden", members))
        else:
            plain += 1
            named.append((f"layer {plain}", members))
    return [(n if n != "layer 1" or plain > 1 else "neurons", m) for n, m in named]


def _depths(network: Network, nodes: Nodes) -> dict[int, int]:
    """How many other layers a step computes before each node."""
    depth: dict[int, int] = {int(i): 0 for i in [*nodes.of_kind(SENSOR), *nodes.of_kind(DELAYED)]}
    below: dict[str, int] = {"x": 0, "h": 0, "dt": 0}
    group: dict[str, frozenset[int]] = {}
    for name, atom in network.atoms.items():
        own = nodes.node_of.get(name)
        mine = frozenset() if own is None else frozenset(int(i) for i in own if i != NOBODY)
        level = 0
        for vector in atom.vectors():
            same = bool(mine and mine & group.get(vector, frozenset()))
            level = max(level, below.get(vector, 0) - same)
        below[name] = level + bool(mine)
        group[name] = (
            mine
            if mine
            else frozenset().union(*(group.get(v, frozenset()) for v in atom.vectors()))
        )
        for i in mine:
            depth[i] = max(depth.get(i, 0), level + 1)
    return _levelled(nodes, depth)


def _levelled(nodes: Nodes, depth: dict[int, int]) -> dict[int, int]:
    """The unfolds of a solver are one layer: neurons that appear together have one depth."""
    inner = [i for i, n in enumerate(nodes.nodes) if n.kind in (NEURON, UNIT)]
    order = {d: k for k, d in enumerate(sorted({depth.get(i, 1) for i in inner}))}
    return {i: order[depth.get(i, 1)] for i in inner}


def _by_distance(
    nodes: Nodes, inner: list[int], synapses: list[Synapse]
) -> list[tuple[str, list[int]]]:
    """Inter, command and motor neurons of one sparse layer; a dense one stays one layer.

    Motor neurons are those that the outputs read, inter neurons the others that sensors reach by
    one synapse, command neurons all the rest (Lechner et al., 2020).
    """
    outputs = set(nodes.of_kind(OUTPUT))
    sensors = {*nodes.of_kind(SENSOR), *nodes.of_kind(DELAYED)}
    motor = {s.source for s in synapses if s.target in outputs} & set(inner)
    sensed = {s.target for s in synapses if s.source in sensors} - motor
    rest = set(inner) - motor - sensed
    if len(motor) == len(inner) or not sensed:
        return [("neurons", inner)]
    chosen = (("inter", sensed), ("command", rest), ("motor", motor))
    return [(name, sorted(members)) for name, members in chosen if members]


def _by_layer(
    nodes: list[CircuitNode], layers: list[tuple[str, list[int]]], network: Network
) -> tuple[list[CircuitNode], list[str]]:
    """Nodes named after their layers, and the names that the file itself gives to the layers."""
    declared = list(network.interface.layers)
    renamed, names = list(nodes), []
    for name, members in layers:
        given = _declared(declared, [nodes[i] for i in members])
        names.append(given or name)
        for number, i in enumerate(members):
            node = nodes[i]
            if node.kind == NEURON or (node.kind == UNIT and len(members) > 0):
                label = f"{given or name.rstrip('s') if node.kind == NEURON else name} {number}"
                renamed[i] = CircuitNode(node.kind, label, node.states, node.at)
    return _apart(renamed), names


def _declared(declared: Iterable[tuple[str, int]], members: list[CircuitNode]) -> str | None:
    """The name of the declared layer whose states these are."""
    start = 0
    states = sorted(s for node in members for s in node.states)
    for name, size in declared:
        if states == list(range(start, start + size)):
            return name
        start += size
    return None


def _apart(nodes: list[CircuitNode]) -> list[CircuitNode]:
    seen: set[str] = set()
    found = []
    for node in nodes:
        name = f"{node.name} ({node.kind})" if node.name in seen else node.name
        seen.add(name)
        found.append(CircuitNode(node.kind, name, node.states, node.at))
    return found


def placed(circuit: Circuit) -> list[list[int]]:
    """The nodes of each layer in the order of their drawing: by the barycentre of their
    neighbours in other layers, weighted by strength, in a few sweeps (Sugiyama et al., 1981)."""
    rows = [list(members) for _, members in circuit.layers]
    if sum(map(len, rows)) > _MOST_ORDERED:
        return rows
    weights: dict[int, list[tuple[int, float]]] = {}
    layer_of = {i: k for k, members in enumerate(rows) for i in members}
    for s in circuit.synapses:
        if layer_of[s.source] != layer_of[s.target]:
            weights.setdefault(s.source, []).append((s.target, s.strength))
            weights.setdefault(s.target, []).append((s.source, s.strength))
    at = {i: (k + 0.5) / len(row) for row in rows for k, i in enumerate(row)}
    for sweep in range(_SWEEPS):
        inner = range(1, len(rows))  # sensors stay in their own order
        for number in inner if sweep % 2 == 0 else reversed(inner):
            row = rows[number]
            middle = {i: _barycentre(i, weights, at) for i in row}
            row.sort(key=lambda i: (middle[i], i))
            at |= {i: (k + 0.5) / len(row) for k, i in enumerate(row)}
    return rows


def _barycentre(
    node: int, weights: dict[int, list[tuple[int, float]]], at: dict[int, float]
) -> float:
    near = weights.get(node)
    if not near:
        return at[node]
    total = sum(w for _, w in near)
    mean = sum(at[i] * w for i, w in near) / total if total else at[node]
    return float(np.round(mean, 9))
