"""32-bit integers as two of 16: taken apart, put together, widened, narrowed; and constants."""

from __future__ import annotations

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
    halves,
)
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.narrow import Narrow
from elegans.exporter.ops.widen import Widen
from elegans.tests.exporter.ops.grid import grid
from elegans.tests.places import RUNTIME

_HALF = 1 << 15
_ENDS = [-32767, -16384, -1, 0, 1, 2, 16383, 32766, 32767]
_LOWER = [-32768, -1, 0, 1, 32767]
_WIDE = st.integers(INT32_MIN + _HALF, INT32_MAX - _HALF)


def test_widening_gives_the_same_bits_everywhere(everywhere):
    found = everywhere(Widen(), np.array([[-32768, *_ENDS]]))
    n = len(_ENDS) + 1
    np.testing.assert_array_equal(found[0, :n], [-32767, *_ENDS])
    assert not found[0, n:].any()


@pytest.mark.parametrize("gain", [-32767, -1, 0, 1, 16384, 32767])
@pytest.mark.parametrize("shift", [0, 1, 14, 15, 30])
def test_narrowing_gives_the_same_bits_everywhere(everywhere, gain, shift):
    upper, lower = grid(_ENDS, _LOWER)
    everywhere(Narrow(upper.shape[1], gain, shift), np.concatenate([upper, lower], axis=1))


@given(_WIDE, st.integers(-32767, 32767), st.integers(0, 30))
def test_narrowing_is_the_real_product_rounded_in_all_32_bits(a, gain, shift):
    """One product of 32 by 16 bits, rounded down, then one rounding: an error below 2 units."""
    found = Narrow(1, gain, shift).integer(np.concatenate(halves(np.array([a]))))[0]
    truth = np.clip(a * gain / 2.0 ** (16 + shift), INT16_MIN, INT16_MAX)
    assert abs(found - truth) <= 0.5 + 2.0**-shift


def test_narrowing_reads_the_lower_half():
    x = np.array([1, 20000])  # 1 + 20000 / 2^16
    assert Narrow(1, 16384, 0).integer(x)[0] == (65536 + 20000) // 4
    assert Narrow(1, 16384, 0).integer(np.array([1, 0]))[0] == 16384


def test_a_gain_that_is_no_int16_magnitude_is_refused():
    ends = Interval.of([-32767, -32768], [32767, 32767])
    for gain in (-32768, 32768):
        with pytest.raises(RangeError, match="gain"):
            Narrow(1, gain, 3).range(ends)


def test_halves_whose_whole_is_no_int32_are_not_narrowed():
    with pytest.raises(RangeError, match="int32"):
        Narrow(1, 3, 3).range(Interval.of([-32768, -32768], [32767, 32767]))


def test_a_constant_is_its_value_whatever_comes_and_costs_no_call():
    op = Constant([3, -32768, 32767])
    for x in (np.zeros((2, 1), np.int64), np.full((2, 5), 32767)):
        np.testing.assert_array_equal(op.integer(x), [[3, -32768, 32767]] * 2)
    assert not (RUNTIME / "include/elegans/el_constant.h").exists()
    (table,) = op.tables()
    assert table.ctype == "int16_t"
    assert op.range(Interval.of([0], [9])).within(Interval.of(op.value, op.value))
