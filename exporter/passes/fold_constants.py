"""What no synapse reaches is a number, and goes into the biases of what reads it.

A pruned network has such elements: with nothing but a bias, tanh of it is the same for ever.
The element itself is gone once nothing else reads it (prune.py).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.real_eval import function
from elegans.exporter.ir.real_network import Activation, Atom, Network
from elegans.exporter.numbers.fixed import Integers, Reals

Known = dict[str, tuple[Integers, Reals]]  # elements of a vector, and their values


def folded(network: Network) -> Network:
    """The same network with what is constant as numbers."""
    known: Known = {}
    atoms: dict[str, Atom] = {}
    for name, atom in network.atoms.items():
        if isinstance(atom, Activation):
            rate = None if atom.rate is None else _folded(atom.rate, known)
            atom = replace(atom, drive=_folded(atom.drive, known), rate=rate)
            rows = _unreached(atom)
            if len(rows):
                known[name] = rows, function(atom.function, atom.drive.bias[rows])
        atoms[name] = atom
    return replace(network, atoms=atoms, y=_folded(network.y, known))


def _unreached(atom: Activation) -> Integers:
    reached = np.zeros(atom.size, np.bool_)
    for matrix in atom.drive.terms.values():
        reached |= np.diff(matrix.indptr) > 0
    return np.flatnonzero(~reached & (atom.rate is None))


def _folded(affine: Affine, known: Known) -> Affine:
    """With numbers for what is known; as it was if nothing else is left to read."""
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
