"""Rows of hundreds of inputs have sums of 64 bits; all others keep theirs of 32."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.lowering.quantise_maps import RealMap, RealTimedMap, linear, timed
from elegans.exporter.numbers.fixed import Interval, dequantise
from elegans.exporter.ops.long_linear import LongLinear
from elegans.exporter.ops.long_sliding_linear import LongSlidingLinear
from elegans.exporter.ops.long_sparse_linear import LongSparseLinear
from elegans.exporter.ops.long_timed_linear import LongTimedLinear
from elegans.exporter.ops.timed_linear import TimedLinear

_ANY = 32767


def _map(weights, out_frac=12):
    rows, cols = weights.shape
    frac, reach = np.full(cols, 15), np.full(cols, _ANY)
    return RealMap(weights, np.zeros(rows), frac, reach, np.full(rows, out_frac), (cols,))


def _weights(rows, cols, density=1.0):
    rng = np.random.default_rng(cols)
    return rng.normal(0, 0.3, (rows, cols)) * (rng.random((rows, cols)) < density)


@pytest.mark.parametrize("cols", [19, 64, 128, 200, 600])
def test_a_row_of_hundreds_of_inputs_keeps_its_digits(cols):
    weights = _weights(6, cols)
    op = linear(_map(weights), tabled=True)
    assert isinstance(op, LongLinear) == (cols > 128)
    x = np.random.default_rng(1).integers(-_ANY, _ANY + 1, (400, cols))
    wanted = np.clip(dequantise(x, 15) @ weights.T, -8, 8 - 2**-12)
    errors = np.abs(dequantise(op.integer(x), 12) - wanted) * 2**12
    assert errors.max() < (4 if cols > 128 else 40)
    op.range(Interval.of(np.full(cols, -_ANY), np.full(cols, _ANY)))


def test_a_list_of_synapses_does_so_earlier_because_that_costs_it_nothing():
    weights = np.zeros((3, 4000))
    weights[:, ::20] = _weights(3, 200)
    assert isinstance(linear(_map(weights, 10)), LongSparseLinear | LongSlidingLinear)
    assert not isinstance(linear(_map(weights[:, ::20], 10)), LongLinear)


@pytest.mark.parametrize("cols", [64, 300])
def test_a_gate_with_a_rate_keeps_its_digits(cols):
    drive, rate = _weights(4, cols), _weights(4, cols + 1)[:, 1:]
    given = (np.full(cols, 15), np.full(cols, _ANY))
    zero = np.zeros(4)
    real = RealTimedMap(drive, zero, rate, zero, *given, 15, 26214, 11, (cols,))
    op = timed(real)
    assert type(op) is (LongTimedLinear if cols > 128 else TimedLinear)
    rng = np.random.default_rng(2)
    x, dt = rng.integers(-_ANY, _ANY + 1, (400, cols)), rng.integers(0, 26215, (400, 1))
    h, t = dequantise(x, 15), dequantise(dt, 15)
    wanted = np.clip(h @ drive.T + t * (h @ rate.T), -16, 16 - 2**-11)
    errors = np.abs(dequantise(op.integer(x, dt), 11) - wanted) * 2**11
    assert errors.max() < (4 if cols > 128 else 40)
