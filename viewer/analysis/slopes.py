"""The slopes of a step in real numbers: what each vector gains where one that it reads gains one.

Every atom is a function of affine forms or windows, element by element, so a slope is a number
for each element and each thing that it reads. The functions are those of the atoms themselves;
their derivatives are central differences in float64, whose error is around 1e-10. So a cell from
outside the package needs no code here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from elegans.exporter.ir.affine import Affine, Matrix, affine_value, read
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Reals

_SMALL = 1 << 14  # elements of a matrix
_STEP = 6e-6  # about the cube root of the rounding of float64, where a difference is best


@dataclass(frozen=True, eq=False)
class Term:
    """What an atom's vector gains from one vector: slope * (M dv), element by element.

    lo, hi  the elements of the vector that it reads
    matrix  M [size, hi - lo], or None where it reads element by element
    slope   [N, size]
    """

    vector: str
    lo: int
    hi: int
    matrix: Any
    slope: Reals

    def gain(self, change: Reals) -> Reals:
        """[N, size] from a change [N, ...] of the whole vector."""
        part = change[:, self.lo : self.hi]
        if isinstance(self.matrix, np.ndarray):
            part = part @ self.matrix.T
        elif self.matrix is not None:
            part = (self.matrix @ part.T).T
        result: Reals = self.slope * part
        return result

    def pull(self, adjoint: Reals) -> Reals:
        """[N, hi - lo], or [N, size] where one element is read by all: what the elements read are
        worth, from what those of the atom are worth [N, size]."""
        worth = adjoint * self.slope
        if isinstance(self.matrix, np.ndarray):
            return np.asarray(worth @ self.matrix)
        if self.matrix is not None:
            return np.asarray((self.matrix.T @ worth.T).T)
        if self.hi - self.lo == 1 and worth.shape[1] > 1:
            return np.asarray(worth.sum(axis=1, keepdims=True))
        return worth


@dataclass(frozen=True, eq=False)
class Linearised:
    """A step at N points: all vectors [N, ...], the terms of each atom, y and h_next."""

    network: Network
    vectors: dict[str, Reals]
    terms: dict[str, list[Term]]

    def tangents(self, x: Reals, h: Reals) -> dict[str, Reals]:
        """What every vector gains where x gains [N, I] and h gains [N, H]; dt is held."""
        known = {"x": x, "h": h}
        for name, terms in self.terms.items():
            gains = [t.gain(known[t.vector]) for t in terms]
            size = self.network.atoms[name].size
            known[name] = np.asarray(sum(gains, np.zeros((len(x), size))))
        known["y"] = sum(t.gain(known[t.vector]) for t in self.read_out()) + np.zeros(
            (len(x), self.network.y.size)
        )
        known["h_next"] = np.concatenate([read(w, known) for w in self.network.h_next], axis=1)
        return known

    def read_out(self) -> list[Term]:
        """The terms of y."""
        ones = np.ones((len(self.vectors["h"]), self.network.y.size))
        return [t for t in _terms(self.network.y, ones) if t.vector != "dt"]

    def adjoints(self, y: Reals, h_next: Reals) -> dict[str, Reals]:
        """What every element is worth, where those of y are worth [N, O], of h_next [N, H]."""
        n = len(self.vectors["h"])
        worth = {name: np.zeros((n, self.vectors[name].shape[1])) for name in self.terms}
        worth |= {name: np.zeros((n, self.vectors[name].shape[1])) for name in ("x", "h")}
        start = 0
        for w in self.network.h_next:
            worth[w.vector][:, w.lo : w.hi] += h_next[:, start : start + w.size]
            start += w.size
        for term in self.read_out():
            worth[term.vector][:, term.lo : term.hi] += term.pull(y)
        for name in reversed(self.terms):
            for term in self.terms[name]:
                worth[term.vector][:, term.lo : term.hi] += term.pull(worth[name])
        return worth


def linearise(network: Network, x: Reals, dt: Reals, h: Reals) -> Linearised:
    """The slopes of a step at N points: x [N, I], dt [N, 1], h [N, H]."""
    vectors = {"x": x, "dt": dt, "h": h}
    terms = {}
    for name, atom in network.atoms.items():
        vectors[name], found = _atom(atom, vectors)
        terms[name] = [t for t in found if t.vector != "dt"]
    vectors["y"] = affine_value(network.y, vectors)
    vectors["h_next"] = np.concatenate([read(w, vectors) for w in network.h_next], axis=1)
    return Linearised(network, vectors, terms)


def _atom(atom: Atom, vectors: dict[str, Reals]) -> tuple[Reals, list[Term]]:
    if isinstance(atom, Activation):
        return _activation(atom, vectors)
    assert isinstance(atom, Gate)
    return atom.value(vectors), _gate_terms(atom, vectors)


def _activation(atom: Activation, vectors: dict[str, Reals]) -> tuple[Reals, list[Term]]:
    z = affine_value(atom.drive, vectors)
    if atom.rate is None:
        return atom.function(z), _terms(atom.drive, slope_of(atom.function, z))
    rate = affine_value(atom.rate, vectors)
    factor = np.ones((len(z), 1)) if atom.factor is None else read(atom.factor, vectors)
    z = z + rate * factor
    slope = slope_of(atom.function, z)
    found = _terms(atom.drive, slope) + _terms(atom.rate, slope * factor)
    if atom.factor is not None:
        found.append(_window_term(atom.factor, slope * rate))
    return atom.function(z), found


def _gate_terms(gate: Gate, vectors: dict[str, Reals]) -> list[Term]:
    """A gate's own function, with its parts moved one at a time."""
    names = [f"part {i}" for i in range(len(gate.parts))]
    apart = gate.with_parts(
        tuple(Window(n, 0, w.size) for n, w in zip(names, gate.parts, strict=True))
    )
    parts = {n: read(w, vectors) for n, w in zip(names, gate.parts, strict=True)}
    found = []
    for name, window in zip(names, gate.parts, strict=True):

        def value(part: Reals, moved: str = name) -> Reals:
            return apart.value(vectors | parts | {moved: part})

        found.append(_window_term(window, slope_of(value, parts[name])))
    return found


def _window_term(window: Window, slope: Reals) -> Term:
    return Term(window.vector, window.lo, window.hi, None, slope)


def is_quick(matrix: Matrix) -> bool:
    """Whether products with a matrix are faster as with an array: it is small, or dense."""
    return bool(math.prod(matrix.shape) < max(_SMALL, 4 * matrix.nnz))


def _terms(form: Affine, slope: Reals) -> list[Term]:
    return [
        Term(v, 0, m.shape[1], form.transposed(v).T if is_quick(m) else m, slope)
        for v, m in form.terms.items()
    ]


def slope_of(function: Callable[[Reals], Reals], z: Reals) -> Reals:
    """The derivative of a function that works element by element, at z [N, size]."""
    step = _STEP * np.maximum(1.0, np.abs(z))
    result: Reals = (function(z + step) - function(z - step)) / (2.0 * step)
    return result
