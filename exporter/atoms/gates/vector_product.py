"""u v of any two vectors: element by element, in the finest format that holds their product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared import in_32_bits
from elegans.exporter.atoms.shared.weighted_mean import factor_span
from elegans.exporter.ir.affine import Affine, proportion
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs, times, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.product import Product

_MOST_SHIFT = 30


@dataclass(frozen=True)
class VectorProductGate(Gate):
    """u v; u u is a square, which is never negative."""

    u: Window
    v: Window

    general: ClassVar[str | None] = "product"
    open_ended: ClassVar[bool] = True
    effort: ClassVar[int] = 8
    reason: ClassVar[str] = "a product of intervals that the step leads back into"

    @property
    def formula(self) -> str:
        return "(u * v)"

    def real(self, *parts: Reals) -> Reals:
        u, v = parts
        return u * v

    @classmethod
    def of(cls, atoms: AtomTable, a: Affine, b: Affine) -> Affine:
        """`a * b` as a vector; constants that scale either scale the product instead."""
        ratio = proportion(a, b)
        if a.terms and a.close_to(b.scaled(ratio)):
            a, squared = b, ratio
        else:
            squared = np.ones(a.size)
        (u, c), (v, d) = _scaled(atoms, a), _scaled(atoms, b)
        u, v = sorted((u, v), key=lambda w: (w.vector, w.lo))
        return atoms.of(atoms.add(cls(u, v))).scaled(c * d * squared)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = times(*(factor_span(w, atoms, spans) for w in self.parts))
        if self.u != self.v:
            return lo, hi
        least, most = window_span(self.u, spans)
        crosses = (least < 0.0) & (most > 0.0)
        return np.where(crosses, 0.0, np.minimum(least**2, most**2)), hi

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        return {w: element_fracs(window_span(w, spans)) for w in self.parts}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """The product of two int16 fits int32 as it is; one shift brings it to its format."""
        if name in to.results:
            in_32_bits.product(to, name, called, self.u, self.v)
            return
        u, v = (to.renamed(w) for w in self.parts)
        exact = to.fracs(u) + to.fracs(v)
        shift = int(np.clip(np.max(exact - element_fracs(to.spans[name])), 0, _MOST_SHIFT))
        to.step(called.name, called.layer, Product(shift), ((u,), (v,)), exact - shift)


def _scaled(atoms: AtomTable, form: Affine) -> tuple[Window, Reals]:
    """A form as a vector times constants, which are one where it is no multiple of a vector."""
    found = form.factor()
    if found is None or np.any(form.bias) or found[0].size != form.size or not np.all(found[1]):
        return atoms.map(form), np.ones(form.size)
    return found


GATE = VectorProductGate
