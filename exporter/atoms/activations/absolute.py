"""|x|: the state's own share of the rate at which CfC's pure mode decays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.rectified import RectifiedActivation
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.spans import Span, reach
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.absolute import Absolute


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

    @staticmethod
    def op() -> Op:
        return Absolute()


ACTIVATION = AbsoluteActivation
