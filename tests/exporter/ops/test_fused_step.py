"""LTC's fused step in 32 bits: near the real one at every time scale, in its hull, no drift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elegans.exporter.atoms.gates.fused_step import _fracs_of_one
from elegans.exporter.atoms.time import mantissas
from elegans.exporter.numbers.fixed import INT32_MAX, Interval, RangeError
from elegans.exporter.ops.fused_step import MARGIN, MOST_UP, FusedStep
from elegans.exporter.ops.step_ratio import MOST_LEFT, StepRatio, ratio_parts
from elegans.tests.exporter.ops.grid import grid
from elegans.tests.places import CHECKOUT

_FRAC, _SHIFT = 14, 12  # fractional bits of potentials, and of currents and conductances
_HULL = 1 << _FRAC  # -1 and 1


def _most_up(conductance, lo, hi):
    widest = int(conductance * (hi - lo + 2 * MARGIN))
    return next(up for up in range(MOST_UP, -1, -1) if widest << up <= INT32_MAX)


def _step(size, q, most, lo=-_HULL, hi=_HULL):
    """The op for conductances up to `most`, and r for dt / C = q, formed as the exporter does."""
    up = _most_up(most, lo, hi)
    m, k = mantissas(np.broadcast_to(q, size))
    one = _fracs_of_one(k + _SHIFT, 32 - up)
    op = FusedStep(_FRAC, up, one, np.full(size, lo), np.full(size, hi))
    return op, np.concatenate(ratio_parts(m, k + _SHIFT - one, 32 - up))


def _neurons(rng, size):
    """Conductances of 0.1 to 4, currents of reversal potentials within -1 and 1, any potential."""
    conductance = rng.integers(int(0.1 * 2**_SHIFT), 4 << _SHIFT, size)
    current = np.round(conductance * rng.uniform(-1, 1, size)).astype(np.int64)
    v = np.concatenate([rng.integers(-_HULL, _HULL + 1, size), rng.integers(-32768, 32768, size)])
    return v, current, conductance


def _potential(v):
    n = v.shape[-1] // 2
    return (v[..., :n] + v[..., n:] / 65536) / 2**_FRAC


@pytest.mark.parametrize("quotient", [19, 25, 32])
@pytest.mark.parametrize("time", [(0, 31), (1 << 14, 0), (32767, 9), (20000, 30)], ids=str)
def test_ratios_have_the_same_bits_everywhere(everywhere, quotient, time):
    rate, shift = grid([0, 1, 16384, 32767], np.arange(-128, 128))
    everywhere(StepRatio(rate[0], shift[0], quotient), np.array([time]))


@pytest.mark.parametrize(("frac", "one"), [(0, 1), (9, 13), (14, 10), (15, 4)])
@pytest.mark.parametrize("most", [1, 333, 16384])
def test_a_fused_step_gives_the_same_bits_everywhere(everywhere, frac, one, most):
    """Currents as far outside of lo G .. hi G as int32 permits."""
    reach = min(32767, (1 << 30) >> frac)
    lo, hi = -12000, 15000
    up = _most_up(most, lo, hi)
    upper, lower, current, conductance, m, s = grid(
        [lo - MARGIN, -5, 0, 1, hi + MARGIN],
        [-32768, 0, 32767],
        [-reach, -1, 0, 77, reach],
        [0, 1, most],
        [0, 1, 16384, 32767],
        [-9, 14 - up, 15 - up, 32 - up, 33 - up, 99],
    )
    n = upper.shape[1]
    op = FusedStep(frac, up, np.full(n, one), np.full(n, lo), np.full(n, hi))
    v = np.concatenate([upper, lower], axis=1)
    everywhere(op, v, current, conductance, np.concatenate(ratio_parts(m, s, 32 - up), axis=1))


def test_the_margin_is_the_3_units_of_the_document():
    assert MARGIN == 3
    assert "3 units beyond" in (CHECKOUT / "docs" / "numerics.md").read_text()


@pytest.mark.parametrize("q", 10.0 ** np.arange(-6, 4))
def test_a_fused_step_is_within_3_thousandths_of_its_share_of_the_hull(q):
    """Of the hull's width 2, for dt / C of 1e-6 to 1000: 4e-4 times dt / C, but at most 3e-4."""
    size = 20_000
    v, current, conductance = _neurons(np.random.default_rng(5), size)
    op, r = _step(size, q, conductance.max())
    found = _potential(np.concatenate(op.integer(v, current, conductance, r)))
    before, i, g = _potential(v), current / 2**_SHIFT, conductance / 2**_SHIFT
    truth = (before + q * i) / (1 + q * g)
    assert np.abs(found - truth).max() <= 2 * min(4e-4 * q, 3e-4) + 2.0**-30


@given(
    upper=st.integers(-_HULL - MARGIN, _HULL + MARGIN),
    lower=st.integers(-32768, 32767),
    current=st.integers(-32768, 32767),
    conductance=st.integers(0, 16384),
    m=st.integers(0, 32767),
    s=st.integers(-40, 120),
    one=st.integers(1, 13),
    ends=st.tuples(*[st.integers(-_HULL, _HULL)] * 2).map(sorted),
)
@settings(max_examples=1000)
def test_a_potential_stays_within_a_margin_of_its_hull_for_any_inputs(
    upper, lower, current, conductance, m, s, one, ends
):
    """Where it is beyond the margin already it does not go further."""
    up = _most_up(16384, *ends)
    op = FusedStep(_FRAC, up, [one], [ends[0]], [ends[1]])
    r = np.concatenate(ratio_parts(np.array([m]), np.array([s]), 32 - up))
    args = (np.array([a]) for a in (current, conductance))
    found, left = op.integer(np.array([upper, lower]), *args, r)
    assert min(ends[0] - MARGIN, upper) <= found[0] <= max(ends[1] + MARGIN, upper)
    assert -32768 <= left[0] <= 32767


@given(
    st.integers(-_HULL, _HULL),
    st.integers(-32768, 32767),
    st.integers(-32768, 32767),
    st.integers(0, 16384),
    st.integers(-100, 100),
)
def test_without_elapsed_time_the_potential_keeps_every_bit(upper, lower, current, conductance, s):
    rate = StepRatio([32767], [s], 31).integer(np.array([0, 31]))
    if s + 31 < 31 - MOST_LEFT:
        return  # such a ratio counts as thousands of time constants, and dt is never 0 there
    op = FusedStep(_FRAC, 1, [13], [-_HULL], [_HULL])
    args = (np.array([a]) for a in (current, conductance))
    v = np.array([upper, lower])
    assert np.concatenate(op.integer(v, *args, np.concatenate(rate))).tolist() == v.tolist()


@pytest.mark.parametrize("q", [1e-6, 1e-3, 1.0, 100.0])
def test_a_million_steps_at_equilibrium_stay_within_2_units_of_the_upper_half(repeat, q):
    rng, size = np.random.default_rng(7), 16
    conductance = rng.integers(int(0.1 * 2**_SHIFT), 4 << _SHIFT, size)
    u = rng.integers(-_HULL, _HULL + 1, size)
    current = np.round(conductance * u / 2**_FRAC).astype(np.int64)
    op, r = _step(size, q, conductance.max())
    v = repeat(op, np.concatenate([u, 0 * u]), current, conductance, r)
    # The equilibrium is I / G, which the rounding of I may put away from u.
    goal = current / conductance * 2**_FRAC
    away = np.abs(_potential(v) * 2**_FRAC - goal)
    assert np.all(away <= np.maximum(np.abs(u - goal), 2))


def test_a_million_slow_steps_follow_the_exact_way(repeat):
    """dt / C = 1e-6, G = 1: after 1,000,000 steps 1 - 1/e of the way, within 1e-3 of the hull."""
    current = np.array([-4096, -1000, 3, 2048, 4096])
    op, r = _step(5, 1e-6, 4096)
    v = repeat(op, np.zeros(10, np.int64), current, np.full(5, 4096), r)
    truth = current / 4096 * -np.expm1(-1e6 * np.log1p(1e-6))
    assert np.abs(_potential(v) - truth).max() <= 1e-3


def test_a_conductance_below_zero_a_coarse_quotient_and_a_full_format_are_refused():
    v, current = Interval.of([-9, -32768], [9, 32767]), Interval.of([-9], [9])
    r = Interval.of([0, 0, -20], [32767, 31, MOST_LEFT])
    op = FusedStep(_FRAC, 0, [13], [-_HULL], [_HULL])
    fine = op.range(v, current, Interval.of([0], [9]), r)
    assert (fine[0].lo[0], fine[0].hi[0]) == (-_HULL - MARGIN, _HULL + MARGIN)
    with pytest.raises(RangeError, match="negative"):
        op.range(v, current, Interval.of([-1], [9]), r)
    coarse = Interval.of([0, 0, 0], [32767, 31, MOST_LEFT + 1])
    with pytest.raises(RangeError, match="coarser"):
        op.range(v, current, Interval.of([0], [9]), coarse)
    full = FusedStep(_FRAC, 0, [13], [-32767], [0])
    with pytest.raises(RangeError, match="leaves its format"):
        full.range(v, current, Interval.of([0], [9]), r)
    with pytest.raises(RangeError, match="int32"):
        FusedStep(_FRAC, MOST_UP, [13], [-_HULL], [_HULL]).range(
            v, current, Interval.of([0], [16384]), r
        )
