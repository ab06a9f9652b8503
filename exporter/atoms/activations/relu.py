"""relu(z) = max(z, 0): the backbones of CfC, and heads in front of a cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.rectified import RectifiedActivation
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.convolution import Convolve
from elegans.exporter.ops.depthwise import Depthwise
from elegans.exporter.ops.relu import Relu


@dataclass(frozen=True, eq=False)
class ReluActivation(RectifiedActivation):
    """max(z, 0)."""

    operator: ClassVar[str | None] = "Relu"
    effort: ClassVar[int] = 7
    reason: ClassVar[str] = "relu"

    @property
    def formula(self) -> str:
        return "relu(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        return np.maximum(z, 0.0)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        return np.maximum(lo, 0.0), np.maximum(hi, 0.0)

    @staticmethod
    def op() -> Op:
        return Relu()

    def within(self, op: Op) -> Op | None:
        return replace(op, least=0) if isinstance(op, Convolve | Depthwise) else None


ACTIVATION = ReluActivation
