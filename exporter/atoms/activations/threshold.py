"""1 where a form is above zero, or is zero, and 0 elsewhere: what comparisons are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import INT16_MAX, Reals
from elegans.exporter.ops.within import Within

_ENDS = {"above": (1, INT16_MAX), "from": (0, INT16_MAX), "equal": (0, 0)}
_FINER = 16  # fractional bits that a difference gets beyond its range: only its sign counts
_FINEST = 100


@dataclass(frozen=True, eq=False)
class ThresholdActivation(Activation):
    """z > 0 (`above`), z >= 0 (`from`) or z = 0 (`equal`) as 1 and 0.

    The integer of z has the sign of its sum, which is not rounded where z is a vector, or one with
    a constant: so it is compared exactly.
    """

    kind: str = "above"

    general: ClassVar[str | None] = "comparison"
    jumps: ClassVar[bool] = True
    reason: ClassVar[str] = "0 or 1"

    def function(self, z: Reals) -> Reals:
        test = {"above": np.greater, "from": np.greater_equal, "equal": np.equal}[self.kind]
        return np.asarray(test(z, 0.0), np.float64)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        if self.kind != "equal":
            return self.function(lo), self.function(hi)
        return self.function(np.maximum(abs(lo), abs(hi))), ((lo <= 0) & (hi >= 0)).astype(float)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        window = to.direct(self.drive)
        z = self._difference(to, called) if window is None else to.renamed(window)
        op, fracs = Within(*_ENDS[self.kind]), np.zeros(self.size, np.int64)
        to.step(called.name, called.layer, op, ((z,),), fracs)

    def _difference(self, to: Builder, called: VectorName) -> Window:
        """The form in the finest format that its sum allows; it saturates, which keeps its sign."""
        name, coarsest = f"{called.name}_sum", to.even(self.drive)
        for finer in range(_FINER, 0, -1):
            try:
                mapped = to.mapped(name, self.drive, np.minimum(coarsest + finer, _FINEST))
            except ElegansError:
                continue
            return to.add(name, called.layer, mapped)
        return to.linear(name, called.layer, self.drive, coarsest)

    def state_frac(self, spans: dict[str, Span], own: Span) -> int:
        return 0

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return 0, 1


ACTIVATION = ThresholdActivation
