"""c' = f c + i g: the cell state of an LSTM in 32 bits.

Hochreiter and Schmidhuber, 1997; Gers et al., 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT32_MAX, Interval, RangeError, Value, halves, rshr
from elegans.exporter.ops import WIDE, Table


@dataclass(frozen=True)
class LstmCell:
    """c' = 2 f u + rshr(f l, 15) + rshr(i g, align), its upper half saturated; c is 2^16 u + l.

    c      [..., 2 size] halves of 32-bit cells
    f, i   [..., size] forget and input gate, Q0.15, 0..32767
    g      [..., size] candidate, Q0.15
    align  0..14: brings i g, which has 30 fractional bits, to the 30 - align of c
    most   the greatest magnitude of the upper half of c, at most 2^15 - 1

    All 32 bits of the cell are multiplied by the forget gate.
    """

    size: int
    align: int
    most: int

    kernel: ClassVar[str] = "lstm_cell"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def integer(self, c: Value, f: Value, i: Value, g: Value) -> tuple[Value, Value]:
        n = self.size
        upper, lower = c[..., 0:n], c[..., n : 2 * n]
        upper, lower = halves(f * upper * 2 + rshr(f * lower, 15) + rshr(i * g, self.align))
        return upper.clip(-self.most, self.most), lower

    def real(self, c: Value, f: Value, i: Value, g: Value) -> tuple[Value, Value]:
        n = self.size
        c = c[..., 0:n] + c[..., n : 2 * n] * 2.0**-16
        return f * c * 2.0**-15 + i * g * 2.0 ** (-16 - self.align), 0.0 * c

    def range(
        self, c: Interval, f: Interval, i: Interval, g: Interval
    ) -> tuple[Interval, Interval]:
        if f.lo.min() < 0 or f.hi.max() >= 1 << 15:
            raise RangeError("the forget gate leaves [0, 1]")
        n = self.size
        more = int(rshr(i * g, self.align).reach().max())
        if (self.most << 16) + (1 << 16) + more > INT32_MAX:
            raise RangeError(f"the cell reaches {(self.most << 16) + more}")
        zero = c[..., 0:n].lo * 0
        return (
            Interval.of(zero - self.most, zero + self.most),
            Interval.of(zero - (1 << 15), zero + (1 << 15) - 1),
        )

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align, self.most]


OP = LstmCell
