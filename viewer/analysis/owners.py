"""Which node reads each element of a network's vectors: what one alone reads is a part of it."""

from __future__ import annotations

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.gates.product import ProductGate
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers

NOBODY = -1
_Readers = dict[str, list[tuple[Integers, Integers]]]  # (elements that are read, nodes that read)


def find_owners(
    network: Network, first: int, node_of: dict[str, Integers], outputs: Integers
) -> tuple[dict[str, Integers], list[str]]:
    """The owner of each element of what is no node, and the vectors that are layers of units.

    first    the number of the first node that is free, for units
    node_of  by vector, the nodes that its elements are; units are added
    outputs  [O] the nodes of the outputs
    """
    readers: _Readers = {}
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
                if found is None:
                    found = np.arange(first, first + atom.size)
                    layers.append(name)
                    first += atom.size
                node_of[name] = found
            else:
                owner[name] = own
        _read_atom(atom, node_of[name] if name in node_of else owner[name], readers)
    return owner, layers[::-1]


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


def _read_atom(atom: Atom, own: Integers, readers: _Readers) -> None:
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


def _read_affine(form: Affine, own: Integers, readers: _Readers) -> None:
    for vector, matrix in form.terms.items():
        entries = matrix.tocoo()
        readers.setdefault(vector, []).append((entries.col.astype(np.int64), own[entries.row]))


def _read_window(window: Window, own: Integers, readers: _Readers) -> None:
    if window.size == len(own):
        readers.setdefault(window.vector, []).append((np.arange(window.lo, window.hi), own))
    else:  # one element that all rows share
        elements = np.full(len(own), window.lo)
        readers.setdefault(window.vector, []).append((elements, own))
