"""The synapses of a network, from its weights: by which maps each one acts, and with what sign.

A synapse acts through one or several maps, each of which has a weight for it. A map either adds
to what drives the neuron (a head of a CfC, the candidate of a GRU, the current of an LTC), or it
moves a gate (a time gate, a conductance). Only what drives has a sign of its own: a gate says how
far the neuron goes, and where to depends on the state. So a synapse excites where all weights by
which it drives are positive, inhibits where all are negative, and has no sign otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.atoms.gates.quotient import QuotientGate
from elegans.exporter.ir.atom import DT, Activation, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers
from elegans.viewer.analysis.nodes import Nodes
from elegans.viewer.analysis.owners import NOBODY

READOUT = "readout"
_RESISTANCES = {(FusedStepGate, "conductance"), (QuotientGate, "denominator")}


@dataclass(frozen=True)
class Synapse:
    """One connection between two nodes.

    source, target  numbers of nodes
    weights         (map, weight): "f", "g", "current", ... drive, the others move gates; a rate is
                    times the elapsed time that the recording has on average
    strength        the greatest magnitude of these
    sign            +1, -1, or 0 where it has none
    recurrent       whether it reads the state before the step
    """

    source: int
    target: int
    weights: tuple[tuple[str, float], ...]
    strength: float
    sign: int
    recurrent: bool


@dataclass(frozen=True)
class _Path:
    """A way from nodes to the elements of a vector: weights [size, nodes] of one map.

    drives  whether its sign counts; else it moves a gate
    """

    label: str
    drives: bool
    old: bool
    weights: Any


def find_synapses(network: Network, nodes: Nodes, dt: float) -> list[Synapse]:
    """All synapses of a network, by target and source; `dt` is the elapsed time of a step."""
    tracer = _Tracer(network, nodes, dt)
    maps: dict[tuple[int, int], dict[str, tuple[float, bool]]] = {}
    old: set[tuple[int, int]] = set()
    for targets, paths in tracer.all_paths():
        for path in paths:
            entries = path.weights.tocoo()
            for row, source, weight in zip(entries.row, entries.col, entries.data, strict=True):
                target = int(targets[row])
                if weight == 0.0 or target == NOBODY:
                    continue
                key = (int(source), target)
                known = maps.setdefault(key, {})
                before = known.get(path.label, (0.0, path.drives))[0]
                known[path.label] = (before + float(weight), path.drives)
                if path.old:
                    old.add(key)
    return [
        _synapse(source, target, found, (source, target) in old)
        for (source, target), found in sorted(maps.items(), key=lambda item: item[0][::-1])
    ]


def _synapse(
    source: int, target: int, maps: dict[str, tuple[float, bool]], recurrent: bool
) -> Synapse:
    drives = [weight for weight, drives in maps.values() if drives and weight != 0.0]
    sign = 0
    if drives and (all(w > 0 for w in drives) or all(w < 0 for w in drives)):
        sign = 1 if drives[0] > 0 else -1
    weights = tuple((label or "weight", weight) for label, (weight, _) in sorted(maps.items()))
    return Synapse(source, target, weights, max(abs(w) for _, w in weights), sign, recurrent)


class _Tracer:
    """The paths into every node of a network."""

    def __init__(self, network: Network, nodes: Nodes, dt: float) -> None:
        self._network, self._nodes, self._dt = network, nodes, dt
        self._count = len(nodes.nodes)
        self._known: dict[str, list[_Path]] = {}
        mapped, gated = set(network.y.terms), set()
        for atom in network.atoms.values():
            if isinstance(atom, Activation):
                mapped |= {*atom.drive.terms, *(atom.rate.terms if atom.rate else ())}
                gated |= {atom.factor.vector} if atom.factor else set()
            elif isinstance(atom, Gate):
                gated |= {window.vector for window in atom.parts}
        self._only_mapped = mapped - gated

    def all_paths(self) -> Iterator[tuple[Integers, list[_Path]]]:
        """(the node of each row, the paths into these rows), for all nodes."""
        done: set[int] = set()
        for name in reversed(self._network.atoms):  # the last unfold stands for all
            targets = self._nodes.node_of.get(name)
            if targets is None or _is_collector(self._network, self._nodes, name):
                continue
            own = {int(t) for t in targets if t != NOBODY}
            if own <= done and not self._adds(name):
                continue
            done |= own
            yield targets, [_without_own(p, targets) for p in self._into(name)]
        readout = self._affine(self._network.y.terms, READOUT, True)
        yield self._nodes.node_of["y"], readout

    def _adds(self, name: str) -> bool:
        """Whether a second vector of the same neurons has maps of its own: an LSTM's cell beside
        its output, or a gated state. An earlier unfold has the same maps as the last one."""
        later = [
            n
            for n, targets in self._nodes.node_of.items()
            if n in self._network.atoms
            and n != name
            and set(targets) & set(self._nodes.node_of[name]) - {NOBODY}
        ]
        kind = type(self._network.atoms[name])
        return not any(type(self._network.atoms[n]) is kind for n in later)

    def _into(self, name: str) -> list[_Path]:
        """The paths into the elements of an atom, through what is no node."""
        known = self._known.get(name)
        if known is None:
            atom = self._network.atoms[name]
            if isinstance(atom, Activation):
                known = self._activation(name, atom)
            else:
                assert isinstance(atom, Gate)
                known = self._gate(atom)
            self._known[name] = known
        return known

    def _activation(self, name: str, atom: Activation) -> list[_Path]:
        moves = isinstance(atom, (AbsoluteActivation, DecayActivation))
        found = self._affine(atom.drive.terms, "", not moves)
        if atom.rate is not None:
            by_time = atom.factor is None or atom.factor == DT
            label = "rate" if by_time else ""
            rates = self._affine(atom.rate.terms, label, not moves)
            scale = self._dt if atom.factor == DT else 1.0
            found += [_Path(p.label, p.drives, p.old, p.weights * scale) for p in rates]
            if atom.factor is not None and not by_time:
                found += _relabelled(self._window(atom.factor), "reset", False)
        if self._is_synapses(name, atom):
            return [_Path(p.label, p.drives, p.old, p.weights.sign()) for p in found]
        return found

    def _is_synapses(self, name: str, atom: Activation) -> bool:
        """Whether each element is the synapse of one sensor or neuron onto one neuron."""
        if name in self._nodes.node_of or name not in self._only_mapped or atom.rate is not None:
            return False
        counts = sum(np.diff(m.indptr) for m in atom.drive.terms.values())
        return bool(np.max(counts, initial=0) <= 1)

    def _gate(self, gate: Gate) -> list[_Path]:
        found = []
        for role, window in zip(gate.roles(), gate.parts, strict=True):
            part = self._network.atoms.get(window.vector)
            moves = (type(gate), role) in _RESISTANCES or (
                part is not None and part.in_unit_interval
            )
            found += _relabelled(self._window(window), role, not moves)
        return found

    def _window(self, window: Window) -> list[_Path]:
        """The paths into the elements of a window; a node's own value is called `self`."""
        if window.vector in self._nodes.node_of:
            chosen = self._unit(window.vector)[window.lo : window.hi]
            return [_Path("self", True, window.vector == "h", chosen)]
        if window.vector not in self._network.atoms:
            return []
        return [
            _Path(p.label, p.drives, p.old, p.weights[window.lo : window.hi])
            for p in self._into(window.vector)
        ]

    def _affine(self, terms: dict[str, Any], label: str, drives: bool) -> list[_Path]:
        found: dict[tuple[str, bool, bool], Any] = {}
        for vector, matrix in terms.items():
            if vector in self._nodes.node_of:
                paths = [_Path("", True, vector == "h", self._unit(vector))]
            elif vector in self._network.atoms:
                paths = self._into(vector)
            else:
                continue  # elapsed time
            for p in paths:
                key = (p.label or label, p.drives and drives, p.old)
                weights = matrix @ p.weights
                found[key] = found[key] + weights if key in found else weights
        return [_Path(*key, sparse.csr_array(w)) for key, w in found.items()]

    def _unit(self, vector: str) -> Any:
        """The elements of a vector of nodes as [size, nodes]."""
        of = self._nodes.node_of[vector]
        rows = np.flatnonzero(of != NOBODY)
        return sparse.csr_array((np.ones(len(rows)), (rows, of[rows])), (len(of), self._count))


def _relabelled(paths: list[_Path], role: str, drives: bool) -> list[_Path]:
    """Paths through a part of a gate: named after it, and after a rate inside it."""
    return [
        _Path(
            f"{role} {p.label}".strip() if p.label in ("rate", "self", "reset") else role,
            drives and p.drives,
            p.old,
            p.weights,
        )
        for p in paths
    ]


def _without_own(path: _Path, targets: Integers) -> _Path:
    """The path without what a neuron carries on of its own value, which is no synapse.

    That is its value as a part of a gate (`self`), and C v in the numerator of an LTC.
    """
    inside = path.label == "v" and not path.old  # the cell of an LSTM, on its way out
    if not (path.label.endswith(" self") or path.label == "numerator" or inside):
        return path
    entries = path.weights.tocoo()
    kept = entries.col != targets[entries.row]
    data = (entries.data[kept], (entries.row[kept], entries.col[kept]))
    return _Path(path.label, path.drives, path.old, sparse.csr_array(data, path.weights.shape))


def _is_collector(network: Network, nodes: Nodes, name: str) -> bool:
    """Whether a vector only gathers what are neurons already."""
    atom = network.atoms[name]
    if not isinstance(atom, Activation) or atom.rate is not None or not atom.drive.terms:
        return False
    own = nodes.node_of[name]
    for vector, matrix in atom.drive.terms.items():
        entries = matrix.tocoo()
        if vector in ("x", "h") or vector not in nodes.node_of:
            return False
        if np.any(nodes.node_of[vector][entries.col] != own[entries.row]):
            return False
    return True
