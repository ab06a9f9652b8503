"""One of two vectors, element by element, by what a comparison gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.threshold import ThresholdActivation
from elegans.exporter.atoms.shared.weighted_mean import form_of
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs, hull, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.choose import Choose


@dataclass(frozen=True)
class ChooseGate(Gate):
    """a where c is 1, b where c is 0."""

    a: Window
    b: Window
    c: Window

    general: ClassVar[str | None] = "choice"
    open_ended: ClassVar[bool] = True
    reason: ClassVar[str] = "one of two vectors that the step bounds"

    def real(self, *parts: Reals) -> Reals:
        a, b, c = parts
        return np.where(c > 0.5, a, b)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """The hull of both, each where it is chosen: `2 - z` where z > 1 is below 1."""
        return hull(
            self._chosen(self.a, 1.0, atoms, spans), self._chosen(self.b, -1.0, atoms, spans)
        )

    def _chosen(
        self, part: Window, sign: float, atoms: dict[str, Atom], spans: dict[str, Span]
    ) -> Span:
        """The span of a part where the comparison is true, or with a sign of -1 where it is false.

        It is narrower than the part's own if the comparison is of the same vector v as the part:
        then `g v + d >= 0` holds, and v ends at -d / g on one side.
        """
        whole, test = window_span(part, spans), atoms.get(self.c.vector)
        if not isinstance(test, ThresholdActivation) or test.kind == "equal":
            return whole
        form = form_of(part, atoms, spans)
        compared = test.drive.pick(np.arange(self.c.lo, self.c.hi))
        ours, theirs = form.factor(), compared.factor()
        if ours is None or theirs is None or ours[0] != theirs[0] or not np.all(theirs[1]):
            return whole
        lo, hi = window_span(ours[0], spans)
        end = np.clip(-compared.bias / theirs[1], lo, hi)
        above = sign * theirs[1] > 0
        ends = (
            ours[1] * v + form.bias for v in (np.where(above, end, lo), np.where(above, hi, end))
        )
        a, b = ends
        return np.minimum(a, b), np.maximum(a, b)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        fracs = element_fracs(own)
        return {self.c: np.zeros(self.size, np.int64), self.a: fracs, self.b: fracs}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        fracs = element_fracs(to.spans[name])
        a, b = (
            to.rescaled(f"{called.name}_{role}", called.layer, to.renamed(window), fracs)
            for role, window in (("a", self.a), ("b", self.b))
        )
        whole = np.zeros(self.size, np.int64)
        c = to.rescaled(f"{called.name}_c", called.layer, to.renamed(self.c), whole)
        to.step(called.name, called.layer, Choose(), ((a,), (b,), (c,)), fracs)


GATE = ChooseGate
