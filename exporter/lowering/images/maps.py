"""Maps of images as integers: a convolution, or a scale and an offset of each channel.

A convolution that only functions of its channels read is no vector of its own: what reads it gets
the kernel with its scale and in the format that it wants, so that nothing is rounded twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from elegans.exporter.atoms.images.convolution import ConvolutionImage
from elegans.exporter.atoms.images.frame import FrameImage
from elegans.exporter.atoms.images.image import NARROWED, by_channel
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Gate
from elegans.exporter.ir.fixed_model import Channel, Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.maps.quantise_maps import RealMap
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers, Reals, quantise
from elegans.exporter.numbers.sliding_window import SlidingWindow
from elegans.exporter.ops import convolution as ops
from elegans.exporter.ops import depthwise
from elegans.exporter.ops import frame as frame_ops

_HELD = (1 << (15 - NARROWED)) - 1, -(1 << (15 - NARROWED))
_MOST_SHIFT = 30  # that `rshr` takes
_SHIFTS = range(_MOST_SHIFT + 1)


def folded(network: Network) -> frozenset[str]:
    """The convolutions that only functions of their channels read."""
    found = {name for name, atom in network.atoms.items() if isinstance(atom, ConvolutionImage)}
    if not found:
        return frozenset()
    found -= network.y.terms.keys()
    found -= {window.vector for window in network.h_next}
    for atom in network.atoms.values():
        by_itself = isinstance(atom, Activation) and by_channel(network.atoms, atom.drive)
        if not by_itself:
            found -= atom.vectors()
    return frozenset(found)


def window_of_channels(size: int, channels: int) -> SlidingWindow:
    """One pixel at a time of so many elements in a row."""
    return SlidingWindow(1, size // channels, channels, *(1,) * 6, 0, 0, 1, size // channels)


def convolution(
    name: str,
    window: SlidingWindow,
    kernel: tuple[Reals, Reals, int],
    x: tuple[Integers, Integers],
    out_frac: Integers,
    held: bool,
) -> ops.Convolve | depthwise.Depthwise:
    """A convolution as integers.

    kernel    the weights, the biases and the groups
    x         the fractional bits and the greatest magnitude of each of its channels
    out_frac  [outputs] the fractional bits that the result shall have
    held      whether the result is held to `NARROWED` bits less than int16

    Raises ElegansError where no scale holds a channel.
    """
    weights, bias, groups = kernel
    per, own = window.channels // groups, len(weights) // groups
    parts = []
    for group in range(groups):
        frac, reach = (np.tile(of_channel[group * per :][:per], window.taps) for of_channel in x)
        mine = slice(group * own, (group + 1) * own)
        matrix = sparse.csr_array(weights[mine])
        real = RealMap(matrix, bias[mine], frac, reach, out_frac[mine], ())
        found = real.quantised(_SHIFTS, 16, tabled=False)
        if found is None:
            raise ElegansError(
                name,
                f"with weights up to {np.abs(weights).max():g} and biases up to "
                f"{np.abs(bias).max():g}, no int16 scale holds every channel",
                "declare a narrower input range, or train with smaller weights",
            )
        parts.append((np.asarray(found[0]), *found[1:]))
    integers, biases, shifts = (np.concatenate(part) for part in zip(*parts, strict=True))
    most, least = _HELD if held else (INT16_MAX, INT16_MIN)
    fields = window.table()[0]
    if groups == window.channels == len(weights):
        return depthwise.Depthwise(integers.T, biases, shifts, fields, least, most)
    return ops.Convolve(integers, biases, shifts, fields, groups, least, most)


def frame(
    name: str, atom: FrameImage, channels: Sequence[Channel], out_frac: Integers
) -> frame_ops.CameraFrame:
    """An image from outside as integers.

    channels  of x, as the device receives them
    out_frac  [channels] the fractional bits of the result

    Raises ElegansError where the pixels of a channel have different ranges.
    """
    count = len(atom.scale)
    pixels = len(channels) // count
    known = np.array([(c.lo, c.hi, c.frac) for c in channels])
    planes = known.reshape(count, pixels, 3) if atom.planar else known.reshape(pixels, count, 3)
    planes = planes if atom.planar else planes.swapaxes(0, 1)
    if np.any(planes != planes[:, :1]):
        raise ElegansError(
            name,
            "is an image whose pixels have different ranges or formats",
            "declare one range and one format for all pixels of a channel",
        )
    lo, hi, frac = planes[:, 0].T
    reach = np.maximum(np.abs(lo), np.abs(hi))
    scale, offset = atom.scale, atom.offset
    for shift in range(_MOST_SHIFT, -1, -1):
        gain, more = quantise(scale, out_frac + shift - frac), quantise(offset, out_frac + shift)
        sums = np.abs(gain).astype(np.float64) * reach + np.abs(more) + (1 << shift >> 1)
        if np.abs(gain).max() <= INT16_MAX and sums.max() < 2.0**31:
            shifts = np.full(count, shift)
            return frame_ops.CameraFrame(lo, hi, gain, more, shifts, pixels, int(atom.planar))
    raise ElegansError(
        name, "has a scale that no integer holds", "scale the image to about -1..1 before"
    )


def read_elsewhere(network: Network) -> Window | None:
    """The inputs that more than frames read, from the first to the last; None if there are none."""
    seen = np.ones(len(network.interface.inputs), np.bool_)
    for atom in network.atoms.values():
        if isinstance(atom, FrameImage):
            seen[atom.x.lo : atom.x.hi] = False
    if seen.all():
        return Window("x", 0, len(seen))
    for form in (network.y, *_forms(network)):
        if "x" in form.terms:
            seen[form.terms["x"].indices] = True
    for window in (*network.h_next, *_windows(network)):
        if window.vector == "x":
            seen[window.lo : window.hi] = True
    read = np.flatnonzero(seen)
    return Window("x", int(read[0]), int(read[-1]) + 1) if len(read) else None


def _forms(network: Network) -> Iterator[Affine]:
    for atom in network.atoms.values():
        if isinstance(atom, Activation):
            yield from (form for form in (atom.drive, atom.rate) if form is not None)


def _windows(network: Network) -> Iterator[Window]:
    for atom in network.atoms.values():
        if isinstance(atom, Activation) and atom.factor is not None:
            yield atom.factor
        elif isinstance(atom, Gate) and not isinstance(atom, FrameImage):
            yield from atom.parts
