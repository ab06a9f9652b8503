"""y = the mean of the elements under a window, for each channel of an image by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers, Interval, Value, constant, rdiv
from elegans.exporter.numbers.sliding_window import SlidingWindow, convolved_by_channel
from elegans.exporter.ops import Table, frozen_integers
from elegans.exporter.ops.convolution import window_table
from elegans.exporter.ops.max_pool import require_pixels

_MOST_TAPS = 1 << 15  # int16 so often, and half of the divisor, fit int32


@dataclass(frozen=True, eq=False)
class MeanPool:
    """The mean of each channel at every position of a window, rounded half up.

    x       [..., height * width * channels], channels last; each channel at one scale
    shape   the fields of the `SlidingWindow`; at each position a pixel is inside of the image
    behind  0 if a mean is over the pixels inside of the image; else the rows and columns behind
            the image, plus one, that count as zeros, as those before it do: [2]
    y       [..., out_height * out_width * channels] at the same scales
    """

    shape: Integers
    behind: Integers

    kernel: ClassVar[str] = "mean_pool"
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", frozen_integers(self.shape, 1))
        object.__setattr__(self, "behind", frozen_integers(self.behind, 1))
        require_pixels(self.window)
        if self.window.taps > _MOST_TAPS or self.behind.shape != (2,) or self.behind.min() < 0:
            raise ValueError("a window that is too large")

    @cached_property
    def window(self) -> SlidingWindow:
        """The window that slides over the image."""
        return SlidingWindow(*self.shape.tolist())

    @cached_property
    def divisors(self) -> Integers:
        """[positions]: the number of pixels that a mean is taken over."""
        window = self.window
        if not self.behind.all():
            return window.counts()
        found = []
        for positions, stride, gap, size, before, length, after in (
            (window.out_height, window.down, window.row_gap, window.rows, window.top,
             window.height, self.behind[0] - 1),
            (window.out_width, window.right, window.column_gap, window.columns, window.left,
             window.width, self.behind[1] - 1),
        ):  # fmt: skip
            start = np.arange(positions)[:, None] * stride - before
            found.append((start + np.arange(size) * gap < length + after).sum(axis=1))
        return np.asarray(np.outer(*found).reshape(-1), np.int64)

    def integer(self, x: Value) -> Value:
        return rdiv(self._sums(x), constant(self._each(), x))

    def real(self, x: Value) -> Value:
        return self._sums(x) * constant(1.0 / self._each(), x)

    def _sums(self, x: Value) -> Value:
        ones = np.ones((self.window.taps, self.window.channels), np.int64)
        return convolved_by_channel(x, ones, self.window)

    def _each(self) -> Integers:
        return np.repeat(self.divisors, self.window.channels)

    def range(self, x: Interval) -> Interval:
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return [window_table(self.window)]

    def scalars(self) -> list[int]:
        return [int(n) for n in self.behind]


OP = MeanPool
