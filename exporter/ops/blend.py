"""h' = h + s (g - h) with a gate s: a GRU's state in 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Interval, Value, halves, whole
from elegans.exporter.ops import WIDE, Table
from elegans.exporter.ops.relax import carried_range

_ONE = 1 << 15


@dataclass(frozen=True)
class Blend:
    """h' = h + 2 m (g - upper half of h), as halves.

    h     [..., 2 size] halves of 32-bit states
    g     [..., size] in the format of the upper half
    t     [..., size] Q0.15, 1..32767: a gate
    keep  1: m = 2^15 - t, so t is the share of h that is kept, as in a GRU; 0: m = t

    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014. The upper half
    stays between its old value and g, as in `Relax` with e = 0.
    """

    size: int
    keep: int

    kernel: ClassVar[str] = "blend"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def integer(self, h: Value, g: Value, t: Value) -> tuple[Value, Value]:
        n = self.size
        upper, lower = h[..., 0:n], h[..., n : 2 * n]
        return halves(whole(upper, lower) + self._share(t) * (g - upper) * 2)

    def _share(self, t: Value) -> Value:
        return t * -1 + _ONE if self.keep else t

    def real(self, h: Value, g: Value, t: Value) -> tuple[Value, Value]:
        n = self.size
        h = h[..., 0:n] + h[..., n : 2 * n] * 2.0**-16
        return h + self._share(t) * (g - h) * 2.0**-15, 0.0 * h

    def range(self, h: Interval, g: Interval, t: Interval) -> tuple[Interval, Interval]:
        share = self._share(t)
        zero = Interval.of(np.zeros_like(g.lo), np.zeros_like(g.hi))
        return carried_range(h[..., 0 : self.size], g, share, zero)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.keep]


OP = Blend
