"""Dead-code elimination: elements of the network that neither y nor h_next depend on are removed.

A wiring that is written as a mask computes all synapses and multiplies most of them by zero.
An element of an activation is kept if a form that is kept reads it. A gate is kept whole, and
so is every window that a gate reads.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers


def pruned(network: Network) -> Network:
    """The same network without the elements that neither y nor h_next depend on."""
    live = _live(network)
    kept = {name: np.flatnonzero(live[name]) for name in network.atoms}
    atoms: dict[str, Atom] = {}
    for name, atom in network.atoms.items():
        if len(kept[name]):
            atoms[name] = _rebuilt(atom, kept[name], kept)
    return replace(
        network,
        atoms=atoms,
        y=_columns(network.y, kept),
        h_next=tuple(_window(w, kept) for w in network.h_next),
    )


def _live(network: Network) -> dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    live = {name: np.zeros(atom.size, np.bool_) for name, atom in network.atoms.items()}

    def read(affine: Affine) -> None:
        for vector, matrix in affine.terms.items():
            if vector in live:
                live[vector][matrix.indices] = True

    read(network.y)
    for window in network.h_next:
        if window.vector in live:
            live[window.vector][:] = True
    for name, atom in reversed(network.atoms.items()):
        if not live[name].any():
            continue
        windows: tuple[Window, ...] = ()
        if isinstance(atom, Gate):
            live[name][:] = True
            windows = atom.parts
        elif isinstance(atom, Activation):
            windows = () if atom.factor is None else (atom.factor,)
            if any(window.size > 1 for window in windows):
                live[name][:] = True
            rows = np.flatnonzero(live[name])
            for form in (atom.drive, atom.rate):
                if form is not None:
                    read(form.pick(rows))
        for window in windows:
            if window.vector in live:
                live[window.vector][:] = True
    return live


def _rebuilt(atom: Atom, rows: Integers, kept: dict[str, Integers]) -> Atom:
    """The atom with the kept rows only, of vectors that have only their kept elements."""
    if isinstance(atom, Activation):
        rate = None if atom.rate is None else _columns(atom.rate.pick(rows), kept)
        factor = None if atom.factor is None else _window(atom.factor, kept)
        return replace(atom, drive=_columns(atom.drive.pick(rows), kept), rate=rate, factor=factor)
    assert isinstance(atom, Gate)
    return atom.with_parts(tuple(_window(w, kept) for w in atom.parts))


def _columns(affine: Affine, kept: dict[str, Integers]) -> Affine:
    terms = {v: m[:, kept[v]] if v in kept else m for v, m in affine.terms.items()}
    return Affine(affine.bias, terms)


def _window(window: Window, kept: dict[str, Integers]) -> Window:
    if window.vector not in kept:
        return window
    lo, hi = np.searchsorted(kept[window.vector], (window.lo, window.hi))
    return Window(window.vector, int(lo), int(hi))
