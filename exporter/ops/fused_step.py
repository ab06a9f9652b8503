"""v' = (C v + dt I) / (C + dt G): one unfold of LTC's fused ODE solver, its potential in 32 bits.

Hasani et al., "Liquid time-constant networks", AAAI 2021, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    halves,
    rdiv,
    whole,
)
from elegans.exporter.ops import WIDE, Table, frozen_integers, trained
from elegans.exporter.ops.step_ratio import MOST_LEFT


@dataclass(frozen=True, eq=False)
class FusedStep:
    """v' = v + (I - G v) r / (1 + r G) with r = dt / C.

    v       [..., 2 n] halves of 32-bit potentials; u is the upper half
    I, G    [..., n] synaptic current and conductance; one scale for both in each neuron; G >= 0
    r       [..., 3 n] m, s - 1 and left of `StepRatio`
    lo, hi  [n] the hull of zero, the leak's potential and the synapses' reversal potentials, in
            the format of u
    frac    0..15, the fractional bits of u
    up      0..13, the bits by which I - G u is shifted up
    one     [n] 1..13: 1 + r G has so many fractional bits

    In real numbers v' is a weighted mean of v and I / G, and I / G one of reversal potentials, so
    v' stays in their hull (the paper's theorem 2). Here I is held between lo G and hi G, so that
    I / G is in the hull in integers, too:

        d  = min(max(I 2^frac, lo G), hi G) - G u
        q  = rdiv((d 2^up >> right) m >> 16, ((m G >> s - 1) + 2^(one + 1) + 1) >> 1)
        v' = v + q 2^left

    where left is r's, or right = -left and left = 0 if that is below zero.

    With T the end of the hull on the side of d, |d| <= G |T - u|, and the divisor is above
    m G / 2^s. So |q 2^left| < 2^16 |T - u| + 2^(left - 1): v' passes the hull by rounding at most,
    and where u is beyond an end of it, d does not lead further. Therefore u stays within `MARGIN`
    units of the hull, for any I, G and r; `range` shows no more than that, and that d fits int32.
    The sum is taken modulo 2^32, because q 2^left alone may be as wide as the hull.
    """

    frac: int
    up: int
    one: Integers
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "fused_step"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for field in ("one", "lo", "hi"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))

    def integer(
        self, v: Value, current: Value, conductance: Value, r: Value
    ) -> tuple[Value, Value]:
        n = len(self.lo)
        upper, lower = v[..., 0:n], v[..., n : 2 * n]
        m, s, net = (r[..., k * n : (k + 1) * n] for k in range(3))
        left, right = net.clip(0, MOST_LEFT), (net * -1).clip(0, MOST_LEFT + 2)
        least, most = constant(self.lo, v) * conductance, constant(self.hi, v) * conductance
        held = least + (self.drive(current) - least).clip(0, INT32_MAX)
        held = most - (most - held).clip(0, INT32_MAX)
        product = ((((held - conductance * upper) * (1 << self.up)) >> right) * m) >> 16
        q = rdiv(product, (((m * conductance) >> s) + constant((2 << self.one) + 1, v)) >> 1)
        return halves(whole(upper, lower) + q * constant(_POWERS, v)[left])

    def drive(self, current: Value) -> Value:
        """I 2^frac."""
        return current * (1 << self.frac)

    def real(self, v: Value, current: Value, conductance: Value, r: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        v = v[..., 0:n] + v[..., n : 2 * n] * 2.0**-16
        m, s, left = (r[..., k * n : (k + 1) * n] for k in range(3))
        change = (current * float(1 << self.frac) - conductance * v) * m * 2.0 ** (self.up - 16)
        divisor = m * conductance * 2.0 ** (-1.0 - s) + constant(np.ldexp(1.0, self.one), v)
        return v + change / divisor * 2.0 ** (left - 16.0), 0.0 * v

    def range(
        self, v: Interval, current: Interval, conductance: Interval, r: Interval
    ) -> tuple[Interval, Interval]:
        if conductance.lo.min() < 0:
            raise RangeError("a conductance is negative")
        n = len(self.lo)
        if r.hi[2 * n : 3 * n].max() > MOST_LEFT:
            raise RangeError("a quotient is coarser than its hull allows")
        upper = v[..., 0:n]
        ends = Interval.of(
            np.minimum(self.lo - MARGIN, upper.lo), np.maximum(self.hi + MARGIN, upper.hi)
        )
        if ends.lo.min() <= INT16_MIN or ends.hi.max() > INT16_MAX:
            raise RangeError("a potential leaves its format")
        hull = Interval.of(self.lo, self.hi)
        held = hull * conductance
        self.drive(current) - held  # what is compared
        (held - conductance * ends) * (1 << self.up)
        return ends, Interval.of(self.lo * 0 + INT16_MIN, self.lo * 0 + INT16_MAX)

    def tables(self) -> list[Table]:
        rows = np.stack([self.lo, self.hi, (2 << self.one) + 1], axis=1)
        return [
            trained("p", "int16_t", rows, "of each neuron: least, greatest state; 2^(one + 1) + 1"),
        ]

    def scalars(self) -> list[int]:
        return [self.frac, self.up]


_POWERS = 1 << np.arange(33, dtype=np.int64)

MARGIN = ((1 << 16) + (1 << MOST_LEFT >> 1) + 1) >> 16
"""The units of the upper half by which rounding may pass the hull: 2^15 that the lower half may be
away from it, 2^(left - 1) and 1 of the quotient, and 2^15 where the halves are rounded."""
MOST_UP = 13
"""The most bits by which a current is shifted up: then s - 1 of a ratio is not below zero."""

OP = FusedStep
