"""Real weights to int8, with a scale for each row and each of two parts of its inputs.

One scale for a whole row leaves few of the 8 bits for the inputs whose weights are all small:
the states of a layer, say, beside its sensors. The parts are the last window that a map reads,
which in a recurrent layer is its own state, and all windows before it.

Weights may be replaceable, as `integer_maps` explains. The lifts of rows are in tables and follow
the weights. What is compiled is the division into parts, the lift of a whole map, and a shift that
all rows share: where these bind the second part, `room` keeps bits of it free.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter.numbers.fixed import INT32_MAX, Integers, Reals, quantise
from elegans.exporter.ops.linear8 import Linear8, lifted
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.exporter.ops.timed_linear import RATE_SHIFT
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_MOST_LIFT = 7  # 2^7 is a byte
_NOT_WORTH = (1,)  # lifts of at most one bit: a coarser scale for all rows is faster
_SHIFTS = range(30, -1, -1)  # the finest scale first
_BELOW = 127.5  # what rounds to an int8 of at most 127


def parts(ends: tuple[int, ...]) -> int:
    """The size of the first part, for windows that end at these columns: all but the last
    window, or the only one."""
    return ends[-2] if len(ends) > 1 else ends[-1]


def linear8(
    weights: Reals,
    bias: Reals,
    frac: Integers,
    reach: Integers,
    out_frac: Integers,
    ends: tuple[int, ...],
    tabled: bool,
    room: int = 0,
    known: Linear8 | None = None,
) -> Linear8 | None:
    """A dense map at the finest scale that holds it; None if there is none.

    The arguments are the fields of `RealMap`, the weights [rows, cols] a dense array. If the
    result is looked up in a table, all rows have one shift.

    room   bits of the second part, and of accumulators, that are left to other weights
    known  the map that is compiled already: its parts, and its shift if all rows share it
    """
    rows, split = len(bias), parts(ends) if known is None else known.split
    sizes = _sizes(weights, frac, split, room)
    chosen = np.full(rows, -1)
    lifts, integers = np.zeros(rows, np.int64), np.zeros(weights.shape, np.int64)
    shared = known is not None and not np.ptp(known.shift)
    for shift in [int(known.shift[0])] if known and shared else _SHIFTS:
        scale = out_frac + shift
        whole, found = _lifts(sizes, scale, tabled, None if known is None else 0)
        good = (whole == 0) & (found <= _MOST_LIFT) & (chosen < 0)
        if not good.any():
            continue
        values = np.where(good[:, None], np.ldexp(weights, scale[:, None] - frac), 0.0)
        columns = lifted(weights.shape[1], split, np.where(good, found, 0))
        w = quantise(values, -columns) << columns
        rounding = (HALF_SEGMENT << shift) * tabled + ((1 << shift) >> 1)
        most = np.abs(w).astype(np.float64) @ reach.astype(np.float64)
        good &= most + np.abs(np.ldexp(bias, scale)) + rounding < INT32_MAX >> room
        worth = room > 0 or known is not None or found.max(initial=0) not in _NOT_WORTH
        good &= (good.all() and worth) or not tabled
        chosen[good], lifts[good], integers[good] = shift, found[good], w[good]
        if known and not shared and not np.ptp(chosen) and shift > 0:
            chosen[-1] = -1  # rows that share a shift would be other code
        if np.all(chosen >= 0):
            return Linear8(integers, quantise(bias, out_frac + chosen), chosen, split, lifts)
    return None


def timed8(
    maps: tuple[tuple[Reals, Reals], tuple[Reals, Reals]],
    frac: Integers,
    reach: Integers,
    dt: tuple[int, int],
    out_frac: int,
    ends: tuple[int, ...],
    room: int = 0,
    known: TimedLinear8 | None = None,
) -> TimedLinear8 | None:
    """W and R, each with its bias, as one map in which all rows have one shift; None if no scale
    holds it.

    maps       (weights [rows, cols], bias [rows]) of W and of R
    frac       [cols] the fractional bits of x
    reach      [cols] the greatest magnitude of each integer of x
    dt         fractional bits and greatest magnitude of elapsed time
    out_frac   the fractional bits of the result
    ends       of the windows that x consists of
    room       as in `linear8`
    known      the map that is compiled already: its parts, its shift and its lifts of all weights
    """
    split = parts(ends) if known is None else known.split
    largest = [_sizes(weights, frac, split, room) for weights, _ in maps]
    for shift in _SHIFTS if known is None else [int(known.shift[0])]:
        scales = (out_frac + shift, out_frac + shift - dt[0] + RATE_SHIFT)
        lifts, integers, biases = [], [], []
        wholes: list[int] = []
        for (weights, bias), sizes, scale in zip(maps, largest, scales, strict=True):
            compiled = None if known is None else int(known.whole[len(wholes)])
            whole, found = _lifts(sizes, np.full(len(bias), scale), True, compiled)
            held = found.max() <= _MOST_LIFT and np.all(np.abs(bias) < np.ldexp(1.0, 31 - scale))
            if compiled is None:
                held = held and (room > 0 or found.max() not in _NOT_WORTH)
                held = held and whole[0] <= _MOST_LIFT and whole[0] not in _NOT_WORTH
            elif (whole != compiled).any():
                held = False
            if not held:
                break
            columns = lifted(weights.shape[1], split, found) + whole[0]
            integers.append(quantise(weights, scale - frac - columns) << columns)
            biases.append(quantise(bias, scale - whole[0]) << whole[0])
            wholes.append(int(whole[0]))
            lifts.append(found)
        if len(wholes) < 2 or (known is None and (min(wholes) > 0 or wholes[0] >= shift)):
            continue
        (w, r), (b, c) = integers, biases
        shifts = np.full(len(b), shift)
        op = TimedLinear8(w, b, r, c, shifts, split, lifts[0], lifts[1], np.array(wholes))
        if op.reach(reach, dt[1]).max() + (HALF_SEGMENT << shift) <= INT32_MAX >> room:
            return op
    return None


def _sizes(weights: Reals, frac: Integers, split: int, room: int) -> tuple[Reals, Reals]:
    """The largest weight of each row in each part, [rows], at an accumulator's scale of 1; that of
    the second part with its room."""
    at_one = np.ldexp(np.abs(weights), -frac)
    first, second = np.split(at_one, [split], axis=1)
    return first.max(axis=1, initial=0.0), np.ldexp(second.max(axis=1, initial=0.0), room)


def _lifts(
    sizes: tuple[Reals, Reals], scale: Integers, shared: bool, compiled: int | None
) -> tuple[Integers, Integers]:
    """The least lifts with which the weights of a map are int8.

    sizes    as `_sizes` gives them
    scale    [rows] the fractional bits of the accumulator
    shared   whether `whole` is one for all rows
    compiled the lift of the whole map, if it is compiled already
    returns  whole [rows], which the second part needs, or the finest row of the first where
             there is no second, or what is compiled if that is enough; and what the first part
             needs beyond it, [rows]
    """
    first, second = (np.ldexp(size, scale) for size in sizes)
    if compiled is not None:
        whole = np.maximum(_least_lift(second), compiled)
    else:
        alone = not second.any()
        whole = _least_lift(first if alone else second)
        if shared:
            whole = np.full(len(whole), whole.min() if alone else whole.max())
    return whole, np.maximum(_least_lift(first) - whole, 0)


def _least_lift(largest: Reals) -> Integers:
    """[rows] the least lift with which a weight so large is at most 127."""
    _, exponent = np.frexp(largest / _BELOW)  # less than 2^exponent, and at least half of it
    lifts: Integers = np.where(largest > 0, np.maximum(exponent, 0), 0).astype(np.int64)
    return lifts
