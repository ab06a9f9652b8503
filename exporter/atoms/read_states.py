"""Outputs that read the next states: not what these are computed from, once more and in 16 bits."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from elegans.exporter.atoms.gates.advance import AdvanceGate
from elegans.exporter.atoms.shared.held_state import HeldStateGate
from elegans.exporter.ir.affine import Affine, Matrix
from elegans.exporter.ir.builder import AtomTable
from elegans.exporter.ir.fixed_model import Window

_MOST = 512  # states of a piece
_SAME = 1e-5  # of the greatest coefficient: what float32 leaves of a sum that cancels


def through_states(
    atoms: AtomTable, y: Affine, made_by: Affine, h_next: tuple[Window, ...]
) -> Affine:
    """The outputs as a form of the next states, where they are one.

    y        outputs, as a form of what has been computed in the step
    made_by  the next states as such a form
    h_next   the vectors that these have become

    A graph's `W (A h + c)` is known as `W A h + W c`. W is what solves that; where the outputs read
    anything else of what the states are computed from, but inputs, they stay as they are.
    """
    rows: list[int] = []
    kept: list[Affine] = []
    start = 0
    for window in h_next:
        if isinstance(atoms.found.get(window.vector), (AdvanceGate, HeldStateGate)):
            rows += range(start, start + window.size)
            kept.append(atoms.of(window))
        start += window.size
    return _through(y, made_by.pick(np.array(rows)), Affine.joined(kept)) if kept else y


def _through(y: Affine, states: Affine, kept: Affine) -> Affine:
    vectors = [v for v in states.terms if v != "x"]
    if not vectors or states.size > _MOST or not set(vectors) & set(y.terms):
        return y
    source = sparse.hstack([states.terms[v] for v in vectors], format="csc")
    used = np.unique(source.nonzero()[1])
    made = source[:, used].toarray()
    parts = [
        y.terms[v] if v in y.terms else sparse.csr_array((y.size, states.terms[v].shape[1]))
        for v in vectors
    ]
    wanted = sparse.hstack(parts, format="csc")[:, used].toarray()
    found, _, rank, _ = np.linalg.lstsq(made.T, wanted.T, rcond=_SAME)
    close = np.abs(found.T @ made - wanted).max() <= _SAME * np.abs(wanted).max(initial=0.0)
    if rank < states.size or not close:
        return y
    reading: Matrix = sparse.csr_array(found.T)
    rest = _without_remains(y.plus(states.times(reading).scaled(np.array([-1.0]))), y)
    return rest.plus(kept.times(reading))


def _without_remains(form: Affine, like: Affine) -> Affine:
    """The form without what rounding leaves of coefficients that cancel."""
    most = max((abs(m).max() for m in like.terms.values()), default=0.0)
    terms = {}
    for vector, matrix in form.terms.items():
        terms[vector] = matrix.copy()
        terms[vector].data[np.abs(matrix.data) <= _SAME * most] = 0.0
    return Affine(form.bias, terms).trimmed()
