"""y = an image from outside: clamped, brought to the format of its channel, channels last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    rshr,
    saturate,
)
from elegans.exporter.numbers.sliding_window import gathered
from elegans.exporter.ops import Table, frozen_integers

_MOST_SHIFT = 30


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """y = sat16(rshr(gain hold(x, lo, hi) + offset, shift)) for each pixel and channel.

    x       [..., channels * pixels] of any value, plane by plane; pixel by pixel if `planar` is 0
    lo, hi  [channels] the declared range
    gain    [channels] int16
    offset  [channels] int32
    shift   [channels] 0..30
    y       [..., pixels * channels], channels last
    """

    lo: Integers
    hi: Integers
    gain: Integers
    offset: Integers
    shift: Integers
    pixels: int
    planar: int

    kernel: ClassVar[str] = "frame"
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in ("lo", "hi", "gain", "offset", "shift"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))
        lengths = {len(getattr(self, f)) for f in ("lo", "hi", "gain", "offset", "shift")}
        if len(lengths) != 1 or self.pixels < 1:
            raise ValueError("channels that do not fit")
        if np.any((self.shift < 0) | (self.shift > _MOST_SHIFT) | (self.lo > self.hi)):
            raise ValueError("a shift or a range that does not fit")

    def integer(self, x: Value) -> Value:
        return saturate(rshr(self._sums(x), self._each(self.shift)))

    def real(self, x: Value) -> Value:
        return self._sums(x) * constant(np.ldexp(1.0, -self._each(self.shift)), x)

    def _sums(self, x: Value) -> Value:
        channels = len(self.gain)
        if self.planar:
            order = np.arange(channels * self.pixels).reshape(channels, self.pixels)
            x = gathered(x, order.T.reshape(-1))
        held = x.clip(constant(self._each(self.lo), x), constant(self._each(self.hi), x))
        gains = held * constant(self._each(self.gain), x)
        return gains + constant(self._each(self.offset), x)

    def _each(self, of_channel: Integers) -> Integers:
        return np.tile(of_channel, self.pixels)

    def range(self, x: Interval) -> Interval:
        if np.any(np.abs(self.gain) > np.iinfo(np.int16).max):
            raise RangeError("a gain leaves int16")
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        rows = np.stack([self.lo, self.hi, self.gain], axis=1)
        return [
            Table("c", "int16_t", rows, "of each channel: least, greatest, gain"),
            Table("b", "int32_t", self.offset, "offsets"),
            Table("s", "uint8_t", self.shift, "shifts"),
        ]

    def scalars(self) -> list[int]:
        return [len(self.gain), self.pixels, self.planar]


OP = CameraFrame
