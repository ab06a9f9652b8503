"""Bounds of linear states: what enters them, summed over all steps that it takes to fade.

Intervals know nothing of `h' = A h + B v` but row sums of |A|. A damped oscillator or a filter
forgets what comes in although these are above one, so intervals of its states grow for ever. With
v in an interval of centre m and radius r, the states of any step are

    sum_k A^k (B m + c)  +-  (sum_k |A^k B|) r

The sums end at a power of A that is small: the rest of a sum S is at most |A^n| times all of it,
and (1 - |A^n|)^-1 has no negative elements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.relu import clipped
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Integers, Reals

_FADED = 2.0**-7  # of a power of A: what is left out is at most about as much of a sum
_MOST_STEPS = 1 << 14
_MOST_PRODUCTS = 1 << 32  # of all steps: seconds
_STABLE = 1 - 1e-6  # the greatest modulus of an eigenvalue, so that the sums have an end
_SLACK = 1 + 1e-9  # for the rounding of float64


@dataclass(frozen=True)
class LinearStates:
    """States that are constant multiples of states, and what else enters them.

    rows     [n] of the states
    matrix   A [n, n], from step to step
    entering A form [n] of all other vectors, with the columns of other states in "h"
    spread   sum_k |A^k B| for the matrix B of each vector, by its name
    left     |A^k|, the last power of A
    steps    k
    """

    rows: Integers
    matrix: Reals
    entering: Affine
    spread: dict[str, Reals]
    left: Reals
    steps: int

    def span(self, spans: dict[str, Span]) -> Span:
        """The interval [n] of the states, zero included, from those of the vectors that enter."""
        drift, reach = self.entering.bias, np.zeros(len(self.rows))
        for vector, matrix in self.entering.terms.items():
            lo, hi = spans[vector]
            drift = drift + matrix @ ((lo + hi) / 2)
            reach = reach + self.spread[vector] @ ((hi - lo) / 2)
        at, least, most = (np.zeros(len(self.rows)) for _ in range(3))
        for _ in range(self.steps if np.any(drift) else 0):
            at = self.matrix @ at + drift
            least, most = np.minimum(least, at), np.maximum(most, at)
        rest = self.left @ _whole(self.left, np.maximum(-least, most))
        # The centres of what enters are as far from zero in the rest as in the first steps.
        return (least - rest - reach) * _SLACK, (most + rest + reach) * _SLACK


def linear_states(network: Network) -> LinearStates | None:
    """The states that are linear in states and stable; None where there are none."""
    forms = [_Unfolded(network).of(w.vector).pick(np.arange(w.lo, w.hi)) for w in network.h_next]
    whole = Affine.joined(forms)
    matrix = whole.terms.get("h")
    if matrix is None:
        return None
    states = network.interface.states or (None,) * whole.size
    rows = np.flatnonzero([declared is None for declared in states])
    rows = rows[_stable(matrix[rows][:, rows])]
    own = matrix[rows][:, rows].toarray()
    if not np.any(own):
        return None
    others = np.ones(whole.size)
    others[rows] = 0.0
    entering = whole.pick(rows)
    if "h" in entering.terms:
        entering.terms["h"] = sparse.csr_array(entering.terms["h"] @ sparse.diags_array(others))
    entering = entering.trimmed()
    found = _summed(own, {name: m.toarray() for name, m in entering.terms.items()})
    return None if found is None else LinearStates(rows, own, entering, *found)


def _summed(
    matrix: Reals, entering: dict[str, Reals]
) -> tuple[dict[str, Reals], Reals, int] | None:
    """The sums, |A^k| and k; None if that takes too many steps."""
    now = np.concatenate([np.eye(len(matrix)), *entering.values()], axis=1)
    total = np.zeros_like(now)
    products = matrix.size * now.shape[1]
    steps = min(_MOST_STEPS, _MOST_PRODUCTS // products)
    for k in range(1, steps + 1):
        total += np.abs(now)
        now = matrix @ now
        left = np.abs(now[:, : len(matrix)])
        if left.sum(axis=1).max() <= _FADED:
            sums = _whole(left, total[:, len(matrix) :])
            ends = np.cumsum([m.shape[1] for m in entering.values()])
            parts = np.split(sums, ends[:-1], axis=1)
            return dict(zip(entering, parts, strict=True)), left, k
    return None


def _whole(left: Reals, first: Reals) -> Reals:
    """A sum over all steps from that over the first ones, whose rest is at most `left` of it."""
    return np.asarray(np.linalg.solve(np.eye(len(left)) - left, first), np.float64)


def _stable(matrix: sparse.csr_array) -> list[bool]:
    """Whether each state is one of a group that depend on each other and fade together."""
    count, group = csgraph.connected_components(matrix, connection="strong")
    fades = []
    for k in range(count):
        own = np.flatnonzero(group == k)
        among = matrix[own][:, own].toarray()
        fades.append(bool(np.abs(np.linalg.eigvals(among)).max() <= _STABLE))
    return [fades[k] for k in group]


class _Unfolded:
    """Vectors as affine forms of what is not affine itself."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._found: dict[str, Affine] = {}

    def of(self, vector: str) -> Affine:
        """The form of a whole vector."""
        if vector not in self._found:
            self._found[vector] = self._form(vector) or self._itself(vector)
        return self._found[vector]

    def _itself(self, vector: str) -> Affine:
        network = self._network
        given = {"x": len(network.interface.inputs), "dt": 1}
        atom = network.atoms.get(vector)
        states = sum(w.size for w in network.h_next)
        size = given.get(vector, states) if atom is None else atom.size
        return Affine.of(Window(vector, 0, size))

    def _form(self, vector: str) -> Affine | None:
        atoms = self._network.atoms
        atom = atoms.get(vector)
        if isinstance(atom, Gate):
            parts = (self.of(w.vector).pick(np.arange(w.lo, w.hi)) for w in atom.parts)
            return atom.affine(*parts)
        if not isinstance(atom, LinearMapActivation) or clipped(atoms, atom.drive) is not None:
            return None
        total = Affine.constant(atom.drive.bias)
        for name, matrix in atom.drive.terms.items():
            total = total.plus(self.of(name).times(matrix))
        return total
