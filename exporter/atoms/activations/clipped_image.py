"""An image held between two ends, as relu6: one pass, and an image again for what reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, element_fracs
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Reals, quantise
from elegans.exporter.ops.clamp import Clamp


@dataclass(frozen=True, eq=False)
class ClippedImageActivation(Activation):
    """min(max(z, lo), hi) of a scale and an offset of each channel of an image.

    Elsewhere it is a sum of two rectifiers, which gates and states are recognised by.
    """

    ends: tuple[float, float] = (-np.inf, np.inf)

    effort: ClassVar[int] = 12
    reason: ClassVar[str] = "clipped"

    def function(self, z: Reals) -> Reals:
        return np.clip(z, *self.ends)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        return self.function(lo), self.function(hi)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """An argument beyond the format of the result saturates, which clips it, too."""
        frac = element_fracs(to.spans[name])
        z = to.linear(f"{called.name}_sum", called.layer, self.drive, frac, held=True)
        fracs = to.fracs(z)
        lo, hi = (
            np.clip(quantise(np.clip(np.full(self.size, end), -1e9, 1e9), fracs), *_ENDS)
            for end in self.ends
        )
        to.step(called.name, called.layer, Clamp(lo, hi), ((z,),), fracs)


_ENDS = INT16_MIN, INT16_MAX
ACTIVATION = ClippedImageActivation
