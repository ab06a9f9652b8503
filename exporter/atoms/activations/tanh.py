"""tanh: a CfC's two heads, a GRU's candidate, an LSTM's candidate and output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.tabled import TabledActivation
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.tanh import GAIN, Tanh


@dataclass(frozen=True, eq=False)
class TanhActivation(TabledActivation):
    """tanh, in [-1, 1]; its argument is in Q3.12, 8/5 of the real one."""

    operator: ClassVar[str | None] = "Tanh"
    effort: ClassVar[int] = 6
    reason: ClassVar[str] = "tanh"
    argument_frac: ClassVar[int] = 12
    gain: ClassVar[float] = GAIN
    limits: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    @property
    def formula(self) -> str:
        return "tanh(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        result: Reals = np.tanh(z)
        return result

    @staticmethod
    def op() -> Op:
        return Tanh()


ACTIVATION = TanhActivation
