"""silu, gelu and their like over all of int16, in every format."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.numbers.soft_curves import CURVES, HALF, pieces
from elegans.exporter.ops.soft_relu import SoftRelu

_ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
_FRACS = [(15, 15), (13, 13), (11, 11), (8, 8), (12, 15), (0, 0), (8, 15)]


def _op(curve, z_frac, y_frac, size):
    return SoftRelu.of(curve, np.full(size, z_frac), np.full(size, y_frac))


@pytest.mark.parametrize("curve", CURVES)
def test_every_int16_gives_the_same_bits_everywhere(everywhere, curve):
    for z_frac, y_frac in ((15, 15), (11, 11), (8, 15)):
        everywhere(_op(curve, z_frac, y_frac, 4096), _ALL.reshape(16, 4096))


def test_each_element_has_formats_of_its_own_everywhere(everywhere):
    rng = np.random.default_rng(3)
    z = rng.integers(-(1 << 15), 1 << 15, (50, 16))
    everywhere(SoftRelu.of("silu", np.arange(16), np.arange(16)[::-1].copy()), z)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(("z_frac", "y_frac"), _FRACS)
def test_each_curve_is_within_3_units_of_q15_and_half_a_unit_of_its_result(curve, z_frac, y_frac):
    found = _op(curve, z_frac, y_frac, 1).integer(_ALL[:, None])[:, 0]
    truth = CURVES[curve].function(np.ldexp(_ALL.astype(float), -z_frac))
    inside = np.abs(truth) <= 32767 * 2.0**-y_frac
    error = np.abs(np.ldexp(found.astype(float), -y_frac) - truth)[inside]
    assert error.max() <= 3.01 * 2.0**-15 + 0.5 * 2.0**-y_frac
    assert np.all(found[truth > 32768 * 2.0**-y_frac] == 32767)


@pytest.mark.parametrize("curve", CURVES)
def test_no_sum_within_a_segment_leaves_int32(curve):
    value, word = pieces(curve).T
    bend = ((word & 0xFFFF) ^ HALF) - HALF
    j = np.arange(-HALF, HALF)[:, None]
    slope = word + bend * j
    c = value + ((slope * j) >> 16)
    parts = (slope, (slope >> 16) * j, (slope & 0xFFFF) * j, value + (slope >> 16) * j, c)
    assert max(int(np.abs(part).max()) for part in parts) < 2**31
    assert np.abs(c >> 15).max() < 2**16  # so that 2^30 + c + 2^14 fits, too


@pytest.mark.parametrize("curve", [c for c in CURVES.values() if np.isfinite(c.lowest)])
def test_a_curve_is_least_where_it_says(curve):
    found = minimize_scalar(curve.function, bounds=(-3, 0), method="bounded")
    assert found.x == pytest.approx(curve.lowest, abs=1e-3)
    assert curve.function(np.array(curve.lowest)) <= found.fun + 1e-15


def test_the_range_is_the_exact_image():
    op = _op("silu", 11, 15, 3)
    z = Interval.of([-4000, -32768, 5], [100, 32767, 5])
    found = op.range(z)
    for n in range(3):
        values = op.integer(np.arange(z.lo[n], z.hi[n] + 1)[:, None])[:, n]
        assert (found.lo[n], found.hi[n]) == (values.min(), values.max())
