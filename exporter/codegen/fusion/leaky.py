"""A layer of leaky integrators as one kernel: a CTRNN with its exact step.

Its two steps are the share of its way that a state goes in the elapsed time, and the state that has
gone it. The kernel keeps an element in registers from the rate to the next state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.numbers.fixed import Interval, Value, join_intervals
from elegans.exporter.ops import WIDE, Table
from elegans.exporter.ops.decay_share import DecayShare
from elegans.exporter.ops.relax import Relax


@dataclass(frozen=True, eq=False)
class Leaky:
    """h' = h + s (g - h), s = 1 - exp(-dt / tau), as `el_leaky` computes it.

    h  [..., 2 n] halves of 32-bit states
    g  [..., n] in the format of the upper half
    t  [..., 2] elapsed time, as `Elapsed` gives it
    """

    share: DecayShare
    relax: Relax

    kernel: ClassVar[str] = "leaky"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def integer(self, h: Value, g: Value, t: Value) -> tuple[Value, Value]:
        m, e = self.share.integer(t)
        return self.relax.integer(h, g, _joined(m, e))

    def real(self, h: Value, g: Value, t: Value) -> tuple[Value, Value]:
        m, e = self.share.real(t)
        return self.relax.real(h, g, _joined(m, e))

    def range(self, h: Interval, g: Interval, t: Interval) -> tuple[Interval, Interval]:
        return self.relax.range(h, g, join_intervals([*self.share.range(t)]))

    def tables(self) -> list[Table]:
        pairs = np.stack([2 * self.share.rate, self.share.shift], axis=1)
        return [Table("rates", "int32_t", pairs, "doubled mantissa and exponent of each rate")]

    def scalars(self) -> list[int]:
        return []


def leaky(run: Sequence[Step], bounds: dict[str, Interval]) -> Step | None:
    """These two steps as one, if they are a share and the states that go it, and the share's
    exponents are within what the kernel takes."""
    share, last = run
    if not (isinstance(share.op, DecayShare) and isinstance(last.op, Relax)):
        return None
    state, drive, read = last.inputs
    (time,) = share.inputs
    if read != (Window(share.name, 0, share.size),) or len(state) > 1 or len(drive) > 1:
        return None
    ends = join_intervals([bounds[w.vector][w.lo : w.hi] for w in time])
    if not share.op.near(ends):
        return None
    fused = Leaky(share.op, last.op)
    return Step(last.name, last.group, fused, (state, drive, time), last.size, last.frac)


def _joined(m: Value, e: Value) -> Value:
    return np.concatenate(np.broadcast_arrays(m, e), axis=-1)
