"""What LTC's two quotients share: a potential that is a weighted mean, and its exact range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.tanh import TanhActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, integer_ends, reach, span_frac, window_span
from elegans.exporter.numbers.fixed import Integers, Reals, widest_frac

_FINEST = 15  # fractional bits: the op multiplies an int16 by 2^frac in int32
_FAR_BELOW = -1e30  # where the iteration begins: a value that no point of the box has
_ROUNDS = 100  # of Dinkelbach's iteration, which converges faster than linearly: a few are enough


@dataclass(frozen=True)
class WeightedMeanGate(Gate):
    """A potential that stays in the hull of its old value and its reversal potentials."""

    reason: ClassVar[str] = "hull of zero, leak and reversal potentials"

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        return min(span_frac(own), _FINEST)

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return integer_ends(frac, lo, hi)

    def potential_frac(self, to: Builder, name: str, called: VectorName) -> int:
        """The fractional bits of the potential. Raises ElegansError beyond 32768."""
        frac = self.result_frac(to.spans, to.spans[name])
        if frac < 0:
            raise ElegansError(
                called.name,
                "its reversal potentials or inputs reach beyond 32768",
                "scale them down: a neuron's potential is around 1",
            )
        return frac

    def hull_in_integers(self, to: Builder, name: str, frac: int) -> tuple[Integers, Integers]:
        """The least and the greatest potential of each neuron [size], in integers."""
        lo, hi = to.spans[name]
        ends = [integer_ends(frac, float(a), float(b)) for a, b in zip(lo, hi, strict=True)]
        return np.array([least for least, _ in ends]), np.array([most for _, most in ends])

    def at_one_scale(self, to: Builder, called: VectorName, *roles: str) -> list[Window]:
        """Parts that an op takes in one format for each neuron. Maps are in it already; what is no
        map, as a head over `2 + h`, is brought to the coarser one."""
        parts = [to.renamed(getattr(self, role)) for role in roles]
        fracs = np.minimum.reduce([to.fracs(part) for part in parts])
        names = [f"{called.name}_{role}" for role in roles]
        return [
            to.rescaled(name, called.layer, part, fracs)
            for name, part in zip(names, parts, strict=True)
        ]


def may_be_negative(atoms: AtomTable, conductance: Affine) -> bool:
    """Whether something that a form adds has both signs by its nature, as no conductance does."""
    return any(
        vector in ("x", "h") or isinstance(atoms.found.get(vector), TanhActivation)
        for vector in conductance.terms
    )


def common_fracs(parts: tuple[Window, ...], spans: dict[str, Span]) -> Integers:
    """For each row the finest format that holds all parts."""
    tops = zip(*(reach(window_span(w, spans)) for w in parts), strict=True)
    return np.array([min(widest_frac(-float(t), float(t)) for t in row) for row in tops])


def form_of(window: Window, atoms: dict[str, Atom], spans: dict[str, Span]) -> Affine:
    """The affine form that a window is, so that two of them can be bounded together."""
    atom = atoms.get(window.vector)
    if isinstance(atom, LinearMapActivation):
        if window == Window(window.vector, 0, atom.size):
            return atom.drive
        return atom.drive.pick(np.arange(window.lo, window.hi))
    return Affine.of(window, len(spans[window.vector][0]))


def with_images(form: Affine, atoms: dict[str, Atom], spans: dict[str, Span]) -> dict[str, Span]:
    """The spans with those of the gates that a form reads narrowed to what their arguments reach:
    what divides by `1 + exp(z)` or by a sum of gates needs a least value above zero."""
    read = {v: atom for v in form.terms if isinstance(atom := atoms.get(v), Activation)}
    return spans | {name: atom.image(spans, name) for name, atom in read.items()}


def factor_span(window: Window, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
    """The interval of a factor; of a gate that of what its argument can reach."""
    atom = atoms.get(window.vector)
    if not isinstance(atom, Activation):
        return window_span(window, spans)
    lo, hi = atom.image(spans, window.vector)
    return lo[window.lo : window.hi], hi[window.lo : window.hi]


def ratio_span(over: Affine, under: Affine, spans: dict[str, Span]) -> Span:
    """The exact range of over / under, row by row (Dinkelbach, 1967).

    max N/D over a box is the l at which max (N - l D) is zero; with n and d the rows of
    coefficients, each variable is at the end of its interval that the sign of n - l d selects.
    Raises ElegansError where the denominator can be zero or negative.
    """
    vectors = sorted({*over.terms, *under.terms})
    lo, hi = (np.concatenate([np.zeros(0), *(spans[v][i] for v in vectors)]) for i in (0, 1))
    rows, columns, n, d = _entries(over, under, vectors, spans)
    lo, hi = lo[columns], hi[columns]

    def total(values: Reals) -> Reals:
        return np.bincount(rows, values, over.size).astype(np.float64)

    least = under.bias + total(d * np.where(d > 0, lo, hi))
    if not np.all(least > 0):
        row = int(least.argmin())
        raise ElegansError(
            f"neuron {row}",
            f"its conductance can reach {least[row]:.3g}, and the state would divide by it",
            "keep synapse weights and leaks from going negative (apply_weight_constraints in ncps)",
        )
    ends = []
    for sign in (-1.0, 1.0):
        value = np.full(over.size, _FAR_BELOW)
        for _ in range(_ROUNDS):
            slope = sign * n - np.where(np.isinf(value), 0.0, value)[rows] * d
            chosen = np.where(slope > 0, hi, lo)
            top = sign * (over.bias + total(n * chosen))
            better = top / (under.bias + total(d * chosen))
            if np.all(better <= value):
                break
            value = np.maximum(value, better)
        ends.append(sign * value)
    return ends[0], ends[1]


def _entries(
    over: Affine, under: Affine, vectors: list[str], spans: dict[str, Span]
) -> tuple[Integers, Integers, Reals, Reals]:
    """(rows, columns, n, d): the coefficients of both forms wherever one of them has any.

    Columns count through all the vectors, end to end.
    """
    ends = np.cumsum([0, *(len(spans[v][0]) for v in vectors)])
    width = int(ends[-1])
    places, values = [], []
    for form in (over, under):
        parts = [
            (form.terms[v].tocoo(), start)
            for v, start in zip(vectors, ends, strict=False)
            if v in form.terms
        ]
        at = [p.row.astype(np.int64) * width + p.col + start for p, start in parts]
        places.append(np.concatenate([np.zeros(0, np.int64), *at]))
        values.append(np.concatenate([np.zeros(0), *(p.data for p, _ in parts)]))
    both = np.unique(np.concatenate(places))
    n, d = (
        np.bincount(np.searchsorted(both, at), part, len(both)).astype(np.float64)
        for at, part in zip(places, values, strict=True)
    )
    return both // max(width, 1), both % max(width, 1), n, d
