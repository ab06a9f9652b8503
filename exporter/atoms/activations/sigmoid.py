"""sigmoid: the gates of CfC, GRU and LSTM, and the synapses of LTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared.tabled import TabledActivation
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.gate_share import FRAC as SHARE_FRAC
from elegans.exporter.ops.gate_share import GAIN as SHARE_GAIN
from elegans.exporter.ops.gate_share import GateShare
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import GAIN


@dataclass(frozen=True, eq=False)
class SigmoidActivation(TabledActivation):
    """sigmoid, in [0, 1]; its argument is in Q4.11, 8/5 of the real one."""

    in_unit_interval: ClassVar[bool] = True
    operator: ClassVar[str | None] = "Sigmoid"
    effort: ClassVar[int] = 24
    reason: ClassVar[str] = "sigmoid"
    argument_frac: ClassVar[int] = 11
    gain: ClassVar[float] = GAIN
    limits: ClassVar[tuple[float, float]] = (0.0, 1.0)

    @property
    def formula(self) -> str:
        return "sigmoid(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        result: Reals = np.tanh(0.5 * z)  # as exp(-z) it would overflow
        result += 1.0
        result *= 0.5
        return result

    def lower_share(self, to: Builder, called: VectorName, sign: float) -> Window:
        """1 - sigmoid(drive), or sigmoid(drive) for a sign of -1, as mantissa and exponent."""
        drive = self.drive.scaled(np.array([sign * SHARE_GAIN]))
        frac = np.full(self.size, SHARE_FRAC)
        z = to.linear(f"{called.name}_share_sum", called.layer, drive, frac, tabled=True)
        fracs = np.zeros(2 * self.size, np.int64)
        name, op = f"{called.name}_share", GateShare(self.size)
        return to.step(name, called.layer, op, ((z,),), fracs)

    @staticmethod
    def op() -> Op:
        return Sigmoid()


ACTIVATION = SigmoidActivation
