"""y = W * x + b for each channel of an image by itself: depthwise convolution, scale and offset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    rshr,
)
from elegans.exporter.numbers.sliding_window import SlidingWindow, convolved_by_channel
from elegans.exporter.ops import Table, frozen_integers, trained
from elegans.exporter.ops.convolution import window_table


@dataclass(frozen=True, eq=False)
class Depthwise:
    """y = min(max(rshr(sum of w x + bias, shift), least), most) for each channel by itself.

    x        [..., height * width * channels], channels last
    weights  [rows * columns, channels] int16
    bias     [channels] int32, at the accumulator's scale
    shift    [channels] 0..30, from the accumulator to y
    shape    the fields of the `SlidingWindow`
    least    of every result
    most     of every result
    y        [..., out_height * out_width * channels], channels last

    What is outside of the image counts as zero.
    """

    weights: Integers
    bias: Integers
    shift: Integers
    shape: Integers
    least: int
    most: int

    kernel: ClassVar[str] = "depthwise"
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen_integers(self.weights, 2))
        for field in ("bias", "shift", "shape"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))
        channels = (self.window.channels,)
        fitting = self.weights.shape == (self.window.taps, *channels)
        if not fitting or self.bias.shape != channels or self.shift.shape != channels:
            raise ValueError("weights that do not fit the image")
        if not INT16_MIN <= self.least <= self.most <= INT16_MAX:
            raise ValueError("limits that do not fit int16")

    @cached_property
    def window(self) -> SlidingWindow:
        """The window that slides over the image."""
        return SlidingWindow(*self.shape.tolist())

    @property
    def products(self) -> int:
        """The products of one image, those with what is outside counted, too."""
        return self.window.positions * self.weights.size

    def integer(self, x: Value) -> Value:
        return rshr(self._sums(x), self._each(self.shift)).clip(self.least, self.most)

    def real(self, x: Value) -> Value:
        scale = constant(np.ldexp(1.0, -self._each(self.shift)), x)
        return (self._sums(x) * scale).clip(self.least, self.most)

    def _sums(self, x: Value) -> Value:
        sums = convolved_by_channel(x, self.weights, self.window)
        return sums + constant(self._each(self.bias), x)

    def _each(self, of_channel: Integers) -> Integers:
        return np.tile(of_channel, self.window.positions)

    def range(self, x: Interval) -> Interval:
        reach = x.reach().reshape(-1, self.window.channels).max(axis=0)
        sums = np.abs(self.weights).sum(axis=0) * reach
        sums += np.abs(self.bias) + ((1 << self.shift) >> 1)
        if sums.max() > INT32_MAX:
            channel = int(sums.argmax())
            raise RangeError(f"the accumulator of channel {channel} reaches {int(sums[channel])}")
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return [
            trained("w", "int16_t", self.weights, "weights, [rows * columns][channels]"),
            trained("b", "int32_t", self.bias, "biases, at the accumulator's scale"),
            trained("s", "uint8_t", self.shift, "shifts, accumulator to output"),
            window_table(self.window),
        ]

    def scalars(self) -> list[int]:
        return [self.least, self.most]


OP = Depthwise
