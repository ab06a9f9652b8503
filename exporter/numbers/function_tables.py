"""Tables of any function of one argument: parabolas over pieces that are as wide as they may be.

A piece is 2^w neighbouring arguments that begin at a multiple of 2^w. Where the function bends, its
pieces are small, down to a single argument, so that a square root near zero or a logarithm needs a
few pieces more and not a fine table everywhere. Every argument is tried when a table is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Reals,
    round_half_up,
)

FINE = 15  # fractional bits below a unit of the result
_BITS = 16  # of an argument's distance from the first one
_HALF = 1 << (_BITS - 1)  # positions in a piece are -2^15..2^15 - 1, counted from its centre
_MOST_OFF = 1.0  # units between a result and the function; half of one is the rounding itself
_POINTS = 64  # of a piece, to which its parabola is fitted
MOST_PIECES = 256
"""2.8 KiB of table."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of a table, `start` rising; a power of two of them, the last one repeated.

    start              [n] the first argument, as a distance from the first of all
    left               [n] 16 - w, for 2^w arguments
    value, slope, bend [n] with j the position in the piece, -2^15..2^15 - 1 from its centre, the
                       function is value + ((slope + (bend j >> 16)) j >> 16), at `FINE` fractional
                       bits, with half a unit of the result added
    """

    start: Integers
    left: Integers
    value: Integers
    slope: Integers
    bend: Integers


def evaluated(pieces: Pieces, index: Integers, at: Integers) -> Integers:
    """The results for distances `at`, each by the piece `index`."""
    j = (at - pieces.start[index]) * (1 << pieces.left[index]) - _HALF
    slope = pieces.slope[index] + ((pieces.bend[index] * j) >> 16)
    found: Integers = (pieces.value[index] + ((slope * j) >> 16)) >> FINE
    return found


def fitted(
    function: Callable[[Reals], Reals],
    lo: int,
    hi: int,
    least: int = INT16_MIN,
    most: int = INT16_MAX,
) -> Pieces | None:
    """The table of a function of integers lo..hi, within a unit of it, of int16 results.

    function     of real numbers, in units of the result; it is evaluated at integers
    least, most  the ends of the results, beyond which no parabola may go

    None if it takes more than `MOST_PIECES`, as a function does that jumps from one argument to
    the next or turns too often.
    """
    count = hi - lo + 1
    truth = np.clip(function(np.arange(lo, hi + 1, dtype=np.float64)), least, most)
    if np.isnan(truth).any():  # outside of what the function is defined for
        return None
    # Beyond the last argument nothing counts; the mirrored values let a parabola fit up to it.
    behind = np.clip(count - 2 - np.arange((1 << _BITS) - count), 0, count - 1)
    truth = np.concatenate([truth, 2.0 * truth[-1] - truth[behind]])
    found: list[tuple[int, Pieces]] = []
    starts, total = np.zeros(1, np.int64), 0
    for width in range(_BITS, -1, -1):
        starts = starts[starts < count]
        if total + len(starts) > 2 * MOST_PIECES:  # half of them may end here at the most
            return None
        pieces, good = _fitted(truth, starts, width, count, (least, most))
        kept = Pieces(*(getattr(pieces, f)[good] for f in Pieces.__dataclass_fields__))
        found.append((width, kept))
        total += len(kept.start)
        rest = starts[~good]
        starts = np.sort(np.concatenate([rest, rest + (1 << width >> 1)]))
        if not len(rest):
            break
    if total > MOST_PIECES:
        return None
    parts = [
        np.concatenate([getattr(pieces, f) for _, pieces in found])
        for f in Pieces.__dataclass_fields__
    ]
    order = np.argsort(parts[0], kind="stable")
    size = 1 << (total - 1).bit_length()
    order = np.concatenate([order, np.full(size - total, order[-1])])
    return Pieces(*(part[order] for part in parts))


def _fitted(
    truth: Reals, starts: Integers, width: int, count: int, ends: tuple[int, int]
) -> tuple[Pieces, Integers]:
    """The parabolas of pieces that begin at `starts`, and which of them are near enough."""
    size = 1 << width
    rows = truth[starts[:, None] + np.arange(size)]
    at = np.unique(np.linspace(0, size - 1, min(size, _POINTS)).astype(np.int64))
    t = (at * (1 << (_BITS - width)) - _HALF) / _HALF  # -1..1
    degree = min(2, len(at) - 1)
    fit = np.linalg.pinv(np.vander(t, degree + 1, increasing=True))
    middle, first, second = (
        rows[:, at] @ fit[k] if k <= degree else np.zeros(len(starts)) for k in range(3)
    )
    every = (np.arange(size) * (1 << (_BITS - width)) - _HALF) / _HALF
    inside = starts[:, None] + np.arange(size) < count
    off = rows - (middle[:, None] + first[:, None] * every + second[:, None] * every**2)
    most, least = (np.where(inside, off, end) for end in (-np.inf, np.inf))
    middle = middle + (most.max(axis=1) + least.min(axis=1)) / 2
    value = round_half_up(np.ldexp(middle, FINE)) + (1 << (FINE - 1))
    slope = round_half_up(np.ldexp(first, FINE + 1))
    bend = round_half_up(np.ldexp(second, FINE + 2))
    # |j| <= 2^15, so a product with it is at most half of what it is multiplied by.
    fits = np.abs(value) + np.abs(slope) / 2 + np.abs(bend) / 4 < INT32_MAX
    fits &= np.abs(slope) + np.abs(bend) / 2 < INT32_MAX
    left = np.full(len(starts), _BITS - width)
    pieces = Pieces(starts, left, value, slope, bend)
    index = np.repeat(np.arange(len(starts)), size)
    made = evaluated(pieces, index, (starts[:, None] + np.arange(size)).reshape(-1))
    near = np.abs(made.reshape(rows.shape) - rows) <= _MOST_OFF
    held = (made >= ends[0]).reshape(rows.shape) & (made <= ends[1]).reshape(rows.shape)
    good: Integers = fits & np.all((near & held) | ~inside, axis=1)
    return pieces, good
