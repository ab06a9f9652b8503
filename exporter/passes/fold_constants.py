"""Constant folding: elements that no input reaches go into the biases of the forms that read them.

Pruned networks have such elements: an activation of nothing but a bias is a constant. Once no
form reads the element, dead-code elimination removes it (`eliminate_dead`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Reals

Known = dict[str, tuple[Integers, Reals]]  # elements of a vector, and their values


def folded(network: Network) -> Network:
    """The same network with its constant elements folded into biases."""
    known: Known = {}
    atoms: dict[str, Atom] = {}
    for name, atom in network.atoms.items():
        if isinstance(atom, Activation):
            rate = None if atom.rate is None else _folded(atom.rate, known)
            atom = replace(atom, drive=_folded(atom.drive, known), rate=rate)
            rows = _unreached(atom)
            if len(rows):
                known[name] = rows, atom.function(atom.drive.bias[rows])
        atoms[name] = atom
    return replace(network, atoms=atoms, y=_folded(network.y, known))


def _unreached(atom: Activation) -> Integers:
    reached = np.zeros(atom.size, np.bool_)
    for matrix in atom.drive.terms.values():
        reached |= np.diff(matrix.indptr) > 0
    return np.flatnonzero(~reached & (atom.rate is None))


def _folded(affine: Affine, known: Known) -> Affine:
    """The form with its known elements in the bias; as it was if nothing else would be left.

    A form of no vector at all would give a map without inputs, which no kernel has.
    """
    bias, terms = affine.bias.copy(), dict(affine.terms)
    for vector in affine.terms.keys() & known.keys():
        rows, values = known[vector]
        matrix = terms[vector]
        bias += matrix[:, rows] @ values
        kept = np.ones(matrix.shape[1])
        kept[rows] = 0.0
        terms[vector] = sparse.csr_array(matrix @ sparse.diags_array(kept))
    found = Affine(bias, terms).trimmed()
    return found if found.terms else affine
