"""max(0, min(1, z)): the hard sigmoid, whose slope and offset are part of its argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops.relu import Relu

_RESULT_FRAC = 15


@dataclass(frozen=True, eq=False)
class HardSigmoidActivation(Activation):
    """z, but no less than 0 and no more than 1; in Q0.15, where a map saturates at 1."""

    in_unit_interval: ClassVar[bool] = True
    effort: ClassVar[int] = 18
    reason: ClassVar[str] = "hard sigmoid"

    @property
    def formula(self) -> str:
        return "hard_sigmoid(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        return np.clip(z, 0.0, 1.0)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        return np.clip(lo, 0.0, 1.0), np.clip(hi, 0.0, 1.0)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        frac = np.full(self.size, _RESULT_FRAC)
        z = to.linear(f"{called.name}_sum", called.layer, self.drive, frac)
        to.step(called.name, called.layer, Relu(), ((z,),), frac)


ACTIVATION = HardSigmoidActivation
