"""Which vectors of general arithmetic use so little of what is proved that 16 bits are too few."""

from __future__ import annotations

import numpy as np

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.gates.extremum import ExtremumGate
from elegans.exporter.atoms.gates.product import ProductGate
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.ir import real_network
from elegans.exporter.ir.atom import Gate
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span, element_fracs
from elegans.exporter.numbers.fixed import Reals

_WIDE = (AbsoluteActivation, ExtremumGate, ProductGate, RatioGate, VectorProductGate)
_UNUSED = 4.0  # times what occurs, that a proved range reaches: two bits
_MOST_STEPS = 4000


def unused_ranges(
    network: Network, spans: dict[str, Span], x: Reals, dt: Reals, h: Reals
) -> frozenset[str]:
    """The names of atoms whose results shall have 32 bits, for the bits that their 16 leave unused,
    and of those that read them element by element.

    x, dt, h  [T, N, ...] inputs, elapsed times and the states before each step, in real numbers
    """
    if not any(atom.general for atom in network.atoms.values()):
        return frozenset()
    atoms = network.atoms
    every = max(1, x.shape[0] * x.shape[1] // _MOST_STEPS)
    given = (part.reshape(-1, part.shape[-1])[::every] for part in (x, dt[..., None], h))
    vectors = real_network.step(network, *given)[2]
    readers = (a for a in atoms.values() if isinstance(a, (Gate, AbsoluteActivation)))
    read = {vector for atom in readers for vector in atom.vectors()}
    found: set[str] = set()
    for name, atom in atoms.items():
        unused = _unused(vectors[name], spans[name])
        if isinstance(atom, LinearMapActivation):
            wide = name in read and bool(atom.drive.terms) and unused
        else:
            unused = unused and not atom.in_unit_interval
            wide = isinstance(atom, _WIDE) and (unused or bool(atom.vectors() & found))
        found |= {name} if wide else set()
    parts = {w.vector for n in found if isinstance(a := atoms[n], Gate) for w in a.parts}
    for name in parts & atoms.keys():
        atom = atoms[name]
        if isinstance(atom, LinearMapActivation) and atom.drive.terms:
            found.add(name)
    return frozenset(found)


def _unused(values: Reals, span: Span) -> bool:
    most = np.abs(values).max(axis=0)
    return bool(np.any(_UNUSED * most < np.ldexp(1.0, 15 - element_fracs(span))))
