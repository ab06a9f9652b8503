"""A long series of steps in parts that run side by side, joined where they meet.

NumPy takes as long to begin with an array as to compute hundreds of its elements, so many short
runs take less time than one long run. A network forgets its state: two runs of the same inputs from
different states become equal after a while. So every part of a series begins in some state, and
then, as long as a part has not begun in the state in which the one before it ends, it runs once
more from there, until it meets what it was before. In the end every step begins in the state that
the step before it leaves: by induction that is the run of one step after the other, whatever the
states were at first. A network that does not forget takes its steps one after the other.

Real numbers meet where they differ by no more than float64's own rounding adds up to, about: by
`_NEAR` of the greatest value of a state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
_SHORT, _FEWEST = 50, 4  # steps and number of parts that are worth running side by side
_NEAR = 2.0**-40
Step = Callable[[Numbers, Numbers, Numbers], tuple[Numbers, Numbers]]
"""x [N, I], dt [N], h [N, H] -> y [N, O], h_next [N, H]."""


def worthwhile(steps: int, wide: int) -> int:
    """The parts of so many steps, at most `wide`; 1 where they are too few, or too short."""
    parts = min(steps // _SHORT, wide)
    return parts if parts >= _FEWEST else 1


def run_in_parts(
    step: Step, x: Numbers, dt: Numbers, h0: Numbers, parts: int
) -> tuple[Numbers, Numbers]:
    """What `step` makes of x [T, N, I] and dt [T, N], from h0 [N, H]: the outputs y [T, N, O], and
    the states before each step and after the last one [T + 1, N, H]."""
    steps, runs = dt.shape
    length = -(-steps // parts)
    parts = -(-steps // length)
    x, dt = _side_by_side(x, parts, length), _side_by_side(dt, parts, length)
    h = np.empty((length + 1, dt.shape[1], h0.shape[1]), h0.dtype)
    h[0] = np.tile(h0, (parts, 1))
    outputs = []
    for t in range(length):
        made, h[t + 1] = step(x[t], dt[t], h[t])
        outputs.append(made)
    y = np.stack(outputs)
    near = _NEAR * np.abs(h).max(axis=(0, 1)) if h.dtype.kind == "f" else 0
    late, forgets = _late(h, runs, near), True
    while len(late):
        if not forgets:  # its first part only: those that follow would begin in vain
            late = late[late < (late[0] // runs + 1) * runs]
        going = late
        h[0, late] = h[-1, late - runs]
        for t in range(length):
            y[t, going], after = step(x[t, going], dt[t, going], h[t, going])
            apart = np.any(np.abs(after - h[t + 1, going]) > near, axis=1)
            h[t + 1, going] = after
            going = going[apart]
            if not len(going):
                break
        forgets = forgets and 2 * len(going) <= len(late)
        late = _late(h, runs, near)
    last = h[(steps - 1) % length + 1, -runs:]
    y, before = (_one_after_the_other(a, runs)[:steps] for a in (y, h[:-1]))
    return y, np.concatenate([before, last[None]])


def _late(h: Numbers, runs: int, near: Numbers | int) -> NDArray[np.int64]:
    """The parts that begin in other states than those in which the parts before them end."""
    apart = np.any(np.abs(h[0, runs:] - h[-1, :-runs]) > near, axis=1)
    return np.flatnonzero(apart) + runs


def _side_by_side(values: Numbers, parts: int, length: int) -> Numbers:
    """[T, N, ...] as [length, parts N, ...], its last step repeated after the end."""
    missing = parts * length - len(values)
    values = np.concatenate([values, values[-1:].repeat(missing, axis=0)])
    values = values.reshape(parts, length, *values.shape[1:]).swapaxes(0, 1)
    return values.reshape(length, -1, *values.shape[3:])


def _one_after_the_other(values: Numbers, runs: int) -> Numbers:
    """The inverse: [length, parts N, ...] as [parts length, N, ...]."""
    length, size = values.shape[0], values.shape[2]
    return values.reshape(length, -1, runs, size).swapaxes(0, 1).reshape(-1, runs, size)
