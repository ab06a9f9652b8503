"""Real weights of maps with a rate to integers, which elapsed time multiplies: `quantise_maps`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from elegans.exporter.lowering.maps.joint_rounding import Together, wide_rounded
from elegans.exporter.lowering.maps.quantise_int8 import timed8
from elegans.exporter.lowering.maps.quantise_maps import EVERY_SHIFT, SHARED_SHIFT_BITS
from elegans.exporter.numbers.fixed import INT32_MAX, Integers, Reals, quantise
from elegans.exporter.numbers.long_sums import GATE_FRAC, too_coarse
from elegans.exporter.ops.long_linear import SHIFTS
from elegans.exporter.ops.long_timed_linear import LongTimedLinear
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.exporter.ops.timed_linear import RATE_SHIFT, TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_BITS = 16  # of the weights of a `TimedLinear`


@dataclass(frozen=True, eq=False)
class RealTimedMap:
    """`W x + b + dt (R x + r)` in real numbers, and what is known of its integers.

    weights, rates     W and R [rows, cols]
    bias, rate_bias    b and r [rows]
    in_frac, in_reach  [cols] fractional bits and greatest magnitude of the integers of x
    dt_frac, dt_reach  those of elapsed time
    out_frac           the fractional bits that the result shall have
    ends               the columns at which the windows end that x consists of
    together           as in `RealMap`
    """

    weights: Reals
    bias: Reals
    rates: Reals
    rate_bias: Reals
    in_frac: Integers
    in_reach: Integers
    dt_frac: int
    dt_reach: int
    out_frac: int
    ends: tuple[int, ...]
    together: Together | None = None

    def quantised(
        self, shifts: range, kind: type[TimedLinear] = TimedLinear, room: int = 0
    ) -> list[TimedLinear] | None:
        """One op a row, each at the finest scale that holds it and leaves `room`, in bits; None if
        a row has none."""
        rows = []
        for row in range(len(self.bias)):
            op = self._row(row, shifts, kind, room)
            if op is None:
                return None
            rows.append(op)
        return rows

    def _row(
        self, row: int, shifts: range, kind: type[TimedLinear], room: int
    ) -> TimedLinear | None:
        """One row, tried from the greatest of `shifts` down."""
        drive, rate = (self.weights[row], self.bias[row]), (self.rates[row], self.rate_bias[row])
        for shift in reversed(shifts):
            scale = self.out_frac + shift
            ints: list[Integers] = []
            for (w, b), at in ((drive, scale), (rate, scale - self.dt_frac + RATE_SHIFT)):
                small = np.all(np.abs(w) < 2.0 ** (_BITS - at + self.in_frac))
                if small and abs(b) < 2.0 ** (31 - at):
                    ints += [quantise(w, at - self.in_frac)[None], quantise([b], at)]
            largest = max((int(np.abs(w).max()) for w in ints[::2]), default=0)
            if len(ints) < 4 or largest >= 1 << (_BITS - 1 - room):
                continue
            op = kind(ints[0], ints[1], ints[2], ints[3], np.array([shift]))
            reach = op.reach(self.in_reach, self.dt_reach)[0] + (HALF_SEGMENT << shift)
            if reach <= op.sums.most >> room:
                return op
        return None

    def rounded_together(self, op: TimedLinear) -> TimedLinear:
        """The same with the weights of wide rows rounded together, where they still fit."""
        scale = self.out_frac + op.shift
        still = np.ldexp(self.weights, scale[:, None] - self.in_frac)
        scale = scale - self.dt_frac + RATE_SHIFT
        moving = np.ldexp(self.rates, scale[:, None] - self.in_frac)
        drive = wide_rounded(still, (op.weights, op.bias), self.together)
        rate = wide_rounded(moving, (op.rates, op.rate_bias), self.together)
        more = replace(op, weights=drive[0], bias=drive[1], rates=rate[0], rate_bias=rate[1])
        reach = more.reach(self.in_reach, self.dt_reach) + (HALF_SEGMENT << op.shift)
        good = reach <= INT32_MAX
        return replace(
            op,
            weights=np.where(good[:, None], more.weights, op.weights),
            bias=np.where(good, more.bias, op.bias),
            rates=np.where(good[:, None], more.rates, op.rates),
            rate_bias=np.where(good, more.rate_bias, op.rate_bias),
        )


def timed(real: RealTimedMap, bits: int = 16) -> TimedLinear | None:
    """A real map with a rate as integers; None if no scale holds it.

    Each row is at the finest scale at which no accumulator can leave int32, or all rows at the
    coarsest of these if that costs none of them more than 5 bits; with 8 bits, as `timed8` says.
    """
    if bits == 8:
        return timed_in_8(real)
    rows = real.quantised(EVERY_SHIFT)
    shifts = [int(row.shift[0]) for row in rows or ()]
    if rows and 0 < max(shifts) - min(shifts) <= SHARED_SHIFT_BITS:
        rows = real.quantised(range(min(shifts) + 1))
        shifts = [min(shifts)] * len(shifts)
    still = sparse.csr_array(real.weights)
    gate = real.out_frac == GATE_FRAC
    if rows is None or too_coarse(still, real.in_reach, np.array(shifts), gate):
        rows = real.quantised(SHIFTS, LongTimedLinear) or rows
    if rows is None:
        return None
    names = ("weights", "bias", "rates", "rate_bias", "shift")
    fields = [np.concatenate([getattr(row, name) for row in rows]) for name in names]
    op = type(rows[0])(*fields)
    return op if isinstance(op, LongTimedLinear) else real.rounded_together(op)


def timed_in_8(
    real: RealTimedMap, room: int = 0, known: TimedLinear8 | None = None
) -> TimedLinear8 | None:
    """The same with int8 weights: see `timed8`."""
    maps = ((real.weights, real.bias), (real.rates, real.rate_bias))
    elapsed = (real.dt_frac, real.dt_reach)
    given = (maps, real.in_frac, real.in_reach, elapsed, real.out_frac, real.ends)
    return timed8(*given, room, known)
