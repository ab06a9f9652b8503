"""Real maps to integers: in the finest scales, or in those of code that takes other weights.

Weights may be replaceable: another training has others for the same code (`--weights-block`). The
first export of a circuit decides what is compiled: formats, the shifts that are in instructions,
which weights there are. It leaves `ROOM`, so that a circuit of weights up to twice as large has the
same shifts. The export of another circuit (`--weights-for`) takes these decisions as they are, and
refuses what they do not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Matrix
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.lowering.maps import quantise_maps, quantise_timed
from elegans.exporter.lowering.maps.quantise_int8 import linear8
from elegans.exporter.lowering.maps.quantise_maps import SHARED_SHIFT_BITS, Quantised, RealMap
from elegans.exporter.lowering.maps.quantise_timed import RealTimedMap
from elegans.exporter.numbers.fixed import INT32_MAX, LONG_MAX, Integers, Interval, Reals
from elegans.exporter.numbers.long_sums import GATE_FRAC, too_coarse
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.long_linear import SHIFTS, LongLinear
from elegans.exporter.ops.long_sparse_linear import LongSparseLinear
from elegans.exporter.ops.long_timed_linear import LongTimedLinear
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.sparse_linear8 import SparseLinear8
from elegans.exporter.ops.timed_linear import TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

ROOM = 1
"""Bits of weights and accumulators that the first export leaves free."""

Structure = Mapping[str, Step]
"""The steps that are compiled already, by name; empty at the first export."""

_LARGE, _SMALL = 16, 8  # bits of a weight
_DENSE8 = 2  # int8 maps are dense down to one weight in so many, where a list takes as much,
_DENSE8_TABLED = 3  # and those of which a table looks the result up to this
_ALL = range(31)
_SYNAPSE_BYTES, _ROW_BYTES = 3, 2  # of a sparse map, beyond biases and shifts: see `SparseLinear`
_REMEDY = (
    "train from the weights of the circuit that is deployed, or with a penalty on large weights; "
    "or deploy new code: elegans export --weights-block"
)


def frac_of(structure: Structure | None, name: str, frac: Integers) -> Integers:
    """The fractional bits of a map's result: those that are compiled, if it is."""
    step = None if structure is None else structure.get(name)
    return frac if step is None or step.size != len(frac) else np.array(step.frac)


def integer_map(
    name: str, real: RealMap, bits: int, structure: Structure | None, tabled: bool, alike: bool
) -> Linear:
    """A map as integers.

    bits           of a weight
    structure      of code whose weights are replaceable; None for any other
    tabled, alike  as `quantise_maps.linear` has them

    Raises `ElegansError` if no scale holds every row.
    """
    if structure is not None:
        return _replaceable(name, real, bits, structure, (tabled, alike))
    op = quantise_maps.linear(real, bits, tabled, alike)
    if op is None:
        raise ElegansError(
            name,
            f"with weights up to {abs(real.weights).max():g} and biases up to "
            f"{np.abs(real.bias).max():g}, no int{bits} scale holds every row",
            "declare a narrower input range, or train with smaller weights"
            + (", or take --weights int16" if bits < 16 else ""),
        )
    return op


def integer_timed_map(
    name: str, real: RealTimedMap, bits: int, structure: Structure | None
) -> TimedLinear | None:
    """A map with a rate as integers; None if no scale holds it."""
    if structure is not None:
        return _replaceable_timed(name, real, bits, structure)
    return quantise_timed.timed(real, bits)


def _replaceable(
    name: str, real: RealMap, bits: int, structure: Structure, shared: tuple[bool, bool]
) -> Linear:
    """A map as integers, as `quantise_maps.linear` without the layout of repeated filters.

    shared  whether it is `tabled`, and whether rows shall be `alike`

    Which weights there are follows from exact zeros only: one that rounds to zero is kept. Raises
    `ElegansError` for weights that no scale, or not the scale that is compiled, holds.
    """
    weights = sparse.csr_array(real.weights)
    weights.sum_duplicates()
    weights.eliminate_zeros()
    real = replace(real, weights=weights)
    step, (tabled, alike) = structure.get(name), shared
    if step is not None and isinstance(step.op, Linear):
        return _again(name, real, step.op, tabled)
    if bits == _SMALL:
        return _replaceable8(name, real, tabled)
    kept = real.quantised(_ALL, bits - ROOM, tabled, INT32_MAX >> ROOM)
    if kept is not None and (tabled or alike) and 0 < np.ptp(kept[2]) <= SHARED_SHIFT_BITS:
        most = range(int(kept[2].min()) + 1)
        kept = real.quantised(most, bits - ROOM, tabled, INT32_MAX >> ROOM)
    gate = tabled and bool(np.all(real.out_frac == GATE_FRAC))
    layouts: tuple[type[Linear], type[SparseLinear]] = (Linear, SparseLinear)
    if kept is None or too_coarse(weights, real.in_reach, kept[2], gate):
        long = real.quantised(SHIFTS, bits - ROOM, tabled, LONG_MAX >> ROOM)
        kept, layouts = (kept, layouts) if long is None else (long, (LongLinear, LongSparseLinear))
    if kept is None:
        raise _no_scale(name, weights, real.bias, bits)
    if layouts[0] is Linear:
        kept = real.rounded_together(kept, tabled)
    listed = _SYNAPSE_BYTES * weights.nnz + _ROW_BYTES * len(real.bias)
    dense = 2 * weights.shape[0] * weights.shape[1]
    return _op(layouts[0] if dense <= listed or not weights.nnz else layouts[1], kept, weights)


def _replaceable8(name: str, real: RealMap, tabled: bool) -> Linear:
    """A map of int8 weights. Only where all rows share a shift, which may be in instructions, is
    there room: elsewhere shifts and lifts are in tables, and follow the weights."""
    weights, ends = real.weights, (real.out_frac, real.ends, tabled)
    most = (_DENSE8_TABLED if tabled else _DENSE8) * weights.nnz
    if weights.shape[0] * weights.shape[1] <= most or not weights.nnz:
        given = weights.toarray(), real.bias, real.in_frac, real.in_reach, *ends
        op = linear8(*given)
        if op is not None and not np.ptp(op.shift):
            op = linear8(*given, room=ROOM)
        if op is None:
            raise _no_scale(name, weights, real.bias, _SMALL)
        return op
    kept = real.quantised(_ALL, _SMALL - ROOM, tabled, INT32_MAX >> ROOM)
    if kept is None:
        raise _no_scale(name, weights, real.bias, _SMALL)
    return _op(SparseLinear8, kept, weights)


def _again(name: str, real: RealMap, op: Linear, tabled: bool) -> Linear:
    """The map in the structure of `op`."""
    pattern = _pattern(name, real, op)
    if isinstance(op, Linear8):
        given = real.weights.toarray(), real.bias, real.in_frac, real.in_reach
        found = linear8(*given, real.out_frac, real.ends, tabled, known=op)
        if found is None:
            raise _too_large(name, real.weights, real.bias)
        return found
    # LTC's solver has the shift of each argument of its synapses in its code.
    own = op.shift if tabled and isinstance(op, SparseLinear) else None
    scales = _shifts(op.shift, op), op.weight_bits, tabled, op.sums.most
    kept = real.quantised(*scales, own)
    if kept is not None and np.ptp(op.shift) and not np.ptp(kept[2]) and kept[2][-1] > 0:
        # Rows that share a shift would be other code.
        kept = real.quantised(*scales, kept[2] - (np.arange(len(kept[2])) == len(kept[2]) - 1))
    if kept is None:
        raise _too_large(name, real.weights, real.bias)
    if op.sums is Interval and op.weight_bits == _LARGE:
        kept = real.rounded_together(kept, tabled)
    return _op(type(op), kept, pattern)


def _op(kind: type[Linear], kept: Quantised, pattern: Matrix) -> Linear:
    """The op of a layout; one that lists weights lists those of the pattern, zeros included."""
    found, bias, shift = kept
    if not issubclass(kind, SparseLinear):
        return kind(np.asarray(found), bias, shift)
    at = pattern.tocoo()
    values = np.asarray(found)[at.row, at.col].astype(np.int64)
    counts = np.diff(pattern.indptr).astype(np.int64)
    listed = SparseMatrix(pattern.shape[1], counts, at.col.astype(np.int64), values)
    return kind(listed, bias, shift)


def _pattern(name: str, real: RealMap, op: Linear) -> Matrix:
    """Where the map of `op` has weights. Raises `ElegansError` where this one has others."""
    if not isinstance(op, SparseLinear):
        return real.weights
    listed = op.weights
    ones = np.ones(len(listed.columns), np.int64)
    starts = np.concatenate([[0], np.cumsum(listed.counts)])
    there = sparse.csr_array((ones, listed.columns, starts), shape=listed.shape)
    if real.weights.shape == listed.shape:
        at = real.weights.tocoo()
        outside = np.flatnonzero(there.toarray()[at.row, at.col] == 0)
        if not len(outside):
            return there
        row, column = int(at.row[outside[0]]), int(at.col[outside[0]])
        fact = (
            f"has {len(outside)} weights where the code has none, the first from element {column} "
            f"of its input to row {row}"
        )
        raise ElegansError(name, fact, "train with the wiring of the circuit that is deployed")
    fact = f"has the shape {real.weights.shape}, and that of the code is {listed.shape}"
    raise ElegansError(name, fact, "train a circuit of the same layers")


def _replaceable_timed(
    name: str, real: RealTimedMap, bits: int, structure: Structure
) -> TimedLinear | None:
    """A map with a rate as integers; None if no scale holds it. Raises `ElegansError` for weights
    that do not fit the scale that is compiled."""
    step = structure.get(name)
    if step is not None and isinstance(step.op, TimedLinear):
        found = _timed_again(real, step.op)
        if found is None:
            both = sparse.csr_array(np.concatenate([real.weights, real.rates]))
            raise _too_large(name, both, np.concatenate([real.bias, real.rate_bias]))
        return found
    if bits == _SMALL:
        return quantise_timed.timed_in_8(real, room=ROOM)
    rows = real.quantised(_ALL, room=ROOM)
    shifts = [int(row.shift[0]) for row in rows or ()]
    if rows and 0 < max(shifts) - min(shifts) <= SHARED_SHIFT_BITS:
        rows = real.quantised(range(min(shifts) + 1), room=ROOM)
        shifts = [min(shifts)] * len(shifts)
    still = sparse.csr_array(real.weights)
    if rows is None or too_coarse(
        still, real.in_reach, np.array(shifts), real.out_frac == GATE_FRAC
    ):
        rows = real.quantised(SHIFTS, LongTimedLinear, room=ROOM) or rows
    return None if rows is None else _joined(real, rows)


def _timed_again(real: RealTimedMap, op: TimedLinear) -> TimedLinear | None:
    """The map in the structure of `op`; None if it does not fit."""
    if isinstance(op, TimedLinear8):
        return quantise_timed.timed_in_8(real, known=op)
    rows = real.quantised(_shifts(op.shift, op), type(op))
    return None if rows is None else _joined(real, rows)


def _joined(real: RealTimedMap, rows: list[TimedLinear]) -> TimedLinear:
    names = ("weights", "bias", "rates", "rate_bias", "shift")
    op = type(rows[0])(*(np.concatenate([getattr(row, name) for row in rows]) for name in names))
    return op if isinstance(op, LongTimedLinear) else real.rounded_together(op)


def _shifts(known: Integers, op: Linear | TimedLinear) -> range:
    """The shifts that rows may have: the one that all have, which may be in the instructions of a
    layer, or any, because a table has them."""
    if len(known) and not np.ptp(known):
        return range(int(known[0]), int(known[0]) + 1)
    return _ALL if op.sums is Interval else SHIFTS


def _no_scale(name: str, weights: Matrix, bias: Reals, bits: int) -> ElegansError:
    return ElegansError(
        name,
        f"with {_reach(weights, bias)}, no int{bits} scale holds every row and leaves a bit of "
        "room for other weights",
        "declare a narrower input range, or train with smaller weights"
        + (", or take --weights int16" if bits < _LARGE else ""),
    )


def _too_large(name: str, weights: Matrix, bias: Reals) -> ElegansError:
    fact = f"with {_reach(weights, bias)} it does not fit the scale of the code that is deployed"
    return ElegansError(name, fact, _REMEDY)


def _reach(weights: Matrix, bias: Reals) -> str:
    greatest = abs(weights).max() if weights.nnz else 0.0
    return f"weights up to {greatest:.4g} and biases up to {np.abs(bias).max():.4g}"
