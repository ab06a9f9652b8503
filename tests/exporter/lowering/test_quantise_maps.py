"""Real maps as integers: of all scales that provably fit, each row has the finest.

What fits is computed here again, row by row and scale by scale, in Python's own integers. Biases
that are too large for any scale are tried on `quantise_int8` as well.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from elegans.exporter.lowering.maps.quantise_maps import RealMap, linear
from elegans.exporter.lowering.maps.quantise_timed import RealTimedMap, timed
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.sliding_linear import SlidingLinear
from elegans.exporter.ops.sparse_linear import SparseLinear

_LARGEST = 2**31 - 1
_HALF_SEGMENT = 512  # of tanh's table
_ROWS, _COLS = 3, 5


def _rounded(value, frac):
    """A real number as an integer with `frac` fractional bits, half up."""
    return math.floor(Fraction(float(value)) * Fraction(2) ** int(frac) + Fraction(1, 2))


def _scaled(row, frac, scale):
    return [_rounded(w, scale - f) for w, f in zip(row, frac, strict=True)]


def _reach(row, reach):
    return sum(abs(w) * int(r) for w, r in zip(row, reach, strict=True))


def _half(shift):
    return (1 << shift) >> 1


def _finest(fits, start=30):
    """The finest shift that fits, with what it gives; None if there is none."""
    for shift in range(start, -1, -1):
        if (found := fits(shift)) is not None:
            return shift, *found
    return None


def _row16(real, r, tabled):
    def fits(shift):
        scale = int(real.out_frac[r]) + shift
        row = _scaled(real.weights.toarray()[r], real.in_frac, scale)
        bias = _rounded(real.bias[r], scale)
        room = _half(shift) + (_HALF_SEGMENT << shift) * tabled
        reach = _reach(row, real.in_reach) + abs(bias) + room
        return (row, bias) if max(map(abs, row)) < 2**15 and reach <= _LARGEST else None

    return fits


_MAGNITUDE = st.sampled_from([1e-9, 1e-3, 0.3, 1.0, 40.0, 3e4, 1e12])


@st.composite
def _maps(draw):
    """Maps whose rows have magnitudes of their own; weights and biases may be tiny or huge."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = np.array([draw(_MAGNITUDE) for _ in range(_ROWS)])
    if draw(st.booleans()):
        sizes[:] = sizes[0]
    weights = (
        rng.uniform(-1, 1, (_ROWS, _COLS)) * sizes[:, None] * (rng.random((_ROWS, _COLS)) < 0.8)
    )
    bias = rng.uniform(-1, 1, _ROWS) * draw(_MAGNITUDE)
    if draw(st.booleans()):
        weights[0, 0], bias[1] = 2.0 ** rng.integers(-3, 4), -(2.0 ** rng.integers(-3, 20))
    return RealMap(
        weights=sparse.csr_array(weights),
        bias=bias,
        in_frac=rng.integers(8, 17, _COLS),
        in_reach=rng.integers(1, 32769, _COLS),
        out_frac=rng.integers(4, 14, _ROWS) if draw(st.booleans()) else np.full(_ROWS, 12),
        ends=(2, _COLS),
    )


@settings(max_examples=50)
@given(_maps(), st.booleans(), st.booleans())
def test_each_row_has_the_finest_scale_that_holds_it_or_all_the_coarsest_of_few(
    real, tabled, alike
):
    op = linear(real, 16, tabled, alike)
    rows = [_finest(_row16(real, r, tabled)) for r in range(_ROWS)]
    if None in rows:
        assert op is None
        return
    shifts = [shift for shift, *_ in rows]
    if (tabled or alike) and max(shifts) - min(shifts) <= 5:
        rows = [_finest(_row16(real, r, tabled), min(shifts)) for r in range(_ROWS)]
    assert op.shift.tolist() == [shift for shift, *_ in rows]
    assert np.asarray(op.weights).tolist() == [row for _, row, _ in rows]
    assert op.bias.tolist() == [bias for *_, bias in rows]


def _real(weights, **more):
    """A map without biases whose inputs and results are in Q0.15 and Q3.12."""
    rows, cols = np.shape(weights)
    frac, reach = np.full(cols, 15), np.full(cols, 32768)
    real = RealMap(
        sparse.csr_array(weights), np.zeros(rows), frac, reach, np.full(rows, 12), (cols,)
    )
    return replace(real, **more)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_map_that_is_not_finite_has_no_scale(wrong):
    real = _real(np.ones((1, 2)))
    assert linear(real) is not None
    assert linear(replace(real, bias=np.array([wrong]))) is None
    assert linear(replace(real, weights=sparse.csr_array([[1.0, wrong]]))) is None


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("huge", [-1e12, 1e12, 1e25])
def test_what_no_scale_holds_is_refused_however_small_the_rest_is(bits, huge):
    small, zeros = np.full((2, 3), 1e-3), np.zeros(2)
    rest = (np.full(3, 15), np.full(3, 32768), 15, 3276, 11, (2, 3))
    biased, large = np.array([0.0, huge]), np.array([[1e-3] * 3, [1e-3, 1e-3, huge]])
    for weights, bias in ((small, biased), (large, zeros)):
        assert linear(_real(weights, bias=bias), bits) is None
        assert timed(RealTimedMap(weights, bias, small, zeros, *rest), bits) is None
        assert timed(RealTimedMap(small, zeros, weights, bias, *rest), bits) is None
    assert linear(_real(small), bits) is not None
    assert timed(RealTimedMap(small, zeros, small, zeros, *rest), bits) is not None


@pytest.mark.parametrize("apart", [0, 1, 5, 6])
def test_rows_have_one_shift_if_it_costs_none_of_them_more_than_5_bits(apart):
    weights = np.outer([1.0, 2.0**-apart], np.full(3, 14.4))
    rest = (np.full(3, 15), np.full(3, 32768), 15, 3276, 11, (3,))
    tabled, alike, alone = (
        linear(_real(weights), tabled=tabled, alike=alike)
        for tabled, alike in ((True, False), (False, True), (False, False))
    )
    moving = timed(RealTimedMap(weights, np.zeros(2), np.zeros((2, 3)), np.zeros(2), *rest))
    for op, shared in ((tabled, True), (alike, True), (alone, False), (moving, True)):
        assert np.ptp(op.shift) == (0 if shared and apart <= 5 else apart)


@pytest.mark.parametrize("tabled", [True, False])
def test_the_last_unit_of_the_accumulator_decides(tabled):
    """A weight of 2^14 at a shift of 17, or of 2^13 at 16."""
    left = _LARGEST - 2**16 - (_HALF_SEGMENT << 17) * tabled
    moving = left - 100 if tabled else left - 100 - (_HALF_SEGMENT << 17)  # of a rate of zero
    for more, shift in ((0, 17), (1, 16)):
        reach, bias = np.array([left // 2**14]), np.array([(left % 2**14 + more) / 2**29])
        op = linear(_real([[1.0]], in_reach=reach, bias=bias), tabled=tabled)
        assert op.shift.tolist() == [shift]
        reach, bias = np.array([moving // 2**14]), np.array([(moving % 2**14 + more) / 2**29])
        rest = (np.zeros((1, 1)), np.zeros(1), np.full(1, 15), reach, 15, 100, 12, (1,))
        assert timed(RealTimedMap(np.ones((1, 1)), bias, *rest)).shift.tolist() == [shift]


def _filters(rows, taps):
    """Each row is the one before, shifted by one column."""
    return sum(np.eye(rows, rows + taps - 1, k) * (k + 1) / 64 for k in range(taps))


_RNG = np.random.default_rng(7)
_LAYOUTS = {
    "dense": (_RNG.normal(size=(6, 9)), Linear),
    "one weight": (np.ones((1, 1)), Linear),
    "sparse": (_RNG.normal(size=(40, 40)) * (_RNG.random((40, 40)) < 0.1), SparseLinear),
    "large and sparse": (_RNG.normal(size=(90, 90)) * (_RNG.random((90, 90)) < 0.1), SparseLinear),
    "large and dense": (_RNG.normal(size=(70, 70)), Linear),
    "filters": (_filters(24, 5), SlidingLinear),
    "no weight": (np.zeros((3, 4)), Linear),
}


@pytest.mark.parametrize("name", _LAYOUTS)
@pytest.mark.parametrize("bits", [16, 8])
def test_a_map_has_the_layout_that_takes_the_least_flash(name, bits):
    weights, kind = _LAYOUTS[name]
    op = linear(_real(weights / 4), bits)
    assert isinstance(op, kind)
    assert op.weight_bits == bits
    for other in (Linear, SparseLinear, SlidingLinear) if bits == 16 else ():
        tables = other(np.asarray(op.weights), op.bias, op.shift).tables()
        if all(table.values.size for table in tables):
            assert sum(t.bytes for t in tables) >= sum(t.bytes for t in op.tables())


def test_wide_rows_are_rounded_together_where_they_still_fit():
    """Row 0 has 31 synapses; row 1 has 32; row 2 would leave int16, and row 3 the accumulator."""
    weights = np.random.default_rng(3).uniform(0.2, 1.0, (4, 32)) / 64
    weights[0, 9] = 0.0

    def together(reals):
        found = np.floor(reals).astype(np.int64)
        found[1, 5] += 40_000 * (len(reals) > 1)
        found[2:] += 20_000
        return found, np.arange(1, len(reals) + 1)

    real = _real(weights)
    alone, op = linear(real), linear(replace(real, together=together))
    scaled = np.ldexp(weights, (12 + alone.shift)[:, None] - 15)
    assert op.shift.tolist() == alone.shift.tolist()
    expected = np.floor(scaled + 0.5)
    expected[1] = np.floor(scaled[1])
    np.testing.assert_array_equal(op.weights, expected)
    np.testing.assert_array_equal(op.bias - alone.bias, [0, 1, 0, 0])
    kept = linear(replace(real, together=lambda _: None))
    np.testing.assert_array_equal(kept.weights, alone.weights)


_OF_THE_BIAS = -2000


def _with_sum(total):
    """Rounds 64 weights together to integers of this sum, less a part that the bias takes."""
    found = np.full((1, 64), total // 64)
    found[0, 0] += total % 64
    return lambda _: (found, np.array([_OF_THE_BIAS]))


@pytest.mark.parametrize("tabled", [True, False])
def test_a_row_rounded_together_may_fill_the_accumulator_and_no_more(tabled):
    real = _real(np.full((1, 64), 1e-2), in_reach=np.full(64, 30_000), bias=np.array([-0.3]))
    alone = linear(real, tabled=tabled)
    (shift,), (bias,) = alone.shift.tolist(), alone.bias.tolist()
    room = _half(shift) + (_HALF_SEGMENT << shift) * tabled
    most = (_LARGEST - room - abs(bias + _OF_THE_BIAS)) // 30_000
    for total, fits in ((most, True), (most + 1, False)):
        op = linear(replace(real, together=_with_sum(total)), tabled=tabled)
        assert (np.asarray(op.weights).sum() == total) == fits
        assert fits or np.array_equal(op.weights, alone.weights)


def test_a_timed_row_rounded_together_may_fill_the_accumulator_and_no_more():
    weights, zeros = np.full((1, 64), 1e-2), np.zeros(1)
    rest = (np.full(64, 15), np.full(64, 30_000), 15, 3276, 11, (64,))
    real = RealTimedMap(weights, zeros, np.zeros((1, 64)), zeros, *rest)
    alone = timed(real)
    (shift,) = alone.shift.tolist()
    rate = (2**15 >> 16) + 1
    left = _LARGEST - _half(shift) - rate * 3276 - (_HALF_SEGMENT << shift)
    most = (left - abs(_OF_THE_BIAS)) // 30_000
    for total, fits in ((most, True), (most + 1, False)):
        op = timed(replace(real, together=_with_sum(total)))
        assert (op.weights.sum() == total) == fits
        assert fits or np.array_equal(op.weights, alone.weights)


def _timed_row(real, r):
    def fits(shift):
        scale = real.out_frac + shift
        found = []
        for weights, bias, at in (
            (real.weights[r], real.bias[r], scale),
            (real.rates[r], real.rate_bias[r], scale - real.dt_frac + 16),
        ):
            row = _scaled(weights, real.in_frac, at)
            found += [row, _rounded(bias, at)]
            if max(map(abs, row)) >= 2**15:
                return None
        w, b, rates, c = found
        rate = _reach(rates, real.in_reach) + abs(c) + 2**15
        still = (
            _reach(w, real.in_reach) + abs(b) + _half(shift) + ((rate >> 16) + 1) * real.dt_reach
        )
        most = max(rate, still) + (_HALF_SEGMENT << shift)
        return tuple(found) if most <= _LARGEST else None

    return fits


@settings(max_examples=50)
@given(_maps(), _maps(), st.integers(8, 16), st.integers(1, 32767))
def test_a_map_with_a_rate_has_the_finest_scale_that_holds_both(still, moving, dt_frac, dt_reach):
    real = RealTimedMap(
        weights=still.weights.toarray(),
        bias=still.bias,
        rates=moving.weights.toarray(),
        rate_bias=moving.bias,
        in_frac=still.in_frac,
        in_reach=still.in_reach,
        dt_frac=dt_frac,
        dt_reach=dt_reach,
        out_frac=11,
        ends=still.ends,
    )
    op, rows = timed(real), [_finest(_timed_row(real, r)) for r in range(_ROWS)]
    if None in rows:
        assert op is None
        return
    shifts = [shift for shift, *_ in rows]
    if max(shifts) - min(shifts) <= 5:
        rows = [_finest(_timed_row(real, r), min(shifts)) for r in range(_ROWS)]
    found = zip(op.shift, op.weights, op.bias, op.rates, op.rate_bias, strict=True)
    assert [[np.asarray(part).tolist() for part in row] for row in found] == [list(r) for r in rows]


def test_wide_rows_of_a_map_with_a_rate_are_rounded_together_where_they_still_fit():
    weights, rates = np.random.default_rng(3).uniform(0.2, 1.0, (2, 3, 32)) / 32
    weights[0, 9] = 0.0  # 31 synapses

    def together(reals):
        found = np.floor(reals).astype(np.int64)
        found[-1] += 40_000  # row 2 leaves int16
        return found, np.full(len(found), 5)

    zeros, frac, reach = np.zeros(3), np.full(32, 15), np.full(32, 32768)
    real = RealTimedMap(weights, zeros, rates, zeros, frac, reach, 15, 3276, 11, (32,))
    alone, op = timed(real), timed(replace(real, together=together))
    for found, own, reals, more in (
        (op.weights, alone.weights, weights, 0),
        (op.rates, alone.rates, rates, 1),
    ):
        scaled = np.ldexp(reals, (11 + more + alone.shift)[:, None] - 15)
        floors = np.floor(scaled)
        np.testing.assert_array_equal(own, np.floor(scaled + 0.5))
        np.testing.assert_array_equal(found[0], floors[0] if more else own[0])
        np.testing.assert_array_equal(found[1], floors[1])
        np.testing.assert_array_equal(found[2], own[2])
    assert op.bias.tolist() == [0, 5, 0]
    assert op.rate_bias.tolist() == [5, 5, 0]
