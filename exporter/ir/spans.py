"""Real intervals, element by element: where values lie for any inputs in their ranges."""

from __future__ import annotations

import numpy as np

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import (
    FRACS,
    INT16_MAX,
    INT16_MIN,
    Integers,
    Reals,
    quantise,
    widest_frac,
)

_MOST_FINER = 8

Span = tuple[Reals, Reals]
"""The least and the greatest value of each element: two arrays of the vector's length."""


def constant_span(size: int, lo: float, hi: float) -> Span:
    """The same interval for every element."""
    return np.full(size, lo), np.full(size, hi)


def window_span(window: Window, spans: dict[str, Span]) -> Span:
    """The interval of a window of a vector whose interval is known."""
    lo, hi = spans[window.vector]
    return lo[window.lo : window.hi], hi[window.lo : window.hi]


def affine_span(affine: Affine, spans: dict[str, Span]) -> Span:
    """The exact interval of each row of `bias + sum M v` over the box of the vectors v."""
    lo, hi = affine.bias, affine.bias
    for vector, (up, down) in affine.signs.items():
        least, most = spans[vector]
        lo = lo + up @ least + down @ most
        hi = hi + up @ most + down @ least
    return lo, hi


def hull(a: Span, b: Span) -> Span:
    """The smallest interval that holds both."""
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def with_zero(span: Span) -> Span:
    """The smallest interval that holds the given one and zero, where every state begins."""
    return np.minimum(span[0], 0.0), np.maximum(span[1], 0.0)


def times(a: Span, b: Span) -> Span:
    """The interval of the product of two independent values."""
    corners = [x * y for x in a for y in b]
    return np.minimum.reduce(corners), np.maximum.reduce(corners)


def reach(span: Span) -> Reals:
    """The greatest magnitude of each element."""
    magnitude: Reals = np.maximum(np.abs(span[0]), np.abs(span[1]))
    return magnitude


def span_frac(span: Span) -> int:
    """The fractional bits of the finest int16 format for all elements of a span.

    Values in the outermost 2^-13 of the span may saturate, as 1 does in Q0.15: otherwise a
    span that ends a little beyond a power of two would cost a bit.
    """
    inside = 1 - 2.0**-13
    return widest_frac(float(span[0].min()) * inside, float(span[1].max()) * inside)


def element_fracs(span: Span) -> Integers:
    """The fractional bits of the finest int16 format for each element of a span, as `span_frac`.

    Elements that are much smaller than the largest gain nothing from a format of their own:
    none is more than 8 bits finer than the coarsest.
    """
    inside = 1 - 2.0**-13
    _, exponent = np.frexp(reach(span) * inside)
    frac = np.clip(15 - exponent, *FRACS)
    return np.asarray(np.minimum(frac, frac.min() + _MOST_FINER), np.int64)


def argument_of(name: str) -> str:
    """The name under which `spans` has an activation's argument, where more is known of it than
    the intervals of what it reads give."""
    return f"{name}.argument"


def parts_of(name: str) -> tuple[str, str]:
    """The same for the drive and the rate of which a time gate's argument consists."""
    return f"{name}.drive", f"{name}.rate"


def integer_ends(frac: int, lo: float, hi: float, zero: bool = True) -> tuple[int, int]:
    """A real interval as int16 with `frac` fractional bits, with zero included where asked."""
    ends = quantise([min(lo, 0.0), max(hi, 0.0)] if zero else [lo, hi], frac)
    least, most = (int(v) for v in np.clip(ends, INT16_MIN, INT16_MAX))
    return least, most
