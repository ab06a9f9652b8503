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

from elegans.exporter.numbers.fixed import Reals, Value

_MOST_TURNS = 64  # of a function over an interval; a table could not follow more


@dataclass(frozen=True)
class RealFunction:
    """A function f(z, p) of an argument z and a constant p, which most functions ignore.

    function  of a NumPy array or a torch tensor
    lo, hi    the ends of its domain; -inf and inf where there are none
    closed    whether the ends belong to the domain
    turns     the arguments at which it may be least or greatest, besides the ends of an interval
    """

    function: Callable[[Value, float], Value]
    lo: float = -math.inf
    hi: float = math.inf
    closed: bool = True
    turns: Callable[[float, float], list[float]] = lambda lo, hi: []

    def holds(self, lo: float, hi: float) -> bool:
        """Whether the interval lies in the domain."""
        if self.closed:
            return self.lo <= lo and hi <= self.hi
        return self.lo < lo and hi < self.hi

    def span(self, lo: float, hi: float, parameter: float) -> tuple[float, float]:
        """The exact range over an interval of its domain."""
        points = np.array([lo, hi, *self.turns(lo, hi)])
        values: Reals = self.function(points, parameter)
        return float(values.min()), float(values.max())


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


def _softsign(z: Value, _: float) -> Value:
    return z / (1.0 + abs(z))


def _every(start: float, period: float, lo: float, hi: float) -> list[float]:
    """start + k period within an interval, at most `_MOST_TURNS` of them."""
    if not (math.isfinite(lo) and math.isfinite(hi)):
        return []
    first = math.ceil((lo - start) / period)
    count = min(math.floor((hi - start) / period) - first + 1, _MOST_TURNS)
    return [start + (first + k) * period for k in range(count)]


def _zero(lo: float, hi: float) -> list[float]:
    return [0.0] if lo < 0.0 < hi else []


def _plain(name: str) -> Callable[[Value, float], Value]:
    return partial(_call, name)


FUNCTIONS: dict[str, RealFunction] = {
    "acos": RealFunction(_plain("acos"), lo=-1.0, hi=1.0),
    "acosh": RealFunction(_plain("acosh"), lo=1.0),
    "asin": RealFunction(_plain("asin"), lo=-1.0, hi=1.0),
    "asinh": RealFunction(_plain("asinh")),
    "atan": RealFunction(_plain("atan")),
    "atanh": RealFunction(_plain("atanh"), lo=-1.0, hi=1.0, closed=False),
    "cos": RealFunction(_plain("cos"), turns=partial(_every, 0.0, math.pi)),
    "cosh": RealFunction(_plain("cosh"), turns=_zero),
    "erf": RealFunction(_erf),
    "exp": RealFunction(_plain("exp")),
    "log": RealFunction(_plain("log"), lo=0.0, closed=False),
    "power": RealFunction(_power, lo=0.0, closed=False),
    "reciprocal": RealFunction(_reciprocal, lo=0.0, closed=False),
    "reciprocal_below_zero": RealFunction(_reciprocal, hi=0.0, closed=False),
    "root": RealFunction(_power, lo=0.0),
    "softsign": RealFunction(_softsign),
    "sin": RealFunction(_plain("sin"), turns=partial(_every, math.pi / 2, math.pi)),
    "sinh": RealFunction(_plain("sinh")),
    "sqrt": RealFunction(_plain("sqrt"), lo=0.0),
    "tan": RealFunction(_plain("tan"), lo=-math.pi / 2, hi=math.pi / 2, closed=False),
    "whole_power": RealFunction(_power, turns=_zero),
}
"""By name: `power` takes any exponent and no zero, `root` a positive one, `whole_power` a positive
whole one and any argument."""
