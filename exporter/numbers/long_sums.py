"""Which maps have accumulators of 64 bits: those whose weights 32 bits would leave too coarse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from elegans.exporter.numbers.fixed import Integers

GATE_FRAC = 11
"""The fractional bits of the argument of a sigmoid."""

_Limits = tuple[tuple[int, float], ...]
# (inputs, units): a map has accumulators of 64 bits if its rows of more inputs than this would be
# expected to be off by more units of their results, because their weights are rounded: rms, for
# inputs anywhere. A list of synapses is as fast with 64 bits. A dense map is slower, because the
# kernels of whole layers add in 32; its numbers are those at which a CfC leaves 1e-3
# (docs/numerics.md). A gate moves a state less than a head does: sigmoid is flatter than tanh.
_LIST: _Limits = ((128, 0.5),)
_DENSE: _Limits = ((192, 5.0),)
_GATE: _Limits = ((192, 12.5), (320, 5.0))


def too_coarse(weights: Any, reach: Integers, shifts: Integers, gate: bool) -> bool:
    """Whether weights at these scales are worth accumulators of 64 bits.

    The error that is expected of a row, squared: 1/12 of a weight's unit times 1/3 of the reach of
    its input, for each weight. A list is as coarse as its worst wide row, a dense map as the mean
    of its wide rows.

    weights  [rows, cols], a csr_array of scipy; only where it has entries matters
    reach    [cols] the greatest magnitude of each integer input
    shifts   [rows] from the scale of the accumulators to that of the result
    gate     whether the result is the argument of a sigmoid
    """
    inputs = np.diff(weights.indptr)
    rows = np.repeat(np.arange(len(shifts)), inputs)
    squares = np.bincount(rows, reach[weights.indices].astype(np.float64) ** 2, len(shifts))
    units = np.ldexp(squares / 36.0, -2 * shifts)  # squared
    is_list = 2 * weights.nnz < math.prod(weights.shape)
    limits = _LIST if is_list else _GATE if gate else _DENSE
    for least, most in limits:
        wide = units[inputs > least]
        if wide.size and (wide.max() if is_list else wide.mean()) > most**2:
            return True
    return False
