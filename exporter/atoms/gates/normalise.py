"""A vector at a mean of zero and a mean square of one: LayerNorm, RMSNorm, GroupNorm.

Ba et al., *Layer normalization*, 2016; Zhang and Sennrich, *Root mean square layer
normalization*, 2019; Wu and He, *Group normalization*, 2018.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, constant_span, span_frac, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.normalise import MOST, Normalise


@dataclass(frozen=True)
class NormaliseGate(Gate):
    """(x - mean) / sqrt(mean square + epsilon), or without the mean."""

    x: Window
    centre: bool = True
    epsilon: float = 1e-5

    general: ClassVar[str | None] = "reduction"
    reason: ClassVar[str] = "no element is further than sqrt(n) root mean squares from the mean"

    def real(self, *parts: Reals) -> Reals:
        (x,) = parts
        d = x - x.mean(axis=-1, keepdims=True) if self.centre else x
        square = np.mean(d * d, axis=-1, keepdims=True) + self.epsilon
        return np.asarray(d / np.sqrt(np.maximum(square, 1e-300)))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        most = math.sqrt(self.size)
        return constant_span(self.size, -most, most)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        return {self.x: np.full(self.size, span_frac(window_span(self.x, spans)))}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        if self.size > MOST:
            remedy = "normalise fewer elements together"
            raise ElegansError(called.name, f"normalises {self.size}, {MOST} is the most", remedy)
        (fracs,) = self.part_fracs(to.spans, to.spans[name]).values()
        y_frac = span_frac(to.spans[name])
        x = to.rescaled(f"{called.name}_x", called.layer, to.renamed(self.x), fracs)
        op = Normalise(self.size, int(self.centre), int(fracs[0]), y_frac, self.epsilon)
        if op.most_zeros < 1:
            fact = f"adds {self.epsilon:g} to squares of numbers that are much smaller"
            raise ElegansError(called.name, fact, "scale its input up, or take a smaller epsilon")
        to.step(called.name, called.layer, op, ((x,),), np.full(self.size, y_frac))


GATE = NormaliseGate
