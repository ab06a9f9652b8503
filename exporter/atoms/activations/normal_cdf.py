"""Phi, the cumulative function of the normal distribution: gelu(x) = x Phi(x)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.atoms.shared.tabled import TabledActivation
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.normal_cdf import NormalCdf


@dataclass(frozen=True, eq=False)
class NormalCdfActivation(TabledActivation):
    """Phi, in [0, 1]; its argument is in Q2.13."""

    in_unit_interval: ClassVar[bool] = True
    effort: ClassVar[int] = 24
    reason: ClassVar[str] = "normal_cdf"
    argument_frac: ClassVar[int] = 13
    limits: ClassVar[tuple[float, float]] = (0.0, 1.0)

    @property
    def formula(self) -> str:
        return "normal_cdf(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        from scipy.special import ndtr

        result: Reals = ndtr(z)
        return result

    @staticmethod
    def op() -> Op:
        return NormalCdf()


ACTIVATION = NormalCdfActivation
