"""Elapsed time, shares and ratios as mantissa and exponent: same bits, and the digits they keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.ops.decay_share import DecayShare, parabolas
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.elapsed_gate import ElapsedGate
from elegans.exporter.ops.gate_share import GAIN, GateShare
from elegans.exporter.ops.gate_share import parabolas as gate_parabolas
from elegans.exporter.ops.rest_share import RestShare
from elegans.exporter.ops.short_time import ShortTime
from elegans.exporter.ops.step_ratio import StepRatio
from elegans.exporter.ops.time_share import TimeShare
from elegans.tests.exporter.ops.grid import grid
from elegans.tests.places import RUNTIME

_MOST = 2**31 - 1
_TIMES = [-(2**31), -1, 0, 1, 2, 3, 1000, 2**16, 2**30 - 1, 2**30, _MOST]


def _time(*pairs):
    return np.array(pairs)


def _value(share):
    m, e = (np.asarray(part, np.float64) for part in share)
    return m * 2.0 ** (-15 - e)


@pytest.mark.parametrize(("lo", "hi"), [(0, _MOST), (5, 2**20)])
def test_elapsed_time_gives_the_same_bits_everywhere(everywhere, lo, hi):
    times = np.array(_TIMES)[:, None]
    everywhere(Elapsed(lo, hi), times)
    everywhere(ShortTime(lo, hi), times)


@given(st.integers(1, _MOST))
def test_a_short_time_has_as_many_digits_as_a_long_one(dt):
    m, e = (int(part[0]) for part in Elapsed(0, _MOST).integer(np.array([dt])))
    assert 2**14 <= m < 2**15
    assert 0 <= dt - m * 2.0 ** (16 - e) < 2.0 ** (16 - e)


_T = _time((0, 31), (16384, 0), (32767, 0), (20000, 9), (32767, 30))


@pytest.mark.parametrize("shift", [0, 4, 17, 40])
def test_shares_and_ratios_give_the_same_bits_everywhere(everywhere, shift):
    rates = np.array([0, 1, 16384, 30000, 32767])
    everywhere(TimeShare(rates, np.full(5, shift)), _T)
    everywhere(DecayShare(rates, np.full(5, shift - 12)), _T)
    everywhere(StepRatio(rates, np.full(5, shift - 12), 31), _T)


@given(st.floats(-14, 4))
def test_a_decay_keeps_its_digits_however_short_the_time_is(exponent):
    """1 - exp(-x) for x = 2^exponent, to 2^-11 of itself."""
    x = 2.0**exponent
    k = int(np.floor(np.log2(32767.0 * 2**-15 / x)))
    op = DecayShare([32767], [k + 4])
    exact = 1 - np.exp(-(32766 * 2.0 ** (-15 - k)))
    share = _value(op.integer(_time(32767, 0)))[0]
    assert abs(share / exact - 1) <= 2.0**-11


def test_a_share_of_any_length_of_time_never_exceeds_one():
    e = np.arange(32)
    t = np.stack([np.full(32, 32767), e], axis=1)
    m, exponent = DecayShare([32767], [-31]).integer(t)
    assert m.max() <= 32767
    assert exponent.min() == 0
    assert np.all(np.diff(_value((m, exponent))[:, 0]) <= 2.0**-14)


@pytest.mark.parametrize("keep", [0, 1])
def test_gates_as_shares_give_the_same_bits_everywhere(everywhere, keep):
    z = np.arange(-32768, 32768, 37)[None]
    everywhere(GateShare(z.shape[1]), z)
    t = np.array([[0, 1, 16384, 32766, 32767]])
    everywhere(RestShare(5, keep), t)


def test_a_gate_that_is_almost_closed_keeps_its_digits():
    """sigmoid(-a) to 2^-13 of itself, as far as 2^-16."""
    z = np.arange(-32768, 32768)[None]
    share = _value(GateShare(z.size).integer(z))
    exact = 1 / (1 + np.exp(z / GAIN / 1024))
    small = exact > 2.0**-16
    assert np.abs(share / exact - 1)[small].max() < 2.0**-13
    assert np.abs(share - exact).max() < 2.0**-14


@pytest.mark.parametrize("shift", [0, 11, 30])
def test_a_gate_over_long_times_gives_the_same_bits_everywhere(everywhere, shift):
    a, b = grid([-32768, -5, 0, 32767], [-32768, 0, 32767])
    for t in _T:
        everywhere(ElapsedGate(shift), a, b, t[None])


@pytest.mark.parametrize(
    ("file", "table"),
    [("el_decay_share.c", parabolas), ("el_gate_share.c", gate_parabolas)],
)
def test_the_tables_in_c_are_those_of_python(file, table):
    text = (RUNTIME / "src" / file).read_text()
    body = text.split("curve[64] = {")[1].split("};")[0]
    numbers = [
        int(word) for word in body.replace("{", " ").replace("}", " ").split(",") if word.strip()
    ]
    assert np.array_equal(np.array(numbers).reshape(64, 4)[:, :3], table())
