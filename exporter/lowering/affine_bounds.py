"""Tighter bounds of deep backbones: affine arithmetic, which remembers what values share.

The interval of `W2 relu(W1 v)` forgets that all of relu's elements come from one v, so each layer
of a backbone makes the bounds wider than the values. Here a vector is `centre + spread @ e` with
symbols e in [-1, 1]^k that all vectors share (a zonotope; Comba and Stolfi, 1993): affine forms
keep it exact, and a function f of one argument in [lo, hi] becomes its chord plus one symbol for
all that f leaves the chord by (as in Singh et al., 2018). The result is intersected with the
interval, so it is never wider.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation
from elegans.exporter.atoms.shared.rectified import RectifiedActivation
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import (
    Span,
    affine_span,
    argument_of,
    parts_of,
    window_span,
    with_zero,
)
from elegans.exporter.numbers.fixed import Reals

_ROUNDS = 4  # of the step, while the states' interval shrinks
_SHRUNK = 0.9  # the part of an interval below which another round is worth it
_MOST_NUMBERS = 1 << 22  # elements times symbols: a second, and 32 MiB
# Between neighbouring points of the grid and these kinks every function that is not a decay has
# a second derivative below _CURVATURE, so it leaves its values there by no more than
# _CURVATURE step^2 / 8.
_POINTS, _KINKS, _CURVATURE = 129, (-3.0, 0.0, 1.0, 3.0), 1.25
_SLACK = 1e-9  # relative, outwards, for the rounding of float64


@dataclass(frozen=True, eq=False)
class Zonotope:
    """A vector `centre + spread @ e`, with every symbol of e [k] in [-1, 1].

    centre  [n]
    spread  [n, k]; a vector that was made later may have more symbols
    """

    centre: Reals
    spread: Reals

    def span(self) -> Span:
        """The least interval that holds it."""
        radius = np.abs(self.spread).sum(axis=1)
        radius = radius + _SLACK * (radius + np.abs(self.centre))
        return self.centre - radius, self.centre + radius


def tightened(network: Network, given: dict[str, Span], spans: dict[str, Span]) -> dict[str, Span]:
    """The spans of a network with those of its backbones shrunk, and of what follows from them.

    given  those of x and dt
    spans  of every vector, with states that start at zero and never leave `spans["h"]`

    The arguments of activations have spans too, under `argument_of` and `parts_of`. A state is at
    zero or is a result of the step, so its interval shrinks to the hull of zero and the result.
    """
    if not _worth_it(network):
        return spans
    h = spans["h"]
    for _ in range(_ROUNDS):
        spans = _forward(network, given | {"h": h}, spans)
        parts = [window_span(w, spans) for w in network.h_next]
        lo, hi = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
        after = _both(h, with_zero((lo, hi)))
        shrunk = np.any(after[1] - after[0] < _SHRUNK * (h[1] - h[0]))
        h = after
        if not shrunk:
            break
    return spans


def _worth_it(network: Network) -> bool:
    """Whether an activation without limits reads another one, in a network that is not too wide."""
    deep = False
    symbols = sum(atom.size for atom in network.atoms.values())
    symbols += sum(w.size for w in network.h_next) + len(network.interface.inputs)
    for atom in network.atoms.values():
        read = [network.atoms.get(vector) for vector in atom.vectors()]
        deep |= isinstance(atom, RectifiedActivation | SoftReluActivation) and any(
            isinstance(source, RectifiedActivation | SoftReluActivation) for source in read
        )
    return deep and symbols**2 <= _MOST_NUMBERS


def _forward(network: Network, given: dict[str, Span], before: dict[str, Span]) -> dict[str, Span]:
    """The spans of all vectors for the given ones, none wider than it was `before`."""
    spans, known = dict(given), _Zonotopes(given)
    for name, atom in network.atoms.items():
        if isinstance(atom, Activation) and atom.factor is None and _is_tame(atom):
            argument = known.affine(atom.drive)
            span = _both(argument.span(), atom.argument_span(spans))
            spans[argument_of(name)] = span
            found = known.function(atom, argument, span)
            spans[name] = _both(atom.span(name, network.atoms, spans), before[name])
            if isinstance(atom, LinearMapActivation | RectifiedActivation | SoftReluActivation):
                spans[name] = _both(spans[name], found.span())
            known.vectors[name] = found
        else:
            if isinstance(atom, Activation) and atom.rate is not None:
                forms = zip(parts_of(name), (atom.drive, atom.rate), strict=True)
                for part, form in forms:
                    spans[part] = _both(known.affine(form).span(), affine_span(form, spans))
            spans[name] = _both(atom.span(name, network.atoms, spans), before[name])
            known.box(name, spans[name])
    return spans


def _is_tame(atom: Activation) -> bool:
    """Whether the function has no exponential growth, so that `_CURVATURE` holds."""
    return not isinstance(atom, AnyFunctionActivation | DecayActivation) and atom.rate is None


def _both(a: Span, b: Span) -> Span:
    """The intersection of two intervals that hold the same values."""
    lo, hi = np.maximum(a[0], b[0]), np.minimum(a[1], b[1])
    return np.minimum(lo, hi), np.maximum(lo, hi)


class _Zonotopes:
    """The vectors so far as zonotopes, and the number of symbols."""

    def __init__(self, given: dict[str, Span]) -> None:
        self.vectors: dict[str, Zonotope] = {}
        self.count = 0
        for name, span in given.items():
            self.box(name, span)

    def box(self, name: str, span: Span) -> None:
        """A vector of which nothing but its interval is known: a symbol for each element."""
        lo, hi = span
        self.vectors[name] = self._with_own(np.zeros((len(lo), 0)), (lo + hi) / 2, (hi - lo) / 2)

    def affine(self, form: Affine) -> Zonotope:
        """An affine form, exactly."""
        centre, spread = form.bias, np.zeros((form.size, self.count))
        for vector, matrix in form.terms.items():
            source = self.vectors[vector]
            centre = centre + matrix @ source.centre
            spread[:, : source.spread.shape[1]] += matrix @ source.spread
        return Zonotope(centre, spread)

    def function(self, atom: Activation, z: Zonotope, span: Span) -> Zonotope:
        """The activation of z in [lo, hi]: its chord, and a symbol for what it leaves it by."""
        if isinstance(atom, LinearMapActivation):
            return z
        lo, hi = span
        width = hi - lo
        grid = lo + np.linspace(0.0, 1.0, _POINTS)[:, None] * width
        kinks = np.clip(np.array(_KINKS)[:, None], lo, hi)
        points = np.concatenate([grid, kinks])
        values = atom.function(points)
        rise = values[_POINTS - 1] - values[0]
        chord = np.divide(rise, width, out=np.zeros_like(width), where=width > 0)
        left = values - chord * points
        slack = _CURVATURE / 8 * (width / (_POINTS - 1)) ** 2
        low, high = left.min(axis=0) - slack, left.max(axis=0) + slack
        centre = chord * z.centre + (low + high) / 2
        return self._with_own(z.spread * chord[:, None], centre, (high - low) / 2)

    def _with_own(self, spread: Reals, centre: Reals, radius: Reals) -> Zonotope:
        """A zonotope with one more symbol for each element."""
        size, had = spread.shape
        whole = np.zeros((size, self.count + size))
        whole[:, :had] = spread
        whole[:, self.count :] = np.diag(radius)
        self.count += size
        return Zonotope(centre, whole)
