"""|x|: the state's own share of the rate at which CfC's pure mode decays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared import in_32_bits
from elegans.exporter.atoms.shared.rectified import RectifiedActivation
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs, reach
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.absolute import Absolute
from elegans.exporter.ops.wide_extremum import WideExtremum


@dataclass(frozen=True, eq=False)
class AbsoluteActivation(RectifiedActivation):
    """|x|."""

    effort: ClassVar[int] = 6
    reason: ClassVar[str] = "abs"

    @property
    def formula(self) -> str:
        return "abs(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        return np.abs(z)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        return np.maximum(np.maximum(lo, -hi), 0.0), reach((lo, hi))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        if name not in to.results:
            super().lower(to, name, called)
            return
        frac = element_fracs(self.argument_span(to.spans, name))
        ends = (self.drive, "z"), (self.drive.scaled(np.array([-1.0])), "minus")
        both = [to.sums(f"{called.name}_{role}", called.layer, z, frac) for z, role in ends]
        if None in both or len({tuple(to.fracs(w)) for w in both if w is not None}) > 1:
            super().lower(to, name, called)
            return
        made = [w for w in both if w is not None]
        fracs = to.fracs(made[0])
        op = WideExtremum(1, *in_32_bits.whole_ends(fracs, to.spans[name]))
        inputs = tuple((Window(w.vector, 0, 2 * w.size),) for w in made)
        to.step(called.name, called.layer, op, inputs, in_32_bits.both(fracs))
        to.in_halves.add(called.name)

    @staticmethod
    def op() -> Op:
        return Absolute()


ACTIVATION = AbsoluteActivation
