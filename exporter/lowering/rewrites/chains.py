"""Which chains of functions become one table: those that fit one, and are no worse for it.

A chain stays as it was where its table would take too many pieces, where its elements are of such
different sizes that one format for all would cost digits, where another atom is needed as the very
function that it is (a share of a state in 32 bits), and where the table takes more instructions
than what it replaces.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.atoms.images.image import channels_of
from elegans.exporter.atoms.shared.tabled import TabledActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span, element_fracs
from elegans.exporter.lowering.bounds import network_bounds
from elegans.exporter.ops.any_function import AnyFunction
from elegans.exporter.passes.compose_chains import Chain, composed, found_chains

_MOST_BITS = 4  # that a small element of a chain may lose to the format of all
_CALL, _ELEMENT, _COMPARISON = 20, 28, 8  # instructions of the table's kernel on an M4
_ROW, _WEIGHT = 5, 0.6  # those of a map
_OF_ONE_FORMAT = (AnyFunctionActivation, DecayActivation, RatioGate, TabledActivation)
_UNIT_FRAC = 15  # of gates and of tanh


def with_chains(network: Network) -> Network:
    """The network with the chains that are worth it as single functions; itself if none is."""
    chains = _free(network, found_chains(network))
    while chains:
        found = _in_unit_formats(network, composed(network, chains), chains)
        try:
            spans = network_bounds(found)
        except ElegansError:  # what is wrong is told of the network as it was written
            return network
        costs = {n: _cost(network, found, spans, n, chains) for n in chains if n in found.atoms}
        worst = max(costs.values())
        if worst <= 1.0:
            return found
        refused = {n for n, cost in costs.items() if cost == worst or cost == math.inf}
        chains = {name: chain for name, chain in chains.items() if name not in refused}
    return network


def _free(network: Network, chains: dict[str, Chain]) -> dict[str, Chain]:
    """Those that are no image, and that no gate reads as a share."""
    shares = {
        id(gate.share(network.atoms, getattr(gate, role)))
        for gate in network.atoms.values()
        if isinstance(gate, Gate)
        for role in gate.carriers
    }
    return {
        name: chain
        for name, chain in chains.items()
        if id(network.atoms[name]) not in shares and channels_of(network.atoms, name) is None
    }


def _in_unit_formats(network: Network, found: Network, chains: dict[str, Chain]) -> Network:
    """The network with chains that were gates, or tanh, in no finer a format than these."""
    atoms: dict[str, Atom] = {}
    for name, atom in found.atoms.items():
        before = network.atoms.get(name)
        gate = before is not None and before.in_unit_interval
        if name in chains and (gate or isinstance(before, TabledActivation)):
            assert isinstance(atom, AnyFunctionActivation)
            atom = replace(atom, finest=_UNIT_FRAC)
        atoms[name] = atom
    return replace(found, atoms=atoms)


def _cost(
    network: Network, found: Network, spans: dict[str, Span], name: str, chains: dict[str, Chain]
) -> float:
    """The instructions of a chain's table as a part of those that it replaces; infinite where it
    has no table, or one of fewer digits."""
    atom, before = found.atoms[name], network.atoms[name]
    assert isinstance(atom, AnyFunctionActivation)
    if not isinstance(before, _OF_ONE_FORMAT) and np.ptp(element_fracs(spans[name])) > _MOST_BITS:
        return math.inf
    try:
        table = atom.table(name, found.atoms, spans)
    except ElegansError:
        table = None
    if table is None:
        return math.inf
    replaced = _replaced(network, found, name, chains)
    return _of_table(atom, table) / replaced


def _of_table(atom: AnyFunctionActivation, table: AnyFunction) -> float:
    comparisons = int(table.search[1]).bit_length()
    elements = atom.size * (_ELEMENT + _COMPARISON * comparisons)
    return _CALL + elements + _of_map(atom.drive)


def _of_map(form: Affine) -> float:
    """The instructions of a map; none for a vector that is there."""
    if form.window() is not None:
        return 0.0
    weights = sum(int(m.nnz) for m in form.terms.values())
    return _CALL + _ROW * form.size + _WEIGHT * weights


def _replaced(network: Network, found: Network, name: str, chains: dict[str, Chain]) -> float:
    """The instructions of the atoms of a chain that are not there any more: what several chains
    are made of counts for each in part."""
    total = _of_atom(network.atoms[name])
    kept = [chain.atoms for other, chain in chains.items() if other in found.atoms]
    for part in chains[name].atoms - found.atoms.keys():
        total += _of_atom(network.atoms[part]) / sum(part in atoms for atoms in kept)
    return total


def _of_atom(atom: Atom) -> float:
    forms = [atom.drive, atom.rate] if isinstance(atom, Activation) else []
    maps = sum(_of_map(form) for form in forms if form is not None)
    return maps + (_CALL + atom.size * atom.effort if atom.effort else 0.0)
