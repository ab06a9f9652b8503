"""The rounding rule, formats, and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    INT32_MIN,
    Interval,
    RangeError,
    dequantise,
    product,
    q_name,
    quantise,
    rshr,
    saturate,
    widest_frac,
)
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear

_SMALL = st.integers(-(1 << 20), 1 << 20)
_TINY = st.integers(-9, 9)


@given(st.integers(-(2**31) + 2**29, 2**31 - 1 - 2**29), st.integers(0, 30))
def test_rshr_rounds_half_up(a, n):
    assert int(rshr(np.int64(a), n)) == math.floor(a / 2**n + 0.5)


@given(st.floats(-1e6, 1e6), st.integers(-4, 20))
def test_quantising_uses_the_same_tie_rule(value, frac):
    assert int(quantise(value, frac)) == math.floor(value * 2.0**frac + 0.5)


@given(st.integers(-32768, 32767), st.integers(-5, 25))
def test_an_integer_survives_dequantising_and_quantising(n, frac):
    assert int(quantise(dequantise(n, frac), frac)) == n


@given(st.floats(1e-6, 1e6))
def test_the_widest_format_holds_its_range_and_no_finer_one_does(reach):
    frac = widest_frac(-reach, reach)
    assert quantise(reach, frac) <= 32768
    assert quantise(reach, frac + 1) > 32767


@pytest.mark.parametrize(
    ("lo", "hi", "frac"),
    [
        (-1.0, 0.5, 15),  # a power of two saturates by one unit
        (0.5, 0.9, 15),
        (-4.1, 1.0, 12),
        (-1.0, 4.1, 12),
        (0.0, 0.0, 16),
        (-1e-40, 0.0, 100),
        (0.0, 1e40, -85),
        (0.0, 2.0**99 * 1.5, -85),
        (0.0, 2.0**98 * 1.5, -84),
        (0.0, 2.0**-85 * 0.75, 100),
        (0.0, 2.0**-84 * 0.75, 99),
    ],
)
def test_the_format_of_a_range_is_that_of_its_farther_end(lo, hi, frac):
    assert widest_frac(lo, hi) == frac


@pytest.mark.parametrize(("frac", "name"), [(15, "Q0.15"), (12, "Q3.12"), (0, "Q15.0")])
def test_formats_are_named_by_their_bits(frac, name):
    assert q_name(frac) == name
    assert q_name(frac, 32) == f"Q{31 - frac}.{frac}"


def test_saturation_is_at_the_ends_of_int16():
    values = np.array([INT32_MIN, -32769, -32768, -32767, 0, 32766, 32767, 32768, INT32_MAX])
    assert saturate(values).tolist() == [-32768] * 3 + [-32767, 0, 32766] + [32767] * 3
    assert (INT16_MIN, INT16_MAX, INT32_MIN, INT32_MAX) == (-32768, 32767, -(2**31), 2**31 - 1)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3), (0, 3)])
def test_a_product_of_integers_is_integers_and_any_other_real(shape):
    x = np.random.default_rng(1).integers(-32768, 32768, shape)
    weights = np.random.default_rng(2).integers(-32768, 32768, (2, 3))
    for w in (weights, SparseMatrix.of(weights)):
        found = product(x, w)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, x @ weights.T)
        real = product(x / 2, w)
        np.testing.assert_array_equal(real, x @ weights.T / 2)
    halved = product(x, weights / 2)
    assert (real.dtype, halved.dtype) == (np.float64,) * 2
    np.testing.assert_array_equal(halved, x @ weights.T / 2)


@given(_SMALL, _SMALL, _SMALL, _SMALL, st.data())
def test_interval_arithmetic_contains_every_result(a, b, c, d, data):
    p, q = Interval.of(*sorted((a, b))), Interval.of(*sorted((c, d)))
    x = data.draw(st.integers(int(p.lo), int(p.hi)))
    y = data.draw(st.integers(int(q.lo), int(q.hi)))
    for result, value in ((p + q, x + y), (p - q, x - y), (abs(p), abs(x)), (p >> 3, x >> 3)):
        assert result.lo <= value <= result.hi
    if abs(p.lo) < 2**15 > abs(p.hi) and abs(q.lo) < 2**15 > abs(q.hi):
        assert (p * q).lo <= x * y <= (p * q).hi


@given(st.tuples(_TINY, _TINY), st.tuples(_TINY, _TINY))
def test_interval_arithmetic_is_as_narrow_as_what_can_occur(a, b):
    """A bound that is only wide enough costs bits of every format that follows from it."""
    p, q = Interval.of(*sorted(a)), Interval.of(*sorted(b))
    xs, ys = (np.arange(int(i.lo), int(i.hi) + 1) for i in (p, q))
    x, y = np.meshgrid(xs, ys)
    for result, values in (
        (p + q, x + y),
        (p - q, x - y),
        (7 - p, 7 - xs),
        (p * q, x * y),
        (abs(p), abs(xs)),
        (p >> 1, xs >> 1),
        (p.clip(-2, 3), xs.clip(-2, 3)),
    ):
        assert (int(result.lo), int(result.hi)) == (values.min(), values.max())


def test_leaving_int32_is_refused_wherever_it_happens():
    end = Interval.of([2**31 - 1], [2**31 - 1])
    with pytest.raises(RangeError):
        end + 1
    with pytest.raises(RangeError):
        Interval.of([-(2**31)], [0]) - 1
    with pytest.raises(RangeError):
        end * 2


def test_a_rounded_product_in_float64_is_that_of_integers():
    rng = np.random.default_rng(5)
    weights = rng.integers(-32767, 32768, (40, 300))
    weights[rng.random(weights.shape) < 0.5] = 0
    x = rng.integers(-32768, 32768, (7, 300))
    bias = rng.integers(-(2**31), 2**31, 40)
    shift = rng.integers(0, 31, 40)
    sums = x.astype(object) @ weights.T.astype(object) + bias
    expected = np.clip((sums + ((1 << shift) >> 1)) >> shift, -32768, 32767).astype(np.int64)
    for kind in (weights, SparseMatrix.of(weights)):
        assert np.array_equal(Linear(kind, bias, shift).integer(x), expected)
