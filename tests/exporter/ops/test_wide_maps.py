"""Maps with results of 32 bits, and the ops that read these."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops import from_json, to_json
from elegans.exporter.ops.elapsed_gate import ElapsedGate
from elegans.exporter.ops.fused_step import MARGIN, FusedStep
from elegans.exporter.ops.step_ratio import ratio_parts
from elegans.exporter.ops.wide_elapsed_gate import WideElapsedGate
from elegans.exporter.ops.wide_fused_step import WideFusedStep
from elegans.exporter.ops.wide_gated_drive import WideGatedDrive
from elegans.exporter.ops.wide_linear import WideLinear
from elegans.exporter.ops.wide_sparse_linear import WideSparseLinear
from elegans.tests.exporter.ops.grid import grid

_MAPS = [WideLinear, WideSparseLinear]
_ENDS = np.array([-32768, -32767, -1, 0, 1, 32767])
_HALVES = [-32767, -1, 0, 1, 32767]


def _inputs(rng, rows, cols):
    return np.concatenate(
        [rng.choice(_ENDS, (rows, cols)), rng.integers(-32768, 32768, (rows, cols))]
    )


def _whole(a):
    n = a.shape[-1] // 2
    return (a[..., :n] << 16) + a[..., n:]


@pytest.mark.parametrize("kind", _MAPS)
@pytest.mark.parametrize(
    ("cols", "shift"), [(1, 13), (1, 17), (3, 16), (29, 22), (600, 27), (600, 30)]
)
def test_a_map_of_32_bits_is_exact_and_the_same_everywhere(everywhere, kind, cols, shift):
    """With the greatest weights at which its result fits, and with few of them."""
    rng = np.random.default_rng(cols * shift)
    most = min(32767, ((1 << (15 + shift)) - (1 << 21)) // (cols << 15))
    for part in (1.0, 0.3):
        weights = rng.integers(-most, most + 1, (3, cols)) * (rng.random((3, cols)) <= part)
        weights[:, 0] = -most
        bias = rng.integers(-(1 << 19), 1 << 19, 3)
        x = np.concatenate([_inputs(rng, 10, cols), np.full((1, cols), -32768)])
        op = kind(weights, bias, np.full(3, shift))
        exact = x @ weights.T + bias
        found = _whole(everywhere(op, x))
        wanted = (16 * exact + (1 << (shift - 13))) >> (shift - 12)
        np.testing.assert_array_equal(found, wanted)
        assert to_json(from_json(to_json(op))) == to_json(op)


@pytest.mark.parametrize("kind", _MAPS)
def test_a_map_whose_upper_half_could_leave_int16_is_refused(kind):
    x = Interval.of([-32768], [32767])
    upper, lower = kind([[32767]], [0], [17]).range(x)
    assert (upper.lo[0], upper.hi[0]) == (-8192, 8192)
    assert (lower.lo[0], lower.hi[0]) == (-32768, 32767)
    with pytest.raises(RangeError, match="upper half"):
        kind([[32767] * 5], [0], [17]).range(Interval.of([-32768] * 5, [32767] * 5))
    with pytest.raises(ValueError, match=r"13\.\.30"):
        kind([[1]], [0], [12])


@pytest.mark.parametrize(("align", "shift"), [(0, 0), (15, 0), (14, 3), (5, 15), (0, 30), (15, 30)])
def test_a_time_gate_with_a_rate_of_32_bits_is_the_same_everywhere(everywhere, align, shift):
    """Of lower halves of zero it is the gate of 16 bits."""
    upper, lower, b = grid(_HALVES, [-32768, -1, 0, 5, 32767], [-32768, -1, 0, 1, 32767])
    a = np.concatenate([upper, lower], axis=1)
    for m, e in ((0, 31), (1 << 14, 0), (32767, 0), (32767, 7), (20000, 30)):
        t = np.array([[m, e]])
        found = everywhere(WideElapsedGate(align, shift, upper.shape[1]), a, b, t)
        short = ElapsedGate(align, shift).integer(upper, b, t)
        np.testing.assert_array_equal(found[lower == 0], short[lower == 0])


@pytest.mark.parametrize("align", [0, 3, 14])
def test_a_gated_drive_with_32_bits_is_exact_and_the_same_everywhere(everywhere, align):
    upper, lower, b, u = grid(_HALVES, [-32768, 0, 77, 32767], [-32768, 0, 32767], [0, 1, 32767])
    a = np.concatenate([upper, lower], axis=1)
    found = everywhere(WideGatedDrive(upper.shape[1], align), a, b, u)
    np.testing.assert_array_equal(_whole(found), (_whole(a) * u >> 16) + (b << align))


def test_a_gated_drive_whose_sum_has_no_halves_is_refused():
    a, u = Interval.of([-32767, -32768], [32767, 32767]), Interval.of([0], [32767])
    WideGatedDrive(1, 14).range(a, Interval.of([-32768], [32767]), u)
    with pytest.raises(RangeError, match="int32"):
        WideGatedDrive(1, 16).range(a, Interval.of([-32768], [32767]), u)


@pytest.mark.parametrize(("frac", "one"), [(0, 1), (9, 13), (15, 4)])
def test_a_fused_step_with_a_current_of_32_bits_is_the_same_everywhere(everywhere, frac, one):
    """Of lower halves of zero it is the step with 16 bits."""
    reach, up, most = min(32766, ((1 << 30) >> frac) - 1), 1, 16384
    lo, hi = -12000, 15000
    upper, lower, current, below, conductance, m, s = grid(
        [lo - MARGIN, 0, hi + MARGIN],
        [-32768, 32767],
        [-reach, -1, 0, 77, reach],
        [-32768, 0, 1, 32767],
        [0, 1, most],
        [1, 16384, 32767],
        [-9, 15 - up, 33 - up],
    )
    n = upper.shape[1]
    fields = (frac, up, np.full(n, one), np.full(n, lo), np.full(n, hi))
    v, wide = np.concatenate([upper, lower], axis=1), np.concatenate([current, below], axis=1)
    r = np.concatenate(ratio_parts(m, s, 32 - up), axis=1)
    found = everywhere(WideFusedStep(*fields), v, wide, conductance, r)
    short = np.concatenate(FusedStep(*fields).integer(v, current, conductance, r), axis=-1)
    exact = np.tile(below == 0, 2)
    np.testing.assert_array_equal(found[exact], short[exact])
