"""The effective time constant of each neuron at each step, by the equation of its cell.

A time constant says how fast a neuron forgets: a neuron that is left with the same drive goes
towards where that drives it, and after tau it has gone 63 % of the way. In a liquid neuron tau
follows the inputs. `FORMULAS` has how it is computed for each kind of cell; docs/inspect.md
explains why. A cell that carries nothing of its own old value on, and has no time gate with a
rate, has no time constant, and gets none here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.euler_share import EulerShareActivation
from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.atoms.gates.gated_sum import GatedSumGate
from elegans.exporter.atoms.gates.lstm_cell import LstmCellGate
from elegans.exporter.atoms.gates.mix import MixGate
from elegans.exporter.atoms.gates.product import ProductGate
from elegans.exporter.atoms.gates.quotient import QuotientGate
from elegans.exporter.ir.affine import affine_value, read
from elegans.exporter.ir.atom import DT, Activation, Atom
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Reals
from elegans.viewer.analysis.nodes import NEURON, Nodes
from elegans.viewer.analysis.owners import NOBODY

LTC, GATED, CELL, LEAK, EULER, RATE, PURE = (
    *("ltc", "gated", "cell", "leak", "euler", "rate", "pure"),
)
FORMULAS = {
    LTC: "τ = C / (g + Σ w f): the capacitance over all open conductances, of an LTC; with the "
    "leak's τ₀ = C / g this is τ₀ / (1 + τ₀ Σ w f / C)",
    GATED: "τ = −dt / ln k: k is the part of its old state that the gate keeps (GRU: k = z)",
    CELL: "τ = −dt / ln f: f is the forget gate of an LSTM",
    LEAK: "τ of the neuron's exponential decay, exp(−dt / τ)",
    EULER: "τ of the neuron's leak: an Euler step goes dt / τ of the way",
    RATE: "τ = 1 / |r|: r is the rate of the CfC's time gate, sigmoid(a + r dt); after τ its "
    "argument has moved by one",
    PURE: "τ = −dt / ln d: d is the decay of the closed form, exp(−dt (w + |f|))",
}
_LONGEST = 1e9  # a neuron that forgets nothing has a time constant without end


@dataclass(frozen=True, eq=False)
class TimeConstants:
    """Of N steps: the formula of each node, or None, and tau [N, nodes], NaN where there is none.

    Tau is in the unit of elapsed time; in steps where the network takes none.
    """

    formulas: list[str | None]
    tau: Reals


def time_constants(network: Network, nodes: Nodes, vectors: dict[str, Reals]) -> TimeConstants:
    """Time constants at N steps, whose vectors [N, ...] are known (`real_network.step`)."""
    dt, count = vectors["dt"], len(vectors["h"])
    formulas: list[str | None] = [None] * len(nodes.nodes)
    tau = np.full((count, len(nodes.nodes)), np.nan)
    for name, atom in network.atoms.items():
        own = nodes.node_of.get(name)
        found = None if own is None else _of_atom(network, nodes, name, atom, vectors, dt)
        if own is None or found is None:
            continue
        formula, values = found
        for i, node in enumerate(own):  # the last unfold stands for the step
            if node != NOBODY and nodes.nodes[node].kind == NEURON:
                formulas[node], tau[:, node] = formula, np.minimum(values[:, i], _LONGEST)
    return TimeConstants(formulas, tau)


def _of_atom(
    network: Network,
    nodes: Nodes,
    name: str,
    atom: Atom,
    vectors: dict[str, Reals],
    dt: Reals,
) -> tuple[str, Reals] | None:
    unfolds = _unfolds(network, nodes, name)
    if isinstance(atom, FusedStepGate):
        capacity = np.array(atom.capacity) / unfolds * (1.0 if atom.timed else dt)
        return LTC, capacity / read(atom.conductance, vectors)
    if isinstance(atom, QuotientGate):
        return _quotient(network, atom, vectors, dt / unfolds)
    if isinstance(atom, LstmCellGate):
        return CELL, _from_kept(read(atom.forget, vectors), dt)
    if isinstance(atom, MixGate):
        return _mix(network, nodes, name, atom, vectors, dt / unfolds)
    if isinstance(atom, GatedSumGate):
        return _rate(network, atom.t, vectors, dt)
    if isinstance(atom, ProductGate):
        decay = network.atoms.get(atom.u.vector)
        if isinstance(decay, DecayActivation):
            return PURE, _from_kept(read(atom.u, vectors), dt)
    return None


def _mix(
    network: Network,
    nodes: Nodes,
    name: str,
    atom: MixGate,
    vectors: dict[str, Reals],
    dt: Reals,
) -> tuple[str, Reals] | None:
    carried = {role: _is_own(nodes, name, getattr(atom, role)) for role in atom.carriers}
    gate, t = network.atoms.get(atom.t.vector), read(atom.t, vectors)
    if not any(carried.values()):
        return _rate(network, atom.t, vectors, dt)
    if isinstance(gate, EulerShareActivation):
        with np.errstate(divide="ignore"):
            return EULER, dt / t
    kept = t if carried["g"] else 1.0 - t
    return (LEAK if isinstance(gate, DecayActivation) else GATED), _from_kept(kept, dt)


def _rate(
    network: Network, window: Window, vectors: dict[str, Reals], dt: Reals
) -> tuple[str, Reals] | None:
    """Of a CfC's time gate: one over how fast its argument moves with elapsed time."""
    gate = network.atoms.get(window.vector)
    if not isinstance(gate, Activation) or gate.rate is None or gate.factor not in (DT, None):
        return None
    rate = affine_value(gate.rate, vectors)[:, window.lo : window.hi]
    if gate.factor is None:  # the fixed period is inside
        rate = rate / dt
    with np.errstate(divide="ignore"):
        return RATE, 1.0 / np.abs(rate)


def _quotient(
    network: Network, atom: QuotientGate, vectors: dict[str, Reals], dt: Reals
) -> tuple[str, Reals] | None:
    """(C v + I) / (C + G) with C per solver step: tau is C / G of these."""
    over = network.atoms.get(atom.numerator.vector)
    if not isinstance(over, Activation):
        return None
    for vector, matrix in over.drive.terms.items():
        if vector not in ("h", *network.atoms) or matrix.shape[0] != atom.size:
            continue
        entries = matrix.tocoo()
        if len(entries.data) == atom.size and np.array_equal(np.sort(entries.row), entries.row):
            capacity = np.asarray(matrix.sum(axis=1)).ravel()
            leak = read(atom.denominator, vectors) - capacity
            if np.all(capacity > 0) and np.all(leak > 0):
                return LTC, dt * capacity / leak
    return None


def _from_kept(kept: Reals, dt: Reals) -> Reals:
    """-dt / ln k of the part k of a state that a step keeps."""
    with np.errstate(divide="ignore"):
        lost = -np.log(np.clip(kept, 0.0, 1.0))
    result: Reals = dt / np.maximum(lost, 1.0 / _LONGEST)
    return result


def _is_own(nodes: Nodes, name: str, window: Window) -> bool:
    """Whether a part of a gate is the old value of the neurons that the gate makes."""
    own = nodes.node_of.get(window.vector)
    if own is None:
        return False
    return bool(np.array_equal(own[window.lo : window.hi], nodes.node_of[name]))


def _unfolds(network: Network, nodes: Nodes, name: str) -> int:
    """The number of solver steps of which this atom is the last."""
    count, atom = 1, network.atoms[name]
    while True:
        earlier = [
            window.vector
            for role in getattr(atom, "carriers", ())
            if type(network.atoms.get((window := getattr(atom, role)).vector)) is type(atom)
            and _is_own(nodes, name, window)
        ]
        if not earlier:
            return count
        count, name = count + 1, earlier[0]
        atom = network.atoms[name]
