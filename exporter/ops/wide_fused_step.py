"""`fused_step` with a current of 32 bits: that of a neuron with hundreds of synapses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Value
from elegans.exporter.ops.fused_step import FusedStep


@dataclass(frozen=True, eq=False)
class WideFusedStep(FusedStep):
    """As `FusedStep`, with I in [..., 2 n] halves of 32-bit integers, whose upper halves are at the
    scale of G.

    I 2^frac is then (32-bit I) >> (16 - frac), no wider than with 16 bits. All that `FusedStep`
    shows follows from I being held between lo G and hi G, whatever it was.
    """

    kernel: ClassVar[str] = "wide_fused_step"

    def drive(self, current: Value) -> Value:
        n = len(self.lo)
        upper, lower = current[..., 0:n], current[..., n : 2 * n]
        return upper * (1 << self.frac) + (lower >> (16 - self.frac))

    def real(self, v: Value, current: Value, conductance: Value, r: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        whole = current[..., 0:n] + current[..., n : 2 * n] * 2.0**-16
        return FusedStep.real(self, v, whole, conductance, r)


OP = WideFusedStep
