"""General arithmetic with results of 32 bits, where proofs are far wider than what occurs."""

from __future__ import annotations

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Argument, Window
from elegans.exporter.ir.spans import Span, element_fracs, integer_ends
from elegans.exporter.numbers.fixed import INT16_MAX, Integers
from elegans.exporter.ops.narrow import Narrow
from elegans.exporter.ops.wide_product import WideProduct
from elegans.exporter.ops.wide_quotient import WideQuotient

_MOST_SHIFT = 30
_HALF = 1 << 14  # the greatest upper half of a quotient
_LOWER = 16


def both(upper: Integers) -> Integers:
    """The fractional bits of halves, from those of the upper ones."""
    return np.concatenate([upper, upper + _LOWER])


def product(to: Builder, name: str, called: VectorName, u: Window, v: Window) -> None:
    """u v; if a bit is needed, its format is coarser by it than that of its range."""
    arguments = tuple(
        to.whole(f"{called.name}_{role}", called.layer, window)
        for role, window in zip("uv", (u, v), strict=True)
    )
    exact = to.fracs(to.renamed(u)) + to.fracs(to.renamed(v))
    least = int(np.clip(np.max(exact - element_fracs(to.spans[name])), 0, _MOST_SHIFT))
    for shift in range(least, _MOST_SHIFT + 1):
        op = WideProduct(u.size, shift)
        try:
            to.step(called.name, called.layer, op, arguments, both(exact - shift))
            break
        except ElegansError:
            if shift == _MOST_SHIFT:
                raise
    to.in_halves.add(called.name)


def quotient(
    to: Builder, called: VectorName, parts: tuple[Window, Window], own: Span, frac: int | None
) -> None:
    """n / d, d with one sign; brought to 16 bits with `frac` fractional bits, if that is given."""
    n, d = parts
    below = to.spans[d.vector][1][d.lo : d.hi].max() < 0.0
    arguments: list[Argument] = []
    fracs = []
    for role, window in (("n", n), ("d", d)):
        whole, source = f"{called.name}_{role}", to.renamed(window)
        made = None
        if below:
            minus = Affine.of(window, len(to.spans[window.vector][0])).scaled(np.array([-1.0]))
            made = to.sums(whole, called.layer, minus, to.fracs(source))
        if below and made is None:
            raise ElegansError(called.name, "divides by what no format holds", "divide by -d")
        upper = source if made is None else made
        fracs.append(to.fracs(upper))
        arguments.append(
            to.whole(whole, called.layer, window)
            if made is None
            else (Window(made.vector, 0, 2 * window.size),)
        )
    y_frac = element_fracs(own) - 1
    ends = np.array(
        [integer_ends(int(f), float(lo), float(hi)) for f, lo, hi in zip(y_frac, *own, strict=True)]
    )
    lo, hi = np.clip(ends, -_HALF, _HALF).T
    op = WideQuotient(_LOWER + y_frac + fracs[1] - fracs[0], lo, hi)
    inputs = tuple(arguments)
    if frac is None:
        to.step(called.name, called.layer, op, inputs, both(y_frac))
        to.in_halves.add(called.name)
        return
    made = to.step(f"{called.name}_wide", called.layer, op, inputs, both(y_frac))
    finer = frac - int(y_frac[0])
    narrow = Narrow(n.size, 1 << 14, 14 - finer)
    to.step(called.name, called.layer, narrow, ((made,),), np.full(n.size, frac))


def at_one_scale(
    to: Builder, called: VectorName, role: str, window: Window, frac: Integers
) -> tuple[Argument, Integers]:
    """A vector as halves with `frac` fractional bits of the upper ones, and what these are: a bit
    less if they must be."""
    source = to.renamed(window)
    if np.array_equal(to.fracs(source), frac):
        return to.whole(f"{called.name}_{role}", called.layer, window), frac
    form = Affine.of(window, len(to.spans[window.vector][0]))
    made = to.sums(f"{called.name}_{role}", called.layer, form, frac)
    if made is None:
        raise ElegansError(called.name, "has no format of 32 bits", "declare narrower ranges")
    return (Window(made.vector, 0, 2 * window.size),), to.fracs(made)


def whole_ends(frac: Integers, span: Span) -> tuple[Integers, Integers]:
    """The ends of a span as upper halves, which are more than -2^15."""
    ends = [
        integer_ends(int(f), float(lo), float(hi)) for f, lo, hi in zip(frac, *span, strict=True)
    ]
    lo, hi = np.clip(ends, -INT16_MAX, INT16_MAX).T
    return lo, hi
