"""exp(-rate dt): how a state decays, exactly, over an elapsed time (CTRNN, CfC's pure mode)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.time import constant_share, rate_of_time, scaled_rates
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT, Activation, Atom
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, affine_span, constant_span, times, window_span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.decay import Decay
from elegans.exporter.ops.decay_share import LONGEST, DecayShare

_LOG2_E = math.log2(math.e)
_RESULT_FRAC = 15
_ONE_FRAC = 14  # 1.0 in Q1.14: the elapsed time where a fixed sample period is in the rate
# The op shifts its product by rate's and time's fractional bits less 15, and by at most 30.
_MOST_PRODUCT_FRAC = 15 + 30
_SLACK = 1e-9  # below zero, for rates that float32 rounded


@dataclass(frozen=True, eq=False)
class DecayActivation(Activation):
    """exp(-rate dt), in (0, 1], with a rate that is never negative and a drive of zero."""

    in_unit_interval: ClassVar[bool] = True
    effort: ClassVar[int] = 26
    reason: ClassVar[str] = "exp"

    @property
    def formula(self) -> str:
        return "exp(-z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        result: Reals = np.exp(-z)
        return result

    @staticmethod
    def of_exp(atoms: AtomTable, place: str, form: Form) -> DecayActivation:
        """exp of a form. Raises ElegansError unless the form is a rate times elapsed time.

        With a fixed sample period, time has gone into the constants and any form is a rate.
        """
        zero = Affine.constant(np.zeros(form.size))
        minus = np.array([-1.0])
        if DT.vector not in atoms.sizes:
            return DecayActivation(zero, atoms.affine(place, form).scaled(minus))
        rest = form.affine.without(DT.vector)
        if rest.terms or np.any(rest.bias) or set(form.products) - {DT}:
            raise ElegansError(place, "is not exp(-rate dt)", "let a state decay as exp(-dt / tau)")
        return DecayActivation(zero, rate_of_time(form).scaled(minus), DT)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        assert self.rate is not None
        lo, _ = affine_span(self.rate, spans)
        if lo.min() < -_SLACK:
            raise ElegansError(
                f"exp, vector {name!r}",
                f"its rate can reach {lo.min():.3g}, so it can grow",
                "a decay needs a rate that is never negative",
            )
        return constant_span(self.size, 0.0, 1.0)

    def image(self, spans: dict[str, Span], name: str) -> Span:
        assert self.rate is not None
        least, most = (np.maximum(end, 0.0) for end in affine_span(self.rate, spans))
        if self.factor is not None:
            least, most = times((least, most), window_span(self.factor, spans))
        return self.function(most), self.function(least)

    def lower_share(self, to: Builder, called: VectorName) -> Window:
        """The share 1 - exp(-rate dt) of constant rates, as mantissa and exponent."""
        assert self.rate is not None
        name, layer = f"{called.name}_share", called.layer
        rates = np.maximum(self.rate.bias, 0.0)
        if self.factor is None:
            return constant_share(to, called, -np.expm1(-rates))
        assert to.dt is not None
        m, k = scaled_rates(rates, to.dt.frac)
        op = DecayShare(m, k - 15 + LONGEST)
        return to.once(name, layer, op, ((to.elapsed(),),), np.zeros(2 * self.size, np.int64))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """exp(-rate dt) = 2^-(a dt), with a = rate log2(e)."""
        assert self.rate is not None
        if self.factor is None:
            one = Affine.constant(np.ones(1))
            dt = to.linear(f"{called.name}_one", called.layer, one, np.full(1, _ONE_FRAC))
        else:
            dt = to.renamed(self.factor)
        dt_frac = int(to.fracs(dt)[0])
        rate = self.rate.scaled(np.array([_LOG2_E]))
        frac = min(int(to.even(rate)[0]), _MOST_PRODUCT_FRAC - dt_frac)
        shift = frac + dt_frac - 15
        if shift < 0:
            raise ElegansError(
                called.name,
                "decays over more than 2^15 halvings in one step",
                "declare a shorter --dt-range, or train with longer time constants",
            )
        a = to.linear(f"{called.name}_rate", called.layer, rate, np.full(rate.size, frac))
        rates = to.interval(a)
        if rates.lo.min() < 0:  # a state has all of int16, although its values are never negative
            clamp = Clamp(np.zeros_like(rates.lo), np.maximum(rates.hi, 0))
            a = to.step(f"{called.name}_held", called.layer, clamp, ((a,),), to.fracs(a))
        out_frac = np.full(rate.size, _RESULT_FRAC)
        to.step(called.name, called.layer, Decay(shift), ((a,), (dt,)), out_frac)


ACTIVATION = DecayActivation
