"""dt / tau in [0, 1]: the share of the way to its target that an Euler step goes (CTRNN)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.time import constant_share, scaled_rates
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import DT, Activation, Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals, rshr
from elegans.exporter.ops.time_share import TimeShare

_RESULT_FRAC = 15
_SLACK = 1e-6  # beyond one, for time constants that float32 rounded


@dataclass(frozen=True, eq=False)
class EulerShareActivation(Activation):
    """dt / tau, an affine form of elapsed time that is proved to lie in [0, 1]."""

    in_unit_interval: ClassVar[bool] = True
    reason: ClassVar[str] = "fraction"

    @staticmethod
    def function(z: Reals) -> Reals:
        return z

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans)
        if hi.max() > 1 + _SLACK or lo.min() < 0:
            raise ElegansError(
                "an Euler step",
                f"of up to {hi.max():.3g} time constants is unstable",
                "declare a shorter --dt-range, or let the state decay as exp(-dt / tau)",
            )
        return lo, hi

    def lower_share(self, to: Builder, called: VectorName) -> Window:
        """The share as mantissa and exponent."""
        column = self.drive.terms.get(DT.vector)
        if column is None:
            return constant_share(to, called, self.drive.bias)
        assert to.dt is not None
        m, k = scaled_rates(column.toarray()[:, 0], to.dt.frac)
        least = k - 15 + int(to.interval(to.elapsed()).lo[1])
        over = np.maximum(-least, 0)  # at most 1, because no share exceeds 1
        op = TimeShare(rshr(m, over), k - 15 + over)
        fracs = np.zeros(2 * self.size, np.int64)
        return to.once(f"{called.name}_share", called.layer, op, ((to.elapsed(),),), fracs)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        to.linear(called.name, called.layer, self.drive, np.full(self.size, _RESULT_FRAC))


ACTIVATION = EulerShareActivation
