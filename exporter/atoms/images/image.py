"""What the atoms of images share: one image is read as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals

NARROWED = 2
"""Bits by which the elements of an image are coarser than int16 allows.

An accumulator of 32 bits has to hold the products with all weights of a window, so a bit of x is a
bit less for each weight. With 500 weights the errors of both are about equal at 13 bits for x.
"""


@dataclass(frozen=True, eq=False)
class Image(Gate):
    """An image that is computed from the image `x`."""

    x: Window

    reason: ClassVar[str] = "an image"
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Weights are arrays, so two atoms are only equal if they are one."""
        return self is other

    @property
    def channels(self) -> int:
        """The channels of the result, which lie side by side for each pixel."""
        raise NotImplementedError


def of_channels(span: Span, channels: int) -> Span:
    """An interval for each channel of an image, the same for all of its pixels."""
    lo, hi = (end.reshape(-1, channels) for end in span)
    pixels = len(lo)
    return np.tile(lo.min(axis=0), pixels), np.tile(hi.max(axis=0), pixels)


def channels_of(atoms: dict[str, Atom], vector: str) -> int | None:
    """The channels of a vector that is an image; None for any other.

    An activation of an image is an image, too.
    """
    atom = atoms.get(vector)
    if isinstance(atom, Image):
        return atom.channels
    if isinstance(atom, Activation) and atom.rate is None and len(atom.drive.terms) == 1:
        found = by_channel(atoms, atom.drive)
        return None if found is None else len(found[1])
    return None


def by_channel(atoms: dict[str, Atom], form: Affine) -> tuple[str, Reals, Reals] | None:
    """`(v, scale [channels], offset [channels])` with the form = scale * v + offset for each
    channel of an image v; None for any other form."""
    if len(form.terms) != 1:
        return None
    ((vector, matrix),) = form.terms.items()
    diagonal = np.arange(form.size + 1)
    if matrix.shape != (form.size, form.size) or not np.array_equal(matrix.indptr, diagonal):
        return None
    if not np.array_equal(matrix.indices, diagonal[:-1]):
        return None
    channels = channels_of(atoms, vector)
    if channels is None:
        return None
    scale, offset = (v.reshape(-1, channels) for v in (matrix.data, form.bias))
    if np.any(scale != scale[0]) or np.any(offset != offset[0]):
        return None
    return vector, scale[0], offset[0]
