"""A window that slides over an image: what convolutions and pools have in common.

An image is a vector of height x width x channels elements, channels last: the channels of a pixel
lie side by side, so that a row of the window is one stretch of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.numbers.fixed import Integers, Interval, Reals, Value, constant, product

_MOST = (1 << 16) - 1  # that a field may hold: uint16_t in C
_MOST_ELEMENTS = 1 << 22  # of an image


@dataclass(frozen=True)
class SlidingWindow:
    """The window and the image. Every field is 0..65535; sizes and strides are at least 1.

    height, width, channels  of the image
    rows, columns            of the window
    down, right              the strides: pixels from one position to the next
    row_gap, column_gap      pixels from one row, or column, of the window to the next (dilation)
    top, left                rows and columns of padding before the image
    out_height, out_width    the positions of the window

    Padding behind the image follows from the positions; what is outside of the image counts as
    zero in a convolution, and not at all in a pool.
    """

    height: int
    width: int
    channels: int
    rows: int
    columns: int
    down: int
    right: int
    row_gap: int
    column_gap: int
    top: int
    left: int
    out_height: int
    out_width: int

    def __post_init__(self) -> None:
        least = [0 if field.name in ("top", "left") else 1 for field in fields(self)]
        if not all(low <= n <= _MOST for n, low in zip(astuple(self), least, strict=True)):
            raise ValueError(f"a window that is empty or too large: {astuple(self)}")
        if self.size > _MOST_ELEMENTS or self.positions > _MOST_ELEMENTS:
            raise ValueError(f"an image of {self.size} elements")

    @property
    def size(self) -> int:
        """The elements of the image."""
        return self.height * self.width * self.channels

    @property
    def positions(self) -> int:
        """The number of positions of the window."""
        return self.out_height * self.out_width

    @property
    def taps(self) -> int:
        """The pixels of the window."""
        return self.rows * self.columns

    def table(self) -> Integers:
        """All fields, as the C kernels take them: [1, fields]."""
        return np.array([astuple(self)], np.int64)

    def pixels(self, row: int) -> tuple[Integers, NDArray[np.bool_]]:
        """The pixels under a row of the window at each position, and whether they are inside.

        Both are [positions, columns]. What is outside is replaced by the nearest pixel inside.
        """
        y = np.arange(self.out_height) * self.down - self.top + row * self.row_gap
        x = np.arange(self.out_width)[:, None] * self.right - self.left
        x = x + np.arange(self.columns) * self.column_gap
        inside_y, inside_x = (y >= 0) & (y < self.height), (x >= 0) & (x < self.width)
        at_y, at_x = np.clip(y, 0, self.height - 1), np.clip(x, 0, self.width - 1)
        pixels = at_y[:, None, None] * self.width + at_x
        inside = inside_y[:, None, None] & inside_x
        shape = (self.positions, self.columns)
        return pixels.reshape(shape), inside.reshape(shape)

    def counts(self) -> Integers:
        """[positions] how many pixels of the window are inside of the image."""
        inside = [self.pixels(row)[1] for row in range(self.rows)]
        return np.asarray(np.sum(inside, axis=(0, 2)), np.int64)

    def elements(self, pixels: Integers) -> Integers:
        """The elements of pixels [positions, n], channels last: [positions, n * channels]."""
        found = pixels[..., None] * self.channels + np.arange(self.channels)
        return found.reshape(len(pixels), -1)


def convolved(x: Value, weights: Integers | Reals, window: SlidingWindow) -> Value:
    """The sums of products of a convolution, without biases, for any kind of `fixed.Value`.

    x        [..., size] the image
    weights  [outputs, taps * channels] in the order rows, columns, channels
    returns  [..., positions * outputs], channels last
    """
    run = window.columns * window.channels
    total: Value = None
    for row in range(window.rows):
        pixels, inside = window.pixels(row)
        image = gathered(x, window.elements(pixels))
        if not inside.all():
            image = image * constant(_spread(inside, window.channels, x), x)
        sums = product(image, weights[:, row * run : (row + 1) * run])
        total = sums if total is None else total + sums
    return flattened(total, window.positions * len(weights))


def convolved_by_channel(x: Value, weights: Integers | Reals, window: SlidingWindow) -> Value:
    """The same where every channel is by itself: weights [taps, channels], as many outputs."""
    total: Value = None
    for tap, (pixels, inside) in enumerate(taps(window)):
        factors = _spread(inside, window.channels, x) * weights[tap]
        part = gathered(x, window.elements(pixels).reshape(-1)) * constant(factors.reshape(-1), x)
        total = part if total is None else total + part
    return total


def taps(window: SlidingWindow) -> Iterator[tuple[Integers, NDArray[np.bool_]]]:
    """For each pixel of the window: where it lies at each position, and whether that is inside;
    both [positions, 1]."""
    for row in range(window.rows):
        pixels, inside = window.pixels(row)
        for column in range(window.columns):
            yield pixels[:, column, None], inside[:, column, None]


def gathered(x: Value, index: Integers) -> Value:
    """The elements [..., *index.shape] of a vector [..., size]."""
    return x[..., index]


def flattened(x: Value, size: int) -> Value:
    """[..., m, n] as [..., m * n], which is `size`."""
    if isinstance(x, Interval):
        return type(x)(x.lo.reshape(size), x.hi.reshape(size))
    make = getattr(x, "flattened", None)
    return x.reshape(*x.shape[:-2], size) if make is None else make(size)


def _spread(inside: NDArray[np.bool_], channels: int, x: Value) -> Integers | Reals:
    """A mask of pixels [positions, n] as factors of their elements, of the kind of x."""
    found = np.repeat(inside, channels, axis=1).astype(np.int64)
    real = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return found.astype(np.float64) if real else found
