"""Substitution of inputs: x = offset + scale x', in the weights and biases of what reads x.

It makes an offset or a scale of an input free of cost. It is done in real numbers, before any
weight is an integer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.images.frame import FrameImage
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Reals


def read_as_vectors(network: Network) -> NDArray[np.bool_]:
    """[I]: the inputs that a gate or a state reads as they are, not only affine forms."""
    found = np.zeros(len(network.interface.inputs), np.bool_)
    for window in _windows(network):
        if window.vector == "x":
            found[window.lo : window.hi] = True
    return found


def substituted(network: Network, offset: Reals, scale: Reals) -> Network:
    """The same network of x', with x = offset + scale x' [I]; the interface stays that of x.

    A gate or a state that reads x as it is reads a map of x' instead.
    """
    plain = (offset == 0.0) & (scale == 1.0)
    if np.all(plain):
        return network
    atoms: dict[str, Atom] = {}

    def affine(form: Affine) -> Affine:
        matrix = form.terms.get("x")
        if matrix is None:
            return form
        scaled = sparse.csr_array(matrix @ sparse.diags_array(scale))
        return Affine(form.bias + matrix @ offset, form.terms | {"x": scaled})

    def vector(window: Window) -> Window:
        if window.vector != "x" or np.all(plain[window.lo : window.hi]):
            return window
        name = f"x_{window.lo}_{window.hi}"
        atoms.setdefault(name, LinearMapActivation(affine(Affine.of(window, len(offset)))))
        return Window(name, 0, window.size)

    for name, atom in network.atoms.items():
        within = _in_frame(atom, offset, scale) if isinstance(atom, FrameImage) else None
        atoms[name] = _rebuilt(atom, affine, vector) if within is None else within
    h_next = tuple(vector(piece) for window in network.h_next for piece in _pieces(window, plain))
    return replace(network, atoms=atoms, y=affine(network.y), h_next=h_next)


def _in_frame(frame: FrameImage, offset: Reals, scale: Reals) -> FrameImage | None:
    """The same image of x'; None where the pixels of a channel are substituted differently."""
    own = [frame.interleaved(v[frame.x.lo : frame.x.hi]) for v in (offset, scale)]
    offsets, scales = (v.reshape(-1, frame.channels) for v in own)
    if np.any(offsets != offsets[0]) or np.any(scales != scales[0]):
        return None
    shifted = frame.offset + frame.scale * offsets[0]
    return replace(frame, scale=frame.scale * scales[0], offset=shifted)


def _rebuilt(
    atom: Atom, affine: Callable[[Affine], Affine], vector: Callable[[Window], Window]
) -> Atom:
    if isinstance(atom, Activation):
        rate = None if atom.rate is None else affine(atom.rate)
        factor = None if atom.factor is None else vector(atom.factor)
        return replace(atom, drive=affine(atom.drive), rate=rate, factor=factor)
    assert isinstance(atom, Gate)
    return atom.with_parts(tuple(vector(window) for window in atom.parts))


def _pieces(window: Window, plain: NDArray[np.bool_]) -> list[Window]:
    """The inputs of a window one by one, each in a format of its own, if any is not plain."""
    if window.vector != "x" or np.all(plain[window.lo : window.hi]):
        return [window]
    return [Window("x", i, i + 1) for i in range(window.lo, window.hi)]


def _windows(network: Network) -> Iterator[Window]:
    yield from network.h_next
    for atom in network.atoms.values():
        if isinstance(atom, Gate):
            yield from atom.parts
        elif isinstance(atom, Activation) and atom.factor is not None:
            yield atom.factor
