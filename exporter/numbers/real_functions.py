"""Functions of one argument that a table computes: their values, domains and turning points.

What is needed of a function is that it can be evaluated in float64. Where it turns is known, so
that its range over an interval is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.numbers.fixed import Reals, Value

_BESIDE = 1e-6


@dataclass(frozen=True)
class RealFunction:
    """A function f(z, p) of an argument z and a constant p, which most functions ignore.

    function  of a NumPy array or a torch tensor
    lo, hi    the ends of its domain; -inf and inf where there are none
    closed    whether the ends belong to the domain
    turn      an argument at which it may be least or greatest, besides the ends of an interval
    period    the distance of such arguments, where there are more than one
    constant  whether it has a constant p
    """

    function: Callable[[Value, float], Value]
    lo: float = -math.inf
    hi: float = math.inf
    closed: bool = True
    turn: float | None = None
    period: float = math.inf
    constant: bool = False

    def inside(self, lo: Reals, hi: Reals) -> NDArray[np.bool_]:
        """Which intervals lie in the domain."""
        if self.closed:
            return (self.lo <= lo) & (hi <= self.hi)
        return (self.lo < lo) & (hi < self.hi)

    def holds(self, lo: float, hi: float) -> bool:
        """Whether the interval lies in the domain."""
        return bool(self.inside(np.array(lo), np.array(hi)))

    def spans(self, lo: Reals, hi: Reals, parameter: float) -> tuple[Reals, Reals]:
        """The exact ranges over intervals of its domain; lo, hi and the results have one shape."""
        points = [lo, hi]
        if self.turn is not None and math.isinf(self.period):
            points.append(np.clip(self.turn, lo, hi))
        elif self.turn is not None:  # of two neighbouring turns one is least, one greatest
            last = np.floor((lo - self.turn) / self.period)
            points += [np.clip(self.turn + (last + k) * self.period, lo, hi) for k in (1.0, 2.0)]
        with np.errstate(all="ignore"):
            values = self.function(np.stack(points), parameter)
        return values.min(axis=0), values.max(axis=0)


def held(z: Value) -> Value:
    """max(z, 0)."""
    return z.clip(0.0, None)


def _call(name: str, z: Value, _: float = 0.0) -> Value:
    own = getattr(z, name, None)
    return getattr(np, name)(z) if own is None else own()


def _erf(z: Value, _: float) -> Value:
    if hasattr(z, "erf"):
        return z.erf()
    from scipy.special import erf

    return erf(z)


def _reciprocal(z: Value, _: float) -> Value:
    return 1.0 / z


def _power(z: Value, p: float) -> Value:
    return z**p


def _exp_linear(z: Value, _: float) -> Value:
    """z / (1 - exp(-z)); next to 0, where both are 0, its value just beside."""
    beside = z + (abs(z) < _BESIDE) * _BESIDE
    return beside / -_call("expm1", -beside)


def _softsign(z: Value, _: float) -> Value:
    return z / (1.0 + abs(z))


def _plain(name: str) -> Callable[[Value, float], Value]:
    return partial(_call, name)


FUNCTIONS: dict[str, RealFunction] = {
    "acos": RealFunction(_plain("acos"), lo=-1.0, hi=1.0),
    "acosh": RealFunction(_plain("acosh"), lo=1.0),
    "asin": RealFunction(_plain("asin"), lo=-1.0, hi=1.0),
    "asinh": RealFunction(_plain("asinh")),
    "atan": RealFunction(_plain("atan")),
    "atanh": RealFunction(_plain("atanh"), lo=-1.0, hi=1.0, closed=False),
    "cos": RealFunction(_plain("cos"), turn=0.0, period=math.pi),
    "cosh": RealFunction(_plain("cosh"), turn=0.0),
    "erf": RealFunction(_erf),
    "exp": RealFunction(_plain("exp")),
    "exp_linear": RealFunction(_exp_linear),
    "log": RealFunction(_plain("log"), lo=0.0, closed=False),
    "power": RealFunction(_power, constant=True, lo=0.0, closed=False),
    "reciprocal": RealFunction(_reciprocal, lo=0.0, closed=False),
    "reciprocal_below_zero": RealFunction(_reciprocal, hi=0.0, closed=False),
    "root": RealFunction(_power, constant=True, lo=0.0),
    "softsign": RealFunction(_softsign),
    "sin": RealFunction(_plain("sin"), turn=math.pi / 2, period=math.pi),
    "sinh": RealFunction(_plain("sinh")),
    "sqrt": RealFunction(_plain("sqrt"), lo=0.0),
    "tan": RealFunction(_plain("tan"), lo=-math.pi / 2, hi=math.pi / 2, closed=False),
    "whole_power": RealFunction(_power, constant=True, turn=0.0),
}
"""By name: `power` takes any exponent and no zero, `root` a positive one, `whole_power` a positive
whole one and any argument. `exp_linear` is z / (1 - exp(-z)), the rate of a gate that opens
linearly (Hodgkin and Huxley, 1952)."""
