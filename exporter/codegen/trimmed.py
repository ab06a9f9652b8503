"""A map without the inputs at the ends of its windows that none of its rows reads.

The layers of a circuit read the states of their own neurons only, but where a cell joins all states
into one vector, a map has zeros for the others, and a kernel would multiply by them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.sparse_linear import SparseLinear

_MOST = 1 << 16  # entries of a map that is looked at


def trimmed(step: Step) -> Step:
    """The step as one map of what it reads, with the same bits; itself if it reads all."""
    op = step.op
    if type(op) not in (Linear, SparseLinear) or not isinstance(op, Linear):
        return step
    if op.weights.shape[0] * op.weights.shape[1] > _MOST:
        return step
    weights = np.asarray(op.weights)
    windows: list[Window] = []
    kept: list[int] = []
    at = 0
    for window in step.inputs[0]:
        read = np.flatnonzero(weights[:, at : at + window.size].any(axis=0)).tolist()
        if read:
            lo, hi = read[0], read[-1] + 1
            windows.append(Window(window.vector, window.lo + lo, window.lo + hi))
            kept += range(at + lo, at + hi)
        at += window.size
    if len(kept) == weights.shape[1] or not kept:
        return step
    return replace(step, op=Linear(weights[:, kept], op.bias, op.shift), inputs=(tuple(windows),))
