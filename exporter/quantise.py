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

_LARGEST_SHIFT = 30
_LAYOUTS: dict[int, tuple[type[Linear], ...]] = {
    16: (Linear, SparseLinear, SlidingLinear),
    8: (Linear8, SparseLinear8, SlidingLinear8),
}
_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}


def linear(
    weights: Reals,
    bias: Reals,
    in_frac: Integers,
    in_reach: Integers,
    out_frac: Integers,
    bits: int = 16,
) -> Linear | None:
    """`weights @ x + bias` as integers; None if a row's weights are too large for any scale.

    weights  [rows, cols], bias [rows]
    in_frac  [cols] the inputs' fractional bits
    in_reach [cols] the greatest magnitude of each input integer
    out_frac [rows] the fractional bits of the result
    bits     of a weight, 16 or 8

    Exact zeros stay zeros; the map gets the layout that takes the least flash: dense, one
    of synapses, or one of filters that slide.
    """
    rows = [
        _row(w, b, in_frac, in_reach, int(f), bits)
        for w, b, f in zip(weights, bias, out_frac, strict=True)
    ]
    if any(row is None for row in rows):
        return None
    kept = [row for row in rows if row is not None]
    fields = (
        np.array([w for w, _, _ in kept]).reshape(weights.shape),
        np.array([b for _, b, _ in kept]),
        np.array([s for _, _, s in kept]),
    )
    ops = [layout(*fields) for layout in _LAYOUTS[bits]]
    return min((op for op in ops if _stored(op)), key=_flash)


def _row(
    weights: Reals, bias: float, in_frac: Integers, in_reach: Integers, out_frac: int, bits: int
) -> tuple[Integers, int, int] | None:
    """One row's (weights, bias, shift), tried from the finest scale down.

    With the accumulator at scale 2^-s, the weight of column c is at 2^-(s - in_frac[c]).
    """
    if not (np.all(np.isfinite(weights)) and np.isfinite(bias)):
        return None
    for shift in range(_LARGEST_SHIFT, -1, -1):
        scale = out_frac + shift
        fits_float = abs(bias) < 2.0 ** (31 - scale)
        if not fits_float or np.any(np.abs(weights) >= 2.0 ** (bits - scale + in_frac)):
            continue
        w = quantise(weights, scale - in_frac)
        b = int(quantise(bias, scale))
        reach = int(np.abs(w) @ in_reach) + abs(b) + ((1 << shift) >> 1)
        if np.all(np.abs(w) < 1 << (bits - 1)) and reach <= INT32_MAX:
            return w, b, shift
    return None


def _stored(op: Linear) -> bool:
    """Whether every table has an entry: C has no empty arrays."""
    return all(table.values.size for table in op.tables())


def _flash(op: Linear) -> int:
    """The bytes of all tables."""
    return sum(_BYTES[table.ctype] * table.values.size for table in op.tables())
