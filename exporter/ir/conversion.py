"""Real values and the integers that stand for them, both ways: the formats of a model's border.

Inside a network a value is `integer / 2^frac`. What comes in from outside may also have an
offset, so that a range far from zero (985..1041 hPa) uses all bits, or a scale of its own, so
that a sensor's raw counts need no conversion. Both are in the weights, so they cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elegans.exporter.numbers.fixed import (
    LARGEST_REAL,
    Integers,
    Reals,
    dequantise,
    q_name,
    round_half_up,
)

MOST_FRAC = 128  # of an int16 it is 100, and 16 more of an int32 (`numbers.fixed.FRACS`)


class AffineFormat:
    """real value = offset + scale * integer / 2^frac; a base of `fixed_model.Channel`.

    unit    of the real value
    lo, hi  the least and the greatest integer
    bits    the size of the integer
    """

    unit: str
    frac: int
    lo: int
    hi: int
    bits: int
    offset: float
    scale: float

    @property
    def shown_unit(self) -> str:
        """Its unit behind a number; nothing for that of plain numbers, 1, which would read as one
        more of them."""
        return "" if self.unit == "1" else self.unit

    def __post_init__(self) -> None:
        """Raises ValueError for a format with which no real value could be found."""
        for value in (self.offset, self.scale):
            if not (isinstance(value, int | float) and abs(value) <= LARGEST_REAL):
                raise ValueError(f"{value!r:.40} is not a finite number")
        if not -MOST_FRAC <= self.frac <= MOST_FRAC:
            raise ValueError(f"frac is {self.frac!s:.20}")
        if not -(1 << 31) <= self.lo <= self.hi < 1 << 31:
            raise ValueError(f"the bounds are {self.lo!s:.20} and {self.hi!s:.20}")
        if self.scale <= 0:
            raise ValueError(f"the scale {self.scale:g} is not above zero")

    def to_real(self, integers: ArrayLike) -> Reals:
        """The real values of integers, of any shape."""
        real: Reals = self.offset + self.scale * dequantise(integers, self.frac)
        return real

    def to_integers(self, reals: ArrayLike) -> Integers:
        """The integers nearest to real values, ties upwards, clamped to lo..hi; NaN gives lo.

        Exact twin of runtime_c/include/elegans/el_real.h.
        """
        exact = np.ldexp((np.asarray(reals, np.float64) - self.offset) / self.scale, self.frac)
        known = np.nan_to_num(exact, nan=self.lo, posinf=self.hi, neginf=self.lo)
        return round_half_up(np.clip(known, self.lo, self.hi))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest real value."""
        return float(self.to_real(self.lo)), float(self.to_real(self.hi))

    @property
    def unit_step(self) -> float:
        """How far apart the real values of neighbouring integers are."""
        return math.ldexp(self.scale, -self.frac)

    @property
    def format(self) -> str:
        """The format in words, as `Q3.12`, `Q5.10 + 1013` or `Q15.0 * 0.0136752 + 985`."""
        scaled = "" if self.scale == 1 else f" * {self.scale:.6g}"
        sign = "-" if self.offset < 0 else "+"
        moved = f" {sign} {abs(self.offset):.9g}" if self.offset else ""
        return f"{q_name(self.frac, self.bits)}{scaled}{moved}"

    def affine_json(self) -> dict[str, float]:
        """Offset and scale as JSON has them: each only if it is not the default."""
        found = {"offset": self.offset} if self.offset != 0 else {}
        return found if self.scale == 1 else found | {"scale": self.scale}


def affine_fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Offset and scale in the JSON of a channel, each only if it is there.

    A reader that knows neither finds another digest than the file states.
    """
    return {key: entry[key] for key in ("offset", "scale") if key in entry}


def to_real(integers: Integers, channels: Sequence[AffineFormat]) -> Reals:
    """The real values of vectors [..., N], element i in the format of channel i."""
    found = dequantise(integers, np.array([c.frac for c in channels], np.int64))
    if any((c.offset, c.scale) != (0, 1) for c in channels):
        offset, scale = (np.array([getattr(c, n) for c in channels]) for n in ("offset", "scale"))
        found = offset + scale * found
    return found


def to_integers(reals: Reals, channels: Sequence[AffineFormat]) -> Integers:
    """The integers of vectors [..., N], element i rounded and clamped as channel i has it."""
    return np.stack([c.to_integers(reals[..., i]) for i, c in enumerate(channels)], axis=-1)
