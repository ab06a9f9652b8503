"""y = W * x + b: a convolution of an image, whose kernel is stored once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Reals,
    Value,
    constant,
    rshr,
)
from elegans.exporter.numbers.sliding_window import SlidingWindow, convolved
from elegans.exporter.ops import Table, frozen_integers, trained

Numbers = TypeVar("Numbers", Integers, Reals)
BLOCK = 4
"""Outputs whose weights are interleaved: a core computes them together from one load of x."""
PAIR = 2
"""Neighbouring elements of x that are multiplied by one instruction."""
TAIL = 24
"""Zeros behind the weights, in elements: what a core loads ahead of a block's last pair."""


@dataclass(frozen=True, eq=False)
class Convolve:
    """y = min(max(rshr(W * x + bias, shift), least), most) at every position of a window.

    x        [..., height * width * channels], channels last
    weights  [outputs, rows * columns * channels / groups] int16, channels last
    bias     [outputs] int32, at the accumulator's scale
    shift    [outputs] 0..30, from the accumulator to y
    shape    the fields of the `SlidingWindow`
    groups   output o reads the channels of group o * groups / outputs only
    least    of every result: 0 where the result is rectified
    most     of every result
    y        [..., out_height * out_width * outputs], channels last

    What is outside of the image counts as zero. The proof of an accumulator is that of `Linear`:
    in any order, a partial sum is at most sum|w| max|x| + |bias| + rounding.
    """

    weights: Integers
    bias: Integers
    shift: Integers
    shape: Integers
    groups: int
    least: int
    most: int

    kernel: ClassVar[str] = "convolution"
    in_place: ClassVar[bool] = False
    weight_bits: ClassVar[int] = 16

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen_integers(self.weights, 2))
        for field in ("bias", "shift", "shape"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))
        window, outputs = self.window, len(self.weights)
        taps = window.taps * window.channels // max(self.groups, 1)
        whole = self.groups > 0 and not (window.channels % self.groups or outputs % self.groups)
        if not whole or self.weights.shape[1] != taps or self.bias.shape != self.shift.shape:
            raise ValueError("weights that do not fit the image")
        if len(self.bias) != outputs or not INT16_MIN <= self.least <= self.most <= INT16_MAX:
            raise ValueError("biases or limits that do not fit")

    @cached_property
    def window(self) -> SlidingWindow:
        """The window that slides over the image."""
        return SlidingWindow(*self.shape.tolist())

    @cached_property
    def kernel_matrix(self) -> Integers:
        """[outputs, taps * channels]: the weights of all channels, zeros beyond a group."""
        return spread_groups(self.weights, self.window, self.groups)

    @property
    def products(self) -> int:
        """The products of one image, those with what is outside counted, too."""
        return self.window.positions * self.weights.size

    def integer(self, x: Value) -> Value:
        return self._held(rshr(self._sums(x), self._each(self.shift)))

    def real(self, x: Value) -> Value:
        return self._held(self._sums(x) * constant(np.ldexp(1.0, -self._each(self.shift)), x))

    def _sums(self, x: Value) -> Value:
        sums = convolved(x, self.kernel_matrix, self.window)
        return sums + constant(self._each(self.bias), x)

    def _held(self, y: Value) -> Value:
        return y.clip(self.least, self.most)

    def _each(self, of_output: Integers) -> Integers:
        return np.tile(of_output, self.window.positions)

    def range(self, x: Interval) -> Interval:
        reach = x.reach().reshape(-1, self.window.channels).max(axis=0)
        sums = np.abs(self.kernel_matrix) @ np.tile(reach, self.window.taps)
        sums += np.abs(self.bias) + ((1 << self.shift) >> 1)
        if sums.max() > INT32_MAX:
            output = int(sums.argmax())
            raise RangeError(f"the accumulator of channel {output} reaches {int(sums[output])}")
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return [
            replace(
                trained("w", f"int{self.weight_bits}_t", self.packed(), self._layout()),
                aligned=True,
            ),
            trained("b", "int32_t", self.bias, "biases, at the accumulator's scale"),
            trained("s", "uint8_t", self.shift, "shifts, accumulator to output"),
            window_table(self.window),
        ]

    def _layout(self) -> str:
        run = self.weights.shape[1] // self.runs
        return (
            f"weights of {len(self.weights)} channels in blocks of {BLOCK}, in {self.runs} runs of "
            f"{run} elements of x, pair by pair"
        )

    @property
    def runs(self) -> int:
        """The stretches of x that lie side by side in memory, at each position: rows of the
        window, or its pixels where these are apart."""
        window = self.window
        together = window.column_gap == 1 and self.groups == 1
        return window.rows if together else window.taps

    def packed(self) -> Integers:
        """The weights in the order of the C kernel: for each group, each block of four outputs and
        each run, the pairs of elements; for each pair, the two weights of each of the outputs.

        What is missing to a whole block or pair is zero.
        """
        outputs, cols = self.weights.shape
        per, run = outputs // self.groups, cols // self.runs
        blocks, pairs = -(-per // BLOCK), -(-run // PAIR)
        found = np.zeros((self.groups, blocks * BLOCK, self.runs, pairs * PAIR), np.int64)
        found[:, :per, :, :run] = self.weights.reshape(self.groups, per, self.runs, run)
        shape = (self.groups, blocks, BLOCK, self.runs, pairs, PAIR)
        order = found.reshape(shape).transpose(0, 1, 3, 4, 2, 5).reshape(-1)
        return np.concatenate([order, np.zeros(TAIL, np.int64)])

    def scalars(self) -> list[int]:
        return [len(self.weights), self.groups, self.least, self.most]


def spread_groups(weights: Numbers, window: SlidingWindow, groups: int) -> Numbers:
    """[outputs, taps * channels / groups] as [outputs, taps * channels], zero beyond a group."""
    if groups == 1:
        return weights
    outputs, per = len(weights), window.channels // groups
    found = np.zeros((outputs, window.taps, window.channels), weights.dtype)
    own = np.arange(outputs) * groups // outputs
    for output, group in enumerate(own.tolist()):
        lo = group * per
        found[output, :, lo : lo + per] = weights[output].reshape(window.taps, per)
    return found.reshape(outputs, -1)


def window_table(window: SlidingWindow) -> Table:
    """The window as the C kernels take it."""
    return Table("p", "el_window", window.table(), "the image and the window")


OP = Convolve
