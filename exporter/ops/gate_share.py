"""s = sigmoid(-a): what a gate leaves open, with its digits where the gate is almost closed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    Integers,
    Interval,
    Value,
    constant,
    rshr,
    rshr_by,
)
from elegans.exporter.ops import PLAIN, RELATIVE, Table
from elegans.exporter.ops.tanh import smooth_tanh
from elegans.exporter.ops.time_share import as_relative, limited, relative_range

GAIN, FRAC = float(np.log2(np.e)), 10
"""The argument is a log2(e) in Q5.10: at its ends a is 22, and sigmoid(-22) is 2e-10."""
_OCTAVES = 15  # beyond these the curve is that of the last


@dataclass(frozen=True)
class GateShare:
    """s = sigmoid(-a), with the digits of 1 - sigmoid(a) whatever its magnitude.

    z     [..., size] a log2(e) in Q5.10
    m, e  [..., size] each: s = m 2^-(15 + e), m in 0..32767 and e in 0..17

    With u = |z| and k whole octaves, q(u) = 2^(k - u) / (1 + 2^-u) is a smooth curve of four
    parabolas an octave. s is q(u) 2^-k where z is positive, and 1 - q(u) 2^-k where it is not. So
    the relative error is about 2^-13 and half a unit of z, down to a gate of 2^-17, and below that
    the error is 2^-33 of one; a gate in Q0.15 has none of these digits.
    """

    size: int

    kernel: ClassVar[str] = "gate_share"
    form: ClassVar[str] = RELATIVE
    in_place: ClassVar[bool] = False
    elementwise: ClassVar[tuple[str, ...]] = (PLAIN,)

    def integer(self, z: Value) -> tuple[Value, Value]:
        u = abs(z).clip(0, INT16_MAX)
        k = u >> FRAC
        q = octave_curve(k.clip(0, _OCTAVES) * 1024 + (u & 1023))
        open_wide = (z * -1).clip(0, 1)  # 1 where z is below zero
        rest = (rshr_by(q, k.clip(0, 30)) * -1 + (1 << 15)).clip(0, INT16_MAX)
        m, e = q + open_wide * (rest - q), k - k * open_wide
        return limited(m, e)

    def real(self, z: Value) -> tuple[Value, Value]:
        x = z * (1.0 / (GAIN * (1 << FRAC)))
        share = smooth_tanh(x * -0.5) * 0.5 + 0.5
        return as_relative(share, z, self.integer)

    def range(self, z: Interval) -> tuple[Interval, Interval]:
        return relative_range(self.size)

    def near(self, z: Interval) -> bool:
        """Whether the curve has all octaves of z, and no exponent has to be limited."""
        return bool(z.reach().max() < (_OCTAVES + 1) << FRAC)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


def octave_curve(u: Value) -> Value:
    """2^(k - u) / (1 + 2^-u) in Q0.15, k = u >> 10, within 2^-13 of itself; u in 0..2^14 - 1."""
    c0, c1, c2 = (constant(column, u) for column in parabolas().T)
    segment, j = u >> 8, (u & 255) - 128
    return c0[segment] + rshr((c1[segment] + rshr(c2[segment] * j, 11)) * j, 8)


@cache
def parabolas() -> Integers:
    """[64, 3]: each segment's c0 + (c1 + c2 j / 2^11) j / 2^8 around its centre, j = -128..127."""
    table = np.array(_CURVE, dtype=np.int64)
    table.setflags(write=False)
    return table


# fmt: off
_CURVE = (
    (15675, -1417, 39), (14267, -1395, 122), (12890, -1355, 197), (11562, -1296, 265),
    (20602, -2447, 630), (18236, -2280, 701), (16045, -2099, 741), (14039, -1911, 760),
    (24444, -3446, 1500), (21184, -3078, 1440), (18284, -2727, 1359), (15724, -2399, 1260),
    (26958, -4193, 2311), (23046, -3644, 2083), (19654, -3152, 1854), (16727, -2715, 1639),
    (28420, -4661, 2877), (24106, -3988, 2507), (20420, -3403, 2172), (17278, -2898, 1876),
    (29211, -4924, 3220), (24673, -4178, 2757), (20825, -3540, 2353), (17567, -2995, 2009),
    (29624, -5065, 3411), (24967, -4279, 2892), (21034, -3611, 2450), (17716, -3047, 2073),
    (29835, -5138, 3507), (25116, -4330, 2962), (21140, -3648, 2502), (17791, -3072, 2109),
    (29941, -5174, 3564), (25192, -4356, 2998), (21194, -3667, 2526), (17829, -3086, 2127),
    (29995, -5193, 3584), (25229, -4369, 3020), (21221, -3676, 2538), (17848, -3092, 2137),
    (30022, -5202, 3596), (25249, -4376, 3025), (21234, -3681, 2545), (17857, -3095, 2142),
    (30035, -5207, 3604), (25258, -4379, 3030), (21241, -3683, 2548), (17862, -3097, 2143),
    (30042, -5210, 3606), (25263, -4381, 3032), (21244, -3684, 2550), (17865, -3098, 2144),
    (30045, -5210, 3608), (25265, -4382, 3033), (21246, -3685, 2551), (17866, -3099, 2144),
    (30047, -5211, 3609), (25266, -4382, 3034), (21247, -3685, 2551), (17866, -3099, 2148),
    (30047, -5211, 3609), (25267, -4382, 3034), (21247, -3685, 2551), (17867, -3099, 2145),
)
# fmt: on

OP = GateShare
