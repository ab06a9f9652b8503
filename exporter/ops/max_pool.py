"""y = the greatest element under a window, for each channel of an image by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import INT16_MAX, Integers, Interval, Value
from elegans.exporter.numbers.sliding_window import SlidingWindow, gathered, taps
from elegans.exporter.ops import Table, frozen_integers
from elegans.exporter.ops.convolution import window_table

_WIDEST = 2 * INT16_MAX + 1


@dataclass(frozen=True, eq=False)
class MaxPool:
    """The greatest element of each channel at every position of a window.

    x      [..., height * width * channels], channels last; each channel at one scale
    shape  the fields of the `SlidingWindow`; at each position a pixel is inside of the image
    y      [..., out_height * out_width * channels] at the same scales
    """

    shape: Integers

    kernel: ClassVar[str] = "max_pool"
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", frozen_integers(self.shape, 1))
        require_pixels(self.window)

    @cached_property
    def window(self) -> SlidingWindow:
        """The window that slides over the image."""
        return SlidingWindow(*self.shape.tolist())

    def integer(self, x: Value) -> Value:
        """What is outside is replaced by a pixel that is under the window anyway."""
        found: Value = None
        for pixels in self._inside():
            x_here = gathered(x, self.window.elements(pixels).reshape(-1))
            found = x_here if found is None else found + (x_here - found).clip(0, _WIDEST)
        return found

    def real(self, x: Value) -> Value:
        return self.integer(x)

    def _inside(self) -> list[Integers]:
        found = list(taps(self.window))
        best = found[0][0].copy()
        for pixels, inside in reversed(found):
            best = np.where(inside, pixels, best)
        return [np.where(inside, pixels, best) for pixels, inside in found]

    def range(self, x: Interval) -> Interval:
        """Both ends rise with every element."""
        return Interval.of(self.integer(x.lo), self.integer(x.hi))

    def tables(self) -> list[Table]:
        return [window_table(self.window)]

    def scalars(self) -> list[int]:
        return []


def require_pixels(window: SlidingWindow) -> None:
    """Raise ValueError where the window of a pool is outside of the image at a position."""
    if window.counts().min() < 1:
        raise ValueError("a window that is outside of the image")


OP = MaxPool
