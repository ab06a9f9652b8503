"""Maps whose results have 32 bits: in 16 they would be too coarse for what multiplies them."""

from __future__ import annotations

from dataclasses import replace

from scipy import sparse

from elegans.exporter.lowering.maps.quantise_maps import RealMap, smallest
from elegans.exporter.numbers.fixed import LONG_MAX, Interval, RangeError
from elegans.exporter.numbers.long_sums import too_coarse
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.wide_linear import WIDE_SHIFTS, WideLinear
from elegans.exporter.ops.wide_sparse_linear import WideSparseLinear
from elegans.exporter.ops.wide_sums import COARSE, WideSums

_SUM_BITS = 29  # of a weight of `WideSums`, in two parts


def wide(real: RealMap, x: Interval) -> Linear | None:
    """A real map with a result of 32 bits, of whose upper halves `out_frac` is; sums have 64 bits
    where 32 would leave weights too coarse. None if a row has no scale, or for inputs in x a
    result that its halves cannot hold."""
    real = replace(real, weights=sparse.csr_array(real.weights))
    found = real.quantised(WIDE_SHIFTS, 16, False)
    if found is None or too_coarse(real.weights, real.in_reach, found[2], False):
        found = real.quantised(WIDE_SHIFTS, 16, False, LONG_MAX)
    else:
        found = real.rounded_together(found, False)
    try:
        best = None if found is None else smallest([WideLinear(*found), WideSparseLinear(*found)])
        return best if best is None or best.range(x) else None
    except RangeError:
        return None


def wide_sums(real: RealMap, count: int) -> WideSums | None:
    """A real map of which the first `count` columns have 32 bits, with a result of 32 bits of whose
    upper halves `out_frac` is; None if a row has no scale."""
    weights = sparse.csr_array(real.weights, copy=True)
    weights.sort_indices()
    real = replace(real, weights=weights)
    found = real.quantised(WIDE_SHIFTS, _SUM_BITS, False, LONG_MAX)
    if found is None or not len(found[0].values):
        return None
    whole, bias, shift = found
    coarse = (whole.values + (1 << (COARSE - 1))) >> COARSE
    parts = (whole.values - (coarse << COARSE), coarse)
    entries = whole.shape, whole.rows, whole.columns
    fine, more = (SparseMatrix.from_entries(*entries, values) for values in parts)
    return WideSums(fine, more, bias, shift, count)
