"""Ops on 32-bit states: the same bits everywhere, the hull, the saturation, and no drift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import Interval, RangeError, halves, whole
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.fused_step import MARGIN, FusedStep
from elegans.exporter.ops.lstm_cell import LstmCell
from elegans.exporter.ops.narrow import Narrow
from elegans.exporter.ops.relax import Relax
from elegans.exporter.ops.step_ratio import ratio_parts
from elegans.exporter.ops.widen import Widen
from elegans.tests.exporter.ops.grid import grid

_UPPER = st.integers(-32767, 32767)
_LOWER = st.integers(-32768, 32767)
_ENDS = [-32767, -16384, -1, 0, 1, 16383, 32767]
_LOW_ENDS = [-32768, -1, 0, 32767]


def _column(*values):
    return [np.array([[value]]) for value in values]


def _joined(*parts):
    return np.concatenate(parts, axis=-1)


@given(st.integers(-(2**31) + 2**15, 2**31 - 1 - 2**15))
def test_halves_are_int16_and_make_the_whole_again(a):
    upper, lower = halves(np.array(a))
    assert -32768 <= upper <= 32767
    assert -32768 <= lower <= 32767
    assert whole(upper, lower) == a


@pytest.mark.parametrize("e", [0, 1, 9, 17])
def test_relax_gives_the_same_bits_everywhere(everywhere, e):
    upper, lower, g, m = grid(_ENDS, _LOW_ENDS, _ENDS, [0, 1, 16384, 32767])
    shares = _joined(m, np.full_like(m, e))
    everywhere(Relax(upper.shape[1]), _joined(upper, lower), g, shares)


@given(_UPPER, _LOWER, _UPPER, st.integers(0, 32767), st.integers(0, 17))
@settings(max_examples=500)
def test_relax_never_passes_its_target_nor_turns_back(u, low, g, m, e):
    upper, _ = Relax(1).integer(*(np.array([p]) for p in ([u, low], [g], [m, e])))
    assert min(u, g) <= upper[0] <= max(u, g)


@given(_UPPER, _LOWER, _UPPER, st.integers(0, 17))
def test_a_share_of_zero_leaves_all_32_bits(u, low, g, e):
    upper, lower = Relax(1).integer(*(np.array([p]) for p in ([u, low], [g], [0, e])))
    assert (upper[0], lower[0]) == (u, low)


def test_a_million_small_steps_reach_their_target_and_do_not_drift():
    """dt / tau = 1e-5: ten time constants, then the state stays within 2^-14 of the target."""
    m, e = round(1e-5 * 2 ** (15 + 16)), 16
    op, g = Relax(3), np.array([32000, -7, -32767])
    h = np.zeros(6, np.int64)
    for _ in range(1_000_000 // 100):  # a hundred steps in one, but for their rounding
        h = _joined(*op.integer(h, g, np.repeat([m, e - 7], 3)))
    for _ in range(2000):
        h = _joined(*op.integer(h, g, np.repeat([m, e], 3)))
    assert np.abs(h[:3] - g).max() <= 4


@pytest.mark.parametrize("e", [0, 3, 17])
def test_the_lstm_cell_gives_the_same_bits_everywhere(everywhere, e):
    upper, lower, m, gate, g = grid(
        [-30719, -1, 0, 30719], _LOW_ENDS, [0, 1, 32767], [0, 32767], [-32768, 0, 32767]
    )
    n = upper.shape[1]
    op = LstmCell(n, 3, 30719)
    everywhere(op, _joined(upper, lower), _joined(m, np.full_like(m, e)), gate, g)


def test_the_lstm_cell_saturates_and_never_wraps():
    full, shut = np.array([32767]), np.array([0, 0])
    for sign in (1, -1):
        c = np.array([sign * 30719, 0])
        upper, _ = LstmCell(1, 3, 30719).integer(c, shut, full, sign * full)
        assert upper[0] == sign * 30719


def test_what_is_below_the_upper_half_is_forgotten_too():
    op, c, zero = LstmCell(1, 3, 30719), np.array([0, 30000]), np.array([0])
    for _ in range(60):
        c = _joined(*op.integer(c, np.array([16384, 0]), zero, zero))
    assert c[0] == 0
    assert abs(c[1]) <= 1


def test_a_cell_whose_format_leaves_no_room_is_refused():
    any16 = Interval.of([-32768], [32767])
    wide = Interval.of([-32767, -32768], [32767, 32767])
    share = Interval.of([0, 0], [32767, 17])
    with pytest.raises(RangeError, match="cell reaches"):
        LstmCell(1, 0, 32767).range(wide, share, any16, any16)


_RATIOS = {"tiny": (16384, 45), "small": (20000, 31), "one": (32767, 17), "huge": (32767, -9)}


def _ratio(name, n, quotient):
    m, s = _RATIOS[name]
    return _joined(*(np.full((1, n), part) for part in ratio_parts(*_column(m, s), quotient)))


@pytest.mark.parametrize("ratio", _RATIOS)
@pytest.mark.parametrize(("frac", "up", "one"), [(15, 0, 13), (14, 1, 10), (9, 2, 4), (0, 0, 1)])
def test_a_fused_step_gives_the_same_bits_everywhere(everywhere, frac, up, one, ratio):
    # Potentials up to 1, or all of int16 where these are the whole format.
    most = min(32764 >> up, 1 << frac) if frac else 30000
    upper, lower, current, conductance = grid(
        [-most, 0, 1, most], _LOW_ENDS, [-32768, -3, 0, 32767], [0, 1, 100, 16000, 32767]
    )
    n = upper.shape[1]
    op = FusedStep(frac, up, np.full(n, one), np.full(n, -most // 2), np.full(n, most))
    v = _joined(upper, lower)
    everywhere(op, v, current, conductance, _ratio(ratio, n, 32 - up))


@given(
    u=st.integers(-16384, 16384),
    low=_LOWER,
    current=st.integers(-32768, 32767),
    conductance=st.integers(0, 32767),
    m=st.integers(0, 32767),
    s=st.integers(-10, 60),
    one=st.integers(1, 13),
    ends=st.tuples(st.integers(-16384, 16384), st.integers(-16384, 16384)).map(sorted),
)
@settings(max_examples=1000)
def test_the_potential_stays_near_its_hull_for_any_inputs(
    u, low, current, conductance, m, s, one, ends
):
    op = FusedStep(14, 1, [one], *([end] for end in ends))
    r = np.array([int(part) for part in ratio_parts(np.array(m), np.array(s), 31)])
    upper, lower = op.integer(*(np.array(a) for a in ([u, low], [current], [conductance], r)))
    assert min(ends[0] - MARGIN, u) <= upper[0] <= max(ends[1] + MARGIN, u)
    assert -32768 <= lower[0] <= 32767


@given(u=st.integers(-16384, 16384), low=_LOWER, current=_LOWER, g=st.integers(0, 32767))
def test_without_elapsed_time_the_potential_stays(u, low, current, g):
    op = FusedStep(14, 1, [13], [-16384], [16384])
    r = np.array([int(part) for part in ratio_parts(np.array(0), np.array(90), 31)])
    upper, lower = op.integer(*(np.array(a) for a in ([u, low], [current], [g], r)))
    assert (upper[0], lower[0]) == (u, low)


@pytest.mark.parametrize("constants", [1e-6, 1e-4, 1e-2, 0.3, 3.0, 30.0])
def test_a_fused_step_follows_the_real_one(constants):
    """The change of the potential, to 2^-11 of itself and a unit of its quotient."""
    rng = np.random.default_rng(1)
    n, frac, up = 4000, 14, 1
    conductance = rng.integers(3000, 32767, n)
    target = rng.uniform(-1, 1, n)
    current = np.round(conductance * target).astype(np.int64)
    u, low = rng.integers(-16000, 16000, n), rng.integers(-32768, 32767, n)
    # r G = constants at the greatest conductance: r = m 2^-(s + one) in units of 1 / G.
    exponent = int(np.floor(np.log2(32767 * 32767 / constants)))
    m = round(constants / 32767 * 2.0**exponent)
    most = exponent - (32 - up - 16)
    one = min(most, 13) if most >= 10 else max(min(most + 2, 10), 4)
    parts = ratio_parts(np.full(n, m), np.full(n, exponent - one), 32 - up)
    op = FusedStep(frac, up, np.full(n, one), np.full(n, -16384), np.full(n, 16384))
    upper, lower = op.integer(_joined(u, low), current, conductance, _joined(*parts))
    before, after = whole(u, low), whole(upper, lower)
    x = m * 2.0**-exponent * conductance
    change = (current / conductance * 2.0**30 - u * 65536.0) * x / (1 + x)
    error = np.abs(after - before - change)
    coarse = 2.0 ** (max(int(parts[2].max()), 0))
    assert np.all(error <= np.abs(change) * 2.0**-11 + coarse + 1)


def test_a_conductance_that_could_be_negative_is_refused():
    any16, v = Interval.of([-32768], [32767]), Interval.of([-9, 0], [9, 0])
    with pytest.raises(RangeError, match="negative"):
        FusedStep(14, 1, [13], [-9], [9]).range(v, any16, any16, Interval.of([0, 0, 0], [1, 1, 1]))


@pytest.mark.parametrize(("gain", "shift"), [(26214, 13), (-32767, 0), (1, 30), (16384, 2)])
def test_narrowing_gives_the_same_bits_everywhere(everywhere, gain, shift):
    upper, lower = grid(_ENDS, _LOW_ENDS)
    everywhere(Narrow(upper.shape[1], gain, shift), _joined(upper, lower))


def test_widening_gives_the_same_bits_everywhere(everywhere):
    everywhere(Widen(), np.array([[-32768, *_ENDS]]))


def test_a_constant_is_the_same_for_every_run():
    op = Constant(np.array([3, -4]))
    assert op.integer(np.zeros((5, 2), np.int64)).tolist() == [[3, -4]] * 5
    assert op.tables()[0].values.tolist() == [3, -4]
