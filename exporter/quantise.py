"""Real weights to integers: for each row the finest scale at which it provably cannot overflow."""

from __future__ import annotations

import numpy as np

from elegans.exporter.fixed import INT32_MAX, Integers, Reals, quantise
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.sliding_linear import SlidingLinear
from elegans.exporter.ops.sliding_linear8 import SlidingLinear8
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.sparse_linear8 import SparseLinear8
from elegans.exporter.ops.timed_linear import RATE_SHIFT, TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_LARGEST_SHIFT = 30
_LAYOUTS: dict[int, tuple[type[Linear], ...]] = {
    16: (Linear, SparseLinear, SlidingLinear),
    8: (Linear8, SparseLinear8, SlidingLinear8),
}
# A map whose rows share one shift is faster on every core; it may cost a row so many bits.
_SHARED_SHIFT_BITS = 3
# The cores' kernels look a table up with half a segment added to its argument.
_HALF_SEGMENT = 512
_TIMED = {16: TimedLinear, 8: TimedLinear8}
_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}


def linear(
    weights: Reals,
    bias: Reals,
    in_frac: Integers,
    in_reach: Integers,
    out_frac: Integers,
    bits: int = 16,
    tabled: bool = False,
) -> Linear | None:
    """`weights @ x + bias` as integers; None if a row's weights are too large for any scale.

    weights  [rows, cols], bias [rows]
    in_frac  [cols] the inputs' fractional bits
    in_reach [cols] the greatest magnitude of each input integer
    out_frac [rows] the fractional bits of the result
    bits     of a weight, 16 or 8
    tabled   whether the result goes into a table: all rows then get one shift, if that costs
             none of them more than 3 bits, and room for half a segment of the table

    Exact zeros stay zeros; the map gets the layout that takes the least flash: dense, one
    of synapses, or one of filters that slide.
    """
    kept = _rows(weights, bias, in_frac, in_reach, out_frac, bits, tabled)
    if kept is None:
        return None
    fields = (
        np.array([w for w, _, _ in kept]).reshape(weights.shape),
        np.array([b for _, b, _ in kept]),
        np.array([s for _, _, s in kept]),
    )
    ops = [layout(*fields) for layout in _LAYOUTS[bits]]
    return min((op for op in ops if _stored(op)), key=_flash)


_Row = tuple[Integers, int, int]


def _rows(
    weights: Reals,
    bias: Reals,
    in_frac: Integers,
    in_reach: Integers,
    out_frac: Integers,
    bits: int,
    tabled: bool,
) -> list[_Row] | None:
    """Every row's (weights, bias, shift); None if one has no scale."""

    def at(finest: int) -> list[_Row] | None:
        rows = []
        for w, b, f in zip(weights, bias, out_frac, strict=True):
            row = _row(w, b, in_frac, in_reach, int(f), bits, finest, tabled)
            if row is None:
                return None
            rows.append(row)
        return rows

    rows = at(_LARGEST_SHIFT)
    if rows is None or not tabled or bits != 16:
        return rows
    shifts = [shift for _, _, shift in rows]
    spread = max(shifts) - min(shifts)
    return at(min(shifts)) if 0 < spread <= _SHARED_SHIFT_BITS else rows


def _row(
    weights: Reals,
    bias: float,
    in_frac: Integers,
    in_reach: Integers,
    out_frac: int,
    bits: int,
    finest: int,
    tabled: bool,
) -> _Row | None:
    """One row's (weights, bias, shift), tried from the finest scale down.

    With the accumulator at scale 2^-s, the weight of column c is at 2^-(s - in_frac[c]).
    """
    if not (np.all(np.isfinite(weights)) and np.isfinite(bias)):
        return None
    for shift in range(finest, -1, -1):
        scale = out_frac + shift
        fits_float = abs(bias) < 2.0 ** (31 - scale)
        if not fits_float or np.any(np.abs(weights) >= 2.0 ** (bits - scale + in_frac)):
            continue
        w = quantise(weights, scale - in_frac)
        b = int(quantise(bias, scale))
        room = (_HALF_SEGMENT << shift) * tabled + ((1 << shift) >> 1)
        reach = int(np.abs(w) @ in_reach) + abs(b) + room
        if np.all(np.abs(w) < 1 << (bits - 1)) and reach <= INT32_MAX:
            return w, b, shift
    return None


def timed(
    maps: tuple[Reals, Reals, Reals, Reals],
    in_frac: Integers,
    in_reach: Integers,
    dt: tuple[int, int],
    out_frac: int,
    bits: int = 16,
) -> TimedLinear | None:
    """`W x + b + dt (R x + r)` as integers; None if no scale holds it.

    maps  W [rows, cols], b [rows], R [rows, cols], r [rows]
    dt    the fractional bits and the greatest magnitude of elapsed time

    Each row at the finest scale at which no accumulator can leave int32, or, with 16 bits,
    all at the coarsest of these if that costs none of them more than 3 bits.
    """

    def at(finest: int) -> list[TimedLinear] | None:
        rows = []
        for w, b, r, c in zip(*maps, strict=True):
            row = _timed_row((w, b, r, c), in_frac, in_reach, dt, out_frac, bits, finest)
            if row is None:
                return None
            rows.append(row)
        return rows

    rows = at(_LARGEST_SHIFT)
    shifts = [int(row.shift[0]) for row in rows or ()]
    if rows and bits == 16 and 0 < max(shifts) - min(shifts) <= _SHARED_SHIFT_BITS:
        rows = at(min(shifts))
    if rows is None:
        return None

    def joined(name: str) -> Integers:
        return np.concatenate([getattr(row, name) for row in rows])

    fields = [joined(name) for name in ("weights", "bias", "rates", "rate_bias", "shift")]
    return _TIMED[bits](*fields)


def _timed_row(
    row: tuple[Reals, float, Reals, float],
    in_frac: Integers,
    in_reach: Integers,
    dt: tuple[int, int],
    out_frac: int,
    bits: int,
    finest: int,
) -> TimedLinear | None:
    """One row, tried from the finest scale down."""
    dt_frac, dt_reach = dt
    for shift in range(finest, -1, -1):
        scale = out_frac + shift
        ints: list[Integers] = []
        for w, b, at in ((*row[:2], scale), (*row[2:], scale - dt_frac + RATE_SHIFT)):
            if np.all(np.abs(w) < 2.0 ** (bits - at + in_frac)) and abs(b) < 2.0 ** (31 - at):
                ints += [quantise(w, at - in_frac)[None], quantise([b], at)]
        largest = max((int(np.abs(w).max()) for w in ints[::2]), default=0)
        if len(ints) < len(row) or largest >= 1 << (bits - 1):
            continue
        op = TimedLinear(ints[0], ints[1], ints[2], ints[3], np.array([shift]))
        if op.reach(in_reach, dt_reach)[0] + (_HALF_SEGMENT << shift) <= INT32_MAX:
            return op
    return None


def _stored(op: Linear) -> bool:
    """Whether every table has an entry: C has no empty arrays."""
    return all(table.values.size for table in op.tables())


def _flash(op: Linear) -> int:
    """The bytes of all tables."""
    return sum(_BYTES[table.ctype] * table.values.size for table in op.tables())
