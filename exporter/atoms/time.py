"""How a form depends on elapsed time, and rates of it as mantissas and exponents."""

from __future__ import annotations

import numpy as np

from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import INT16_MAX, Integers, Reals, quantise, round_half_up
from elegans.exporter.ops.time_share import MOST_EXPONENT

_DIGITS = 15  # of a mantissa: an int16 that is not negative
_FAR = 90  # an exponent far beyond what any elapsed time brings back


def rate_of_time(form: Form) -> Affine:
    """What a form multiplies dt by: its product with dt, and the constants in dt's own column."""
    zero = Affine.constant(np.zeros(form.size))
    column = form.affine.terms.get(DT.vector)
    alone = zero if column is None else Affine.constant(column.toarray()[:, 0])
    return form.products.get(DT, zero).plus(alone)


def mantissas(values: Reals) -> tuple[Integers, Integers]:
    """Numbers of at least 0 as m 2^-k: m in 2^14..2^15 - 1, and k [n]; 0 and `_FAR` for 0."""
    fraction, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    m = round_half_up(np.ldexp(fraction, _DIGITS))
    over = m >> _DIGITS  # rounded up to a power of two
    k = np.where(m == 0, _FAR, _DIGITS - exponent.astype(np.int64) - over)
    return m >> over, k


def scaled_rates(rates: Reals, dt_frac: int) -> tuple[Integers, Integers]:
    """The mantissas and exponents with which ops multiply an elapsed time.

    rates    [n] at least 0, in 1 / (the unit of time)
    returns  r and k, so that a time t of mantissa m and exponent e (`ops.elapsed`) has
             rates t = rshr(r m, 15) 2^-(k + e)
    """
    m, k = mantissas(rates)
    return m, np.clip(k + dt_frac - 31, -_FAR, _FAR)


def constant_share(to: Builder, called: VectorName, share: Reals) -> Window:
    """Shares [n] in 0..1 of a fixed sample period, as mantissas and exponents (`ops.relax`)."""
    m, k = mantissas(share)
    e = np.clip(k - 15, 0, MOST_EXPONENT)
    m = np.minimum(quantise(share, 15 + e), INT16_MAX)
    values = np.concatenate([m, e])
    return to.constant(f"{called.name}_share", called.layer, values, np.zeros(2 * len(m), np.int64))
