"""A vector that decays at a rate of its own as one kernel: CfC's mode `pure`.

Its four steps are a magnitude, a map of each magnitude by itself, a decay, and a product. The
kernel keeps an element in registers from the first to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.fixed_model import Argument, Step, Window
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT32_MAX,
    Integers,
    Interval,
    LongInterval,
    Value,
)
from elegans.exporter.ops import Table
from elegans.exporter.ops.absolute import Absolute
from elegans.exporter.ops.decay import Decay
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.product import Product

_MOST = 1 << 16  # entries of a map that is looked at
_UPPER = 16  # the kernel takes a rate from the upper half of its sum
_LEAST_SHIFT = 8  # from rate and time to halvings: the kernel keeps so many bits more
_DT: Argument = (Window("dt_in", 0, 1),)


@dataclass(frozen=True, eq=False)
class Decayed:
    """p = z 2^-(a dt), a = (slope |z| + bias) >> 16, as `el_decayed` computes it.

    map    from magnitudes to rates; it has no weight besides its diagonal
    pairs  [n, 2] slope and bias of each element, with what rounds
    most   the greatest magnitude in z
    """

    map: Linear
    decay: Decay
    product: Product
    pairs: Integers
    most: int

    kernel: ClassVar[str] = "decayed"
    in_place: ClassVar[bool] = True

    def integer(self, z: Value, dt: Value) -> Value:
        rate = self.map.integer(Absolute().integer(z))
        return self.product.integer(self.decay.integer(rate, dt), z)

    def real(self, z: Value, dt: Value) -> Value:
        rate = self.map.real(Absolute().real(z))
        return self.product.real(self.decay.real(rate, dt), z)

    def range(self, z: Interval, dt: Interval) -> Interval:
        rate = self.map.range(Absolute().range(z))
        return self.product.range(self.decay.range(rate, dt), z)

    def tables(self) -> list[Table]:
        comment = "each rate's slope over the magnitude and its bias"
        return [Table("map", "int32_t", self.pairs, comment)]

    def scalars(self) -> list[int]:
        return [self.decay.shift, self.product.shift, self.most]


def decayed(run: Sequence[Step], bounds: dict[str, Interval]) -> Step | None:
    """These four steps as one, if they are a decay of what the rate is made from."""
    size, rate, left, last = run
    drive = size.inputs[0]
    steps = [(size, Absolute), (rate, Linear), (left, Decay), (last, Product)]
    if any(not isinstance(step.op, kind) for step, kind in steps):
        return None
    if (rate.inputs, left.inputs) != ((_all(size),), (_all(rate), _DT)):
        return None
    if last.inputs != (_all(left), drive) or len(drive) != 1:
        return None
    op = rate.op
    assert isinstance(op, Linear)
    assert isinstance(left.op, Decay)
    assert isinstance(last.op, Product)
    if op.sums is LongInterval or len(op.bias) ** 2 > _MOST or op.shift.max() > _UPPER:
        return None
    if left.op.shift < _LEAST_SHIFT:
        return None
    weights = np.asarray(op.weights, np.int64)
    if weights.shape[0] != weights.shape[1] or np.any(weights != np.diag(np.diag(weights))):
        return None
    raised = _UPPER - op.shift
    slope, bias = np.diag(weights) << raised, (op.bias + ((1 << op.shift) >> 1)) << raised
    x = bounds[size.name]
    ends = np.stack([slope * x.lo, slope * x.hi]) + bias
    reach = np.abs(slope) * x.hi + np.abs(bias)
    if reach.max() > INT32_MAX or ends.min() < 0:
        return None
    most = int(x.hi.max())
    most = most if most < INT16_MAX else INT16_MAX + 1  # -32768 has the magnitude 32767, too
    fused = Decayed(op, left.op, last.op, np.stack([slope, bias], axis=1), most)
    return Step(last.name, last.group, fused, (drive, _DT), last.size, last.frac)


def _all(step: Step) -> Argument:
    return (Window(step.name, 0, step.size),)
