"""Soft rectifiers: functions of one argument that are max(x, 0) plus a small curve, and its table.

silu, gelu, softplus, mish and elu differ from max(x, 0) by a curve c(x) that is bounded by one
and constant beyond +-2^reach. So max(x, 0) can be exact, and only c needs a table: 128 parabolas
over [-2^reach, 2^reach).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from elegans.exporter.numbers.fixed import Integers, Value, round_half_up

SEGMENTS = 128
HALF = 1 << 15  # a segment's positions are -2^15..2^15 - 1, counted from its centre
_ROUNDING = 1 << 14  # half a unit of 15 fractional bits, at 30 of them


@dataclass(frozen=True)
class SoftCurve:
    """A soft rectifier, f(x) = max(x, 0) + c(x).

    name      as the model's JSON has it
    function  f in real numbers, of a NumPy array or a torch tensor
    lowest    f falls up to here and rises from here on; -inf where it never falls
    reach     c is constant, to half a unit of Q0.15, beyond +-2^reach
    """

    name: str
    function: Callable[[Value], Value]
    lowest: float
    reach: int


def _exp(x: Value) -> Value:
    return x.exp() if hasattr(x, "exp") else np.exp(x)


def _tanh(x: Value) -> Value:
    return x.tanh() if hasattr(x, "tanh") else np.tanh(x)


def _log1p(x: Value) -> Value:
    return x.log1p() if hasattr(x, "log1p") else np.log1p(x)


def _erf(x: Value) -> Value:
    if hasattr(x, "erf"):
        return x.erf()
    from scipy.special import erf

    return erf(x)


def _silu(x: Value) -> Value:
    return x * (0.5 + 0.5 * _tanh(0.5 * x))


def _gelu(x: Value) -> Value:
    return x * (0.5 + 0.5 * _erf(x * math.sqrt(0.5)))


def _gelu_tanh(x: Value) -> Value:
    return x * (0.5 + 0.5 * _tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def _softplus(x: Value) -> Value:
    return x.clip(0.0, None) + _log1p(_exp(-abs(x)))


def _mish(x: Value) -> Value:
    return x * _tanh(_softplus(x))


def _elu(alpha: float, x: Value) -> Value:
    return x.clip(0.0, None) + alpha * (_exp(x.clip(None, 0.0)) - 1.0)


def _hard_swish(x: Value) -> Value:
    return x * (x * (1 / 6) + 0.5).clip(0.0, 1.0)


SILU = SoftCurve("silu", _silu, -1.278464542761074, 4)
"""x sigmoid(x), also called swish (Elfwing et al., 2018)."""
GELU = SoftCurve("gelu", _gelu, -0.7517915246935645, 3)
"""x Phi(x) (Hendrycks and Gimpel, 2016)."""
GELU_TANH = SoftCurve("gelu_tanh", _gelu_tanh, -0.7524614220710163, 3)
"""The approximation of gelu by tanh, from the same paper."""
SOFTPLUS = SoftCurve("softplus", _softplus, -math.inf, 4)
"""log(1 + exp(x))."""
MISH = SoftCurve("mish", _mish, -1.1924312145993006, 4)
"""x tanh(softplus(x)) (Misra, 2019)."""
ELU = SoftCurve("elu", partial(_elu, 1.0), -math.inf, 4)
"""max(x, 0) + exp(min(x, 0)) - 1 (Clevert et al., 2015)."""
HARD_SWISH = SoftCurve("hard_swish", _hard_swish, -1.5, 2)
"""x max(0, min(1, x / 6 + 1 / 2)) (Howard et al., 2019)."""
CURVES = {c.name: c for c in (SILU, GELU, GELU_TANH, SOFTPLUS, MISH, ELU, HARD_SWISH)}


@cache
def pieces(name: str) -> Integers:
    """[128, 2]: the curve c of a soft rectifier in Q1.30, plus half a unit of 15 fractional bits.

    Segment i spans 2^reach / 64 from -2^reach + i 2^reach / 64 on. With J the position in it,
    -2^15..2^15 - 1 from the centre, c is value + ((slope + bend J) J >> 16). A row holds value
    and slope, whose lower half is bend, as in tanh's table.

    The parabola is the one that meets c at the segment's three Chebyshev nodes, so that its
    greatest error is next to the least possible. The outermost segments are constant.
    """
    curve = CURVES[name]
    width = 2.0**curve.reach / (SEGMENTS // 2)
    centres = (np.arange(SEGMENTS) - SEGMENTS // 2 + 0.5) * width
    node = math.sqrt(0.75)  # the Chebyshev nodes are at -node, 0 and node of half a segment
    # The middle of both ends belongs to no other segment's kink: c has one at zero.
    low, middle, high = (_correction(curve, centres + at * width / 2) for at in (-node, 0.0, node))
    first = (high - low) / (2 * node)  # c by the position in -1..1
    second = (high - 2 * middle + low) / (2 * node**2)
    first[[0, -1]] = second[[0, -1]] = 0.0
    middle[0], middle[-1] = _correction(curve, np.array([-100.0, 100.0]))
    # At J = 2^15 the slope adds slope 2^15 / 2^16, the bend bend 2^30 / 2^16.
    bend = round_half_up(np.ldexp(second, 30 - 14))
    slope = round_half_up(np.ldexp(first, 30 + 1 - 16)) * 65536 + bend
    table = np.stack([round_half_up(np.ldexp(middle, 30)) + _ROUNDING, slope], axis=1)
    table.setflags(write=False)
    return table


def _correction(curve: SoftCurve, x: Value) -> Value:
    return curve.function(x) - np.maximum(x, 0.0)
