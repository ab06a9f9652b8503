"""c' = f c + i g: the cell state of an LSTM in 32 bits.

Hochreiter and Schmidhuber, 1997; Gers et al., 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import (
    INT32_MAX,
    Interval,
    RangeError,
    Value,
    halves,
    rshr,
    rshr_by,
    whole,
)
from elegans.exporter.ops import PLAIN, RELATIVE, WIDE, Table
from elegans.exporter.ops.time_share import MOST_EXPONENT


@dataclass(frozen=True)
class LstmCell:
    """c' = c - rshr(2 m u + (m l >> 15), e) + rshr(i g, align), its upper half saturated.

    c      [..., 2 size] halves u, l of 32-bit cells
    s      [..., 2 size] what is forgotten, 1 - f: m 2^-(15 + e), m in 0..32767 and e in 0..17
    i      [..., size] input gate, Q0.15, 0..32767
    g      [..., size] candidate, Q0.15
    align  0..14: brings i g, which has 30 fractional bits, to the 30 - align of c
    most   the greatest magnitude of the upper half of c, at most 2^15 - 1

    A forget gate that is almost open takes its share of all 32 bits, so the cell keeps what it
    has for as long as the trained one does.
    """

    size: int
    align: int
    most: int

    kernel: ClassVar[str] = "lstm_cell"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True
    elementwise: ClassVar[tuple[str, ...]] = (WIDE, RELATIVE, PLAIN, PLAIN)

    def integer(self, c: Value, s: Value, i: Value, g: Value) -> tuple[Value, Value]:
        n = self.size
        upper, lower = c[..., 0:n], c[..., n : 2 * n]
        m, e = s[..., 0:n], s[..., n : 2 * n]
        forgotten = rshr_by(m * upper * 2 + ((m * lower) >> 15), e)
        upper, lower = halves(whole(upper, lower) - forgotten + rshr(i * g, self.align))
        return upper.clip(-self.most, self.most), lower

    def real(self, c: Value, s: Value, i: Value, g: Value) -> tuple[Value, Value]:
        n = self.size
        c = c[..., 0:n] + c[..., n : 2 * n] * 2.0**-16
        share = s[..., 0:n] * 2.0 ** (-15.0 - s[..., n : 2 * n])
        return c - share * c + i * g * 2.0 ** (-16 - self.align), 0.0 * c

    def range(
        self, c: Interval, s: Interval, i: Interval, g: Interval
    ) -> tuple[Interval, Interval]:
        """What is forgotten has the sign of c and is at most c, but for less than a unit of u."""
        n = self.size
        if s.lo.min() < 0 or s.hi[n:].max() > MOST_EXPONENT:
            raise RangeError("a share leaves its format")
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
