"""v' = (C v + dt I) / (C + dt G): one unfold of LTC's fused ODE solver.

Hasani et al., "Liquid time-constant networks", AAAI 2021, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    rdiv,
    rshr,
    saturate,
)
from elegans.exporter.ops import Table, frozen_integers

# The bound of C / dt. The divisor C / dt + G is then below 2^30 + 2^15, and the rounded division
# adds half of it to |u| 2^frac <= 2^30: 2^30 + 2^29 + 2^14 < 2^31.
_LARGEST = 1 << 30


@dataclass(frozen=True, eq=False)
class FusedStep:
    """v' = v + (I - G v) / (C / dt + G), held in [lo, hi]; v' = v if dt = 0.

    v, v'     [..., n] membrane potentials
    I, G      [..., n] synaptic current and conductance; one scale for both in each neuron; G >= 0
    dt        [..., 1] elapsed time, at least 0
    capacity  [n] int32, at least 0: C at the scale of dt * G, divided by 2^lift
    lift      [n] 0..30
    frac      0..15, the fractional bits of v
    lo, hi    [n] the hull of zero, the leak's potential and the synapses' reversal potentials

    In real numbers v' is a weighted mean of v and I / G, and I / G is a weighted mean of
    reversal potentials, so v' stays in their hull (the paper's theorem 2). In integers
    rounding could leave the hull by one unit; the clip prevents it. Only the change of v is
    divided, so a small dt costs no precision.
    """

    capacity: Integers
    lift: Integers
    frac: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "fused_step"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for field in ("capacity", "lift", "lo", "hi"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))

    def integer(self, v: Value, current: Value, conductance: Value, dt: Value) -> Value:
        u = saturate(current - rshr(conductance * v, self.frac))
        per_dt = rdiv(constant(self.capacity, v), dt.clip(1, INT16_MAX))
        most = constant(_LARGEST >> self.lift, v)
        held = per_dt.clip(constant(0 * self.lift, v), most) * constant(1 << self.lift, v)
        divisor = (held + conductance).clip(1, INT32_MAX)
        change = rdiv(u * (1 << self.frac), divisor) * dt.clip(0, 1)
        return (v + change).clip(constant(self.lo, v), constant(self.hi, v))

    def real(self, v: Value, current: Value, conductance: Value, dt: Value) -> Value:
        capacity = constant(self.capacity * 2.0**self.lift, v)
        change = dt * (current * float(1 << self.frac) - conductance * v)
        return v + change / (capacity + dt * conductance)

    def range(
        self, v: Interval, current: Interval, conductance: Interval, dt: Interval
    ) -> Interval:
        if conductance.lo.min() < 0 or dt.lo.min() < 0:
            raise RangeError("a conductance or an elapsed time is negative")
        result: Interval = self.integer(v, current, conductance, dt)
        return result

    def tables(self) -> list[Table]:
        return [
            Table("c", "int32_t", self.capacity, "capacities, at the scale of dt G"),
            Table("k", "uint8_t", self.lift, "bits by which a capacity is coarser"),
            Table("lo", "int16_t", self.lo, "least potential of each neuron"),
            Table("hi", "int16_t", self.hi, "greatest potential of each neuron"),
        ]

    def scalars(self) -> list[int]:
        return [self.frac]


OP = FusedStep
