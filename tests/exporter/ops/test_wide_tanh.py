"""tanh of arguments of 32 bits."""

from __future__ import annotations

import re

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError, halves
from elegans.exporter.ops.tanh import GAIN
from elegans.exporter.ops.wide_tanh import FRAC, WideTanh, odd_curve, parabolas
from elegans.tests.exporter.ops.grid import grid
from elegans.tests.places import CHECKOUT

_SOURCE = CHECKOUT / "runtime_c" / "src" / "el_wide_tanh.c"
_ALL = np.arange(1 << 20)  # of which the last ones have the value of all greater ones


@pytest.mark.parametrize(("gain", "shift"), [(-32767, 0), (26214, 2), (32767, 30)])
def test_all_magnitudes_give_the_same_bits_everywhere(everywhere, gain, shift):
    upper, lower = grid([-32767, -9001, -1, 0, 1, 300, 32767], [-32768, -1, 0, 1, 5000, 32767])
    everywhere(WideTanh(upper.shape[1], gain, shift), np.concatenate([upper, lower], axis=1))


def test_all_segments_give_the_same_bits_everywhere(everywhere):
    """Their ends, their centres, and what lies between."""
    z = (np.arange(-130, 130)[:, None] << 13) + np.array([-1, 0, 1, 4095, 4096, 6000])
    x = np.concatenate(halves(z.reshape(-1) << 2))[None]
    everywhere(WideTanh(x.shape[1] // 2, 1 << 14, 0), x)


def test_it_is_odd_and_within_a_unit_of_the_exact_value():
    truth = 32768 * np.tanh(_ALL / (GAIN * (1 << FRAC)))
    assert np.abs(odd_curve(_ALL) - truth).max() < 0.57
    np.testing.assert_array_equal(odd_curve(-_ALL), -odd_curve(_ALL))
    assert set(odd_curve(np.array([_ALL[-1], 1 << 20, 1 << 30])).tolist()) == {32765}


def test_no_intermediate_leaves_int32():
    c0, c1, c2 = parabolas().T
    i, j = _ALL >> 13, (_ALL & 8191) - 4096
    slope = c1[i] + ((c2[i] * j + (1 << 18)) >> 19)
    for value in (c2[i] * j, slope * j, c0[i] + slope * j):
        assert np.abs(value).max() < 1 << 31


def test_its_bounds_hold_every_value_between_their_ends():
    found = odd_curve(_ALL)
    assert np.diff(found).min() >= -1
    for lo, hi in ((0, 9), (70000, 70900), (1 << 16, (1 << 20) - 1)):
        ends = Interval.of([lo >> 14, -(1 << 15)], [(hi >> 14) + 1, (1 << 15) - 1])
        bounds = WideTanh(1, 1 << 14, 0).range(ends)
        part = found[lo : hi + 1]
        assert bounds.lo[0] <= part.min() <= part.max() <= bounds.hi[0]
    with pytest.raises(RangeError, match="gain"):
        WideTanh(1, 1 << 15, 0).range(Interval.of([0, 0], [0, 0]))


def test_each_parabola_goes_through_its_nodes():
    nodes = 4096 * np.cos(np.pi * (2 * np.arange(3) + 1) / 6)
    for i, (c0, c1, c2) in enumerate(parabolas()):
        truth = np.tanh((8192 * i + 4096 + nodes) / (GAIN * (1 << FRAC))) * 2.0**31
        made = c0 - (1 << 15) + (c1 + c2 * nodes / (1 << 19)) * nodes
        assert np.abs(made - truth).max() < 4096, i  # half a unit of its slope at its ends


def test_the_table_in_c_is_that_of_python():
    body = _SOURCE.read_text().split("el_wide_tanh_curve[128] = {")[1].split("};")[0]
    assert [int(n) for n in re.findall(r"-?\d+", body)] == parabolas().ravel().tolist()
