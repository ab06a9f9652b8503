"""c' = f c + i g: the cell state of an LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class LstmCell:
    """c' = sat16(rshr(f * c + rshr(i * g, align), 15)).

    f, i   [..., n] forget and input gate, Q0.15
    g      [..., n] candidate, Q0.15
    c, c'  [..., n] cell state, with 15 - align fractional bits
    align  brings i * g, which has 30 fractional bits, to the scale of f * c: 4 for c in Q4.11

    Nothing but the learned gates bounds the cell state of an LSTM, so c' saturates.
    """

    align: int

    kernel: ClassVar[str] = "lstm_cell"
    in_place: ClassVar[bool] = True

    def integer(self, f: Value, c: Value, i: Value, g: Value) -> Value:
        return saturate(rshr(f * c + rshr(i * g, self.align), 15))

    def real(self, f: Value, c: Value, i: Value, g: Value) -> Value:
        return (f * c + i * g * 2.0**-self.align) * 2.0**-15

    def range(self, f: Interval, c: Interval, i: Interval, g: Interval) -> Interval:
        result: Interval = self.integer(f, c, i, g)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align]


OP = LstmCell
