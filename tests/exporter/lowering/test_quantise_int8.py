"""Int8 weights: each row and each of its two parts has the scale that its weights need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from elegans.exporter.lowering.quantise_maps import RealMap, RealTimedMap, linear, timed
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
