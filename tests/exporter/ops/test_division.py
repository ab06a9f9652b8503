"""LTC's fused step and the quotient: their bounds, and how near they are to real numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import Interval, RangeError, rdiv
from elegans.exporter.ops.absolute import Absolute
from elegans.exporter.ops.fused_step import FusedStep
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.quotient import Quotient
from elegans.tests.exporter.ops.grid import grid

_INT16 = st.integers(-32768, 32767)
_NOT_NEGATIVE = st.integers(0, 32767)
_ENDS = [-32768, -32767, -16384, -1, 0, 1, 2, 16383, 32766, 32767]
_POSITIVE = [0, 1, 2, 3, 100, 16384, 32766, 32767]


def _step(n=1, capacity=1 << 20, lift=0, frac=15, lo=-32767, hi=32767):
    wide = (np.full(n, value) for value in (capacity, lift))
    return FusedStep(*wide, frac, np.full(n, lo), np.full(n, hi))


@given(st.integers(-(2**30), 2**30), st.integers(1, 2**30))
def test_rdiv_rounds_half_up(a, b):
    assert int(rdiv(np.array(a), np.array(b))) == (2 * a + b - (b % 2)) // (2 * b)


@pytest.mark.parametrize("frac", [0, 9, 14, 15])
@pytest.mark.parametrize("dt", [0, 1, 300, 32767])
@pytest.mark.parametrize(
    ("capacity", "lift"), [(0, 0), (1, 0), (77777, 3), (2**30, 0), (2**30, 30)]
)
def test_a_fused_step_gives_the_same_bits_everywhere(everywhere, frac, dt, capacity, lift):
    v, current, conductance = grid(_ENDS, _ENDS, _POSITIVE)
    op = _step(v.shape[1], capacity, lift, frac)
    everywhere(op, v, current, conductance, np.full((1, 1), dt))


@pytest.mark.parametrize("frac", [0, 9, 15])
def test_a_quotient_gives_the_same_bits_everywhere(everywhere, frac):
    over, under = grid(_ENDS, _POSITIVE)
    n = over.shape[1]
    everywhere(Quotient(frac, np.full(n, -20000), np.full(n, 32767)), over, under)


@given(
    v=_INT16,
    current=_INT16,
    conductance=_NOT_NEGATIVE,
    dt=_NOT_NEGATIVE,
    capacity=st.integers(0, 2**30),
    lift=st.integers(0, 30),
    frac=st.integers(0, 15),
    ends=st.tuples(_INT16, _INT16).map(sorted),
)
@settings(max_examples=500)
def test_the_potential_never_leaves_its_hull_for_any_inputs(
    v, current, conductance, dt, capacity, lift, frac, ends
):
    op = _step(1, capacity, lift, frac, *ends)
    found = int(op.integer(*(np.array([a]) for a in (v, current, conductance, dt)))[0])
    assert ends[0] <= found <= ends[1]


@given(_INT16, _INT16, _NOT_NEGATIVE, st.integers(0, 2**30), st.integers(0, 15))
def test_without_elapsed_time_the_potential_stays(v, current, conductance, capacity, frac):
    op = _step(1, capacity, 0, frac, -32768, 32767)
    assert op.integer(*(np.array([a]) for a in (v, current, conductance, 0)))[0] == v


@given(st.integers(-32767, 32767), st.integers(-8000, 8000), st.integers(8001, 16384))
def test_after_a_very_long_time_the_potential_is_current_over_conductance(v, current, conductance):
    op = _step(1, 1, 0, 15)
    args = (np.array([a]) for a in (v, current, conductance, 32767))
    target = current / conductance * 32768
    # One unit of I - G v, rounded, is 2^15 / G units of the potential.
    assert abs(int(op.integer(*args)[0]) - target) <= 32768 / conductance + 1


@given(_INT16, st.integers(-16000, 16000), st.integers(8192, 16384), _NOT_NEGATIVE)
def test_the_potential_never_overshoots_its_target(v, current, conductance, dt):
    op = _step(1, 1 << 24, 0, 14, -32768, 32767)
    args = (np.array([a]) for a in (v, current, conductance, dt))
    found, target = int(op.integer(*args)[0]), current / conductance * 16384
    slack = 16384 / conductance + 1
    assert min(v, target) - slack <= found <= max(v, target) + slack


def test_a_fused_step_follows_the_real_one():
    """With capacities, conductances and times that LTCs have; errors in units of 2^-15."""
    rng = np.random.default_rng(0)
    n, d_frac, q = 20000, 15, 12
    capacity = rng.uniform(0.5, 6, n)
    conductance = rng.integers(0.1 * 2**q, 4 * 2**q, n)
    reversal = rng.uniform(-0.99, 0.99, n)
    current = np.round(conductance * reversal).astype(np.int64)
    v = rng.integers(-32000, 32000, n)
    op = FusedStep(
        np.round(capacity * 2.0 ** (d_frac + q)), np.zeros(n), 15, np.full(n, -32768), [32767] * n
    )
    for dt in (0, 3, 500, 32767):
        now = dt / 2**d_frac
        g, i = conductance / 2**q, current / 2**q
        truth = (capacity * v / 32768 + now * i) / (capacity + now * g) * 32768
        error = np.abs(op.integer(v, current, conductance, np.array([dt])) - truth)
        # Rounding: half a unit (2^-12) each of I - G v and of C / dt, and half a unit of v'.
        way = np.abs(reversal - v / 32768) + 1e-3
        assert np.all(error <= 2**2 * (1 + way) / (g + capacity / max(now, 1e-9)) + 0.51), dt


def test_a_conductance_that_could_be_negative_is_refused():
    any16, dt = Interval.of([-32768], [32767]), Interval.of([0], [9])
    with pytest.raises(RangeError, match="negative"):
        _step().range(any16, any16, any16, dt)


def test_magnitudes_give_the_same_bits_everywhere(everywhere):
    everywhere(Absolute(), np.array([_ENDS]))


@pytest.mark.parametrize("shift", [0, 3, 14, 15])
def test_a_product_of_any_scale_gives_the_same_bits_everywhere(everywhere, shift):
    everywhere(Product(shift), *grid(_POSITIVE, _ENDS))
