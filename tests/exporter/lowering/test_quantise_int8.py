"""Int8 weights: each row and each of its two parts has the scale that its weights need.

The scales are computed here again, row by row, in Python's own integers.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from elegans.exporter.lowering.maps.quantise_int8 import linear8, parts, timed8
from elegans.exporter.lowering.maps.quantise_maps import RealMap, linear
from elegans.exporter.lowering.maps.quantise_timed import RealTimedMap, timed
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.ops.linear8 import Linear8

_COLS, _ROWS, _ENDS = 12, 6, (5, 12)


def _uneven(seed, spread):
    """Weights [rows, cols]; those of the first window, and of later rows, are larger."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 1.0, (_ROWS, _COLS)) * rng.choice([-0.1, 0.1], (_ROWS, _COLS))
    weights[:, : _ENDS[0]] *= spread ** np.linspace(0, 1, _ROWS)[:, None]
    return weights


def _real(weights, tabled_frac=12):
    rows, cols = weights.shape
    frac, reach = np.full(cols, 15), np.full(cols, 32768)
    return RealMap(
        sparse.csr_array(weights), np.zeros(rows), frac, reach, np.full(rows, tabled_frac), _ENDS
    )


@pytest.mark.parametrize("tabled", [True, False])
@pytest.mark.parametrize("spread", [1.0, 6.0, 40.0])
def test_no_weight_is_further_off_than_its_own_part_of_the_row_makes_it(spread, tabled):
    weights = _uneven(1, spread)
    op = linear(_real(weights), 8, tabled)
    assert isinstance(op, Linear8)
    assert len(set(op.shift.tolist())) == 1 or not tabled
    scale = 12 + op.shift[:, None] - 15
    off = np.abs(dequantise(np.asarray(op.weights), scale) - weights)
    for part in (slice(None, _ENDS[0]), slice(_ENDS[0], None)):
        # Half a step of int8, one bit for the power of two, and one that is not worth a lift.
        most = np.abs(weights[:, part]).max(axis=1, keepdims=True)
        floor = np.abs(weights[:, _ENDS[0] :]).max()  # the second part has no lift of its own
        assert np.all(off[:, part] <= np.maximum(most, floor) / 127 * 2 + 1e-12)


def test_even_rows_have_no_lift_and_uneven_ones_their_own():
    assert not linear(_real(_uneven(2, 1.0)), 8, True).lifts.any()
    lifts = linear(_real(_uneven(2, 40.0)), 8, True).lifts
    assert lifts[0] == 0
    assert lifts.max() >= 4
    assert np.all(np.diff(lifts) >= 0)


def test_w_and_r_are_int8_each_although_elapsed_time_ties_their_scales():
    still, moving = _uneven(3, 9.0), 40 * _uneven(4, 3.0)
    zeros, cols = np.zeros(_ROWS), (np.full(_COLS, 15), np.full(_COLS, 32768))
    real = RealTimedMap(
        *(still, zeros, moving, zeros, *cols), dt_frac=15, dt_reach=3276, out_frac=11, ends=_ENDS
    )
    op = timed(real, 8)
    assert min(op.whole) == 0
    assert max(op.whole) > 1
    for small in op.small():
        assert np.abs(small).max() >= 32


def _rounded(value, frac):
    """A real number as an integer with `frac` fractional bits, half up."""
    return math.floor(Fraction(value) * Fraction(2) ** int(frac) + Fraction(1, 2))


def _lift(largest):
    """The least power of two without which a real weight is an int8 of at most 127."""
    return next(k for k in range(2000) if _rounded(largest, -k) <= 127)


def _largest(row, frac, scale):
    terms = zip(row, frac, strict=True)
    return max((abs(Fraction(w) * Fraction(2) ** int(scale - f)) for w, f in terms), default=0)


def _integers(row, frac, scale, lifts):
    values = zip(row, frac, lifts, strict=True)
    return [_rounded(w, int(scale - f - lift)) << int(lift) for w, f, lift in values]


def _reach(row, reach):
    return sum(abs(w) * int(r) for w, r in zip(row, reach, strict=True))


@st.composite
def _maps(draw):
    """Weights whose two parts have magnitudes of their own in each row, and biases."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, cols = draw(st.integers(1, 3)), draw(st.integers(2, 6))
    split = draw(st.integers(0, cols))
    sizes = np.exp2(rng.uniform(-6, 4) + rng.uniform(-1, 1, (rows, 2)) * draw(st.integers(0, 5)))
    weights = rng.uniform(-1, 1, (rows, cols)) * sizes[:, [0] * split + [1] * (cols - split)]
    if draw(st.booleans()):
        weights[:, split:] = 0.0
    bias = rng.uniform(-1, 1, rows) * 10.0 ** draw(st.integers(-3, 7))
    frac = rng.integers(12, 17, cols)
    reach = rng.integers(1, 2 ** draw(st.sampled_from([10, 15, 20, 22])), cols)
    return weights, bias, frac, reach, split


@settings(max_examples=60)
@given(_maps(), st.booleans(), st.integers(8, 13))
def test_a_row_of_int8_has_the_finest_scale_at_which_only_its_first_part_is_lifted(
    given_map, tabled, out
):
    _is_finest(given_map, tabled, out)


@pytest.mark.parametrize("tabled", [True, False])
def test_a_row_of_int8_may_fill_the_accumulator_and_no_more(tabled):
    """With ever larger inputs; half a segment of the table takes up to a quarter of int32."""
    weights, frac = np.array([[0.9, -0.8, 0.7]]), np.full(3, 15)
    for reach in np.geomspace(2**19, 2**24, 60).astype(np.int64):
        _is_finest((weights, np.array([0.1]), frac, np.full(3, reach), 3), tabled, 12)


@pytest.mark.parametrize("tabled", [True, False])
def test_the_last_unit_of_the_accumulator_decides(tabled):
    """A weight of 64 at a shift of 9, or of 32 at 8."""
    left = 2**31 - 2 - 256 - (512 << 9) * tabled
    for bias, shift in ((left % 64, 9), (left % 64 + 1, 8)):
        given_map = np.ones((1, 1)), np.array([bias / 2**21]), np.full(1, 15)
        op = linear8(*given_map, np.array([left // 64]), np.full(1, 12), (1,), tabled)
        assert op.shift.tolist() == [shift]


def _is_finest(given_map, tabled, out):
    weights, bias, frac, reach, split = given_map
    rows, cols = weights.shape
    alone = not weights[:, split:].any()

    def row_at(r, shift):
        """(lift, integers) of a row, or None; where the first part is alone, it is the whole."""
        first = _lift(_largest(weights[r, :split], frac[:split], out + shift))
        second = _lift(_largest(weights[r, split:], frac[split:], out + shift))
        whole = first if alone else second
        if tabled and alone:  # one scale for all rows: the finest row's, and lifts beyond it
            firsts = (_largest(row[:split], frac[:split], out + shift) for row in weights)
            whole = min(_lift(largest) for largest in firsts)
        lift = max(first - whole, 0)
        if whole > 0 or lift > 7:
            return None
        row = _integers(weights[r], frac, out + shift, [lift] * split + [0] * (cols - split))
        most = _reach(row, reach) + abs(Fraction(bias[r]) * 2 ** (out + shift))
        most += (512 << shift) * tabled + ((1 << shift) >> 1)
        return (lift, row) if most < 2**31 - 1 else None

    expected = [None] * rows
    for shift in range(30, -1, -1):
        found = [row_at(r, shift) for r in range(rows)]
        if tabled and (None in found or max(lift for lift, _ in found) == 1):
            continue
        for r in range(rows):
            if expected[r] is None and found[r] is not None:
                expected[r] = (shift, *found[r])
    op = linear8(weights, bias, frac, reach, np.full(rows, out), (split, cols), tabled)
    if None in expected:
        assert op is None
        return
    found = zip(op.shift.tolist(), op.lifts.tolist(), op.weights.tolist(), strict=True)
    assert list(found) == expected
    assert op.bias.tolist() == [
        _rounded(b, out + shift) for b, (shift, *_) in zip(bias, expected, strict=True)
    ]
    assert op.split == split


@settings(max_examples=60)
@given(_maps(), st.integers(0, 2**32), st.integers(12, 16), st.integers(1, 32767))
def test_a_map_with_a_rate_has_the_finest_scale_at_which_both_are_int8(
    given_map, seed, dt_frac, dt_reach
):
    rows, cols = given_map[0].shape
    rng = np.random.default_rng(seed)
    size = np.exp2(rng.uniform(-2, 2, (rows, 1)) * rng.integers(0, 3) + rng.integers(-3, 4))
    rates = rng.uniform(-1, 1, (rows, cols)) * size, rng.uniform(-1, 1, rows)
    _are_finest(given_map, rates, dt_frac, dt_reach)


def test_a_map_with_a_rate_of_int8_may_fill_the_accumulator_and_no_more():
    weights, frac = np.array([[0.9, -0.8, 0.7]]) / 512, np.full(3, 15)
    rates = np.array([[0.2, 0.3, 0.1]]) / 512, np.array([0.1]) / 512
    for reach in np.geomspace(2**17, 2**24, 60).astype(np.int64):
        _are_finest((weights, np.array([1e-4]), frac, np.full(3, reach), 3), rates, 15, 300)


def _are_finest(given_map, rates, dt_frac, dt_reach):
    weights, bias, frac, reach, split = given_map
    rows, cols = weights.shape
    maps = (weights, bias), rates

    def at(shift):
        made, wholes = [], []
        scales = 11 + shift, 11 + shift - dt_frac + 16
        for (reals, biases), scale in zip(maps, scales, strict=True):
            firsts = [_lift(_largest(row[:split], frac[:split], scale)) for row in reals]
            seconds = [_lift(_largest(row[split:], frac[split:], scale)) for row in reals]
            whole = max(seconds) if reals[:, split:].any() else min(firsts)
            lifts = [max(first - whole, 0) for first in firsts]
            if not max(lifts) <= 7 >= whole or 1 in (max(lifts), whole):
                return None
            each = [[lift + whole] * split + [whole] * (cols - split) for lift in lifts]
            rows_of_it = zip(reals, each, strict=True)
            made += [lifts, [_integers(row, frac, scale, e) for row, e in rows_of_it]]
            made += [[_rounded(b, scale - whole) << whole for b in biases]]
            wholes.append(whole)
        if min(wholes) or wholes[0] >= shift:
            return None
        _, w, b, _, r, c = made
        for i in range(rows):
            rate = _reach(r[i], reach) + abs(c[i]) + 2**15
            still = _reach(w[i], reach) + abs(b[i]) + ((1 << shift) >> 1)
            still += ((rate >> 16) + 1) * dt_reach
            if max(rate, still) + (512 << shift) > 2**31 - 1:
                return None
        return shift, wholes, made

    expected = next((found for s in range(30, -1, -1) if (found := at(s))), None)
    op = timed8(maps, frac, reach, (dt_frac, dt_reach), 11, (split, cols))
    if expected is None:
        assert op is None
        return
    shift, wholes, made = expected
    assert (op.shift.tolist(), op.whole.tolist(), op.split) == ([shift] * rows, wholes, split)
    parts_of_op = (op.lifts, op.weights, op.bias, op.rate_lifts, op.rates, op.rate_bias)
    assert [part.tolist() for part in parts_of_op] == made


def test_the_first_part_is_all_but_the_last_window_or_the_only_one():
    assert [parts(ends) for ends in ((7,), (3, 7), (3, 5, 7))] == [7, 3, 5]
