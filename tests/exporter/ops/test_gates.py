"""The ops of a CfC's gate: mix, gated sum and time gate; and the clamp of inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.gated_sum import GatedSum
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.time_gate import TimeGate
from elegans.tests.exporter.ops.grid import grid

_ENDS = [-32768, -32767, -16384, -1, 0, 1, 2, 16383, 32766, 32767]
_GATES = [0, 1, 2, 16383, 16384, 16385, 32766, 32767]
_INT16 = st.integers(-32768, 32767)


def _random(rng, *spans):
    return [rng.integers(lo, hi + 1, (8, 500)) for lo, hi in spans]


@pytest.mark.parametrize("op", [Mix(), GatedSum()], ids=["mix", "gated_sum"])
def test_gates_give_the_same_bits_everywhere(everywhere, op):
    everywhere(op, *grid(_ENDS, _ENDS, _GATES))
    rng = np.random.default_rng(3)
    everywhere(op, *_random(rng, (-32768, 32767), (-32768, 32767), (0, 32767)))


@given(_INT16, _INT16, st.integers(0, 32767))
def test_a_mix_lies_between_its_two_heads(f, g, t):
    h = int(Mix().integer(np.array(f), np.array(g), np.array(t)))
    assert min(f, g) <= h <= max(f, g)


@given(_INT16, _INT16)
def test_a_closed_gate_leaves_f(f, g):
    assert int(Mix().integer(np.array(f), np.array(g), np.array(0))) == f


@pytest.mark.parametrize(("align", "shift"), [(0, 0), (0, 15), (7, 11), (13, 19), (14, 30)])
def test_the_time_gate_gives_the_same_bits_everywhere(everywhere, align, shift):
    reach = min(32767, (2**29) >> align)
    ends = [-reach, -1, 0, 1, reach]
    a, b, dt = grid([-32768, -1, 0, 1, 32767], ends, [0, 1, 16000, 32767])
    for elapsed in (0, 1, 16000, 32767):
        chosen = dt[0] == elapsed
        op = TimeGate(align, shift)
        everywhere(op, a[:, chosen], b[:, chosen], np.full((1, 1), elapsed))


def test_a_time_gate_that_could_overflow_is_refused():
    everything = Interval.of([-32768], [32767])
    with pytest.raises(RangeError, match="int32"):
        TimeGate(16, 20).range(everything, everything, everything)


def test_the_clamp_gives_the_same_bits_everywhere(everywhere):
    op = Clamp([-5, 0, -32768, 7], [5, 1, 32767, 7])
    everywhere(op, np.array([[v] * 4 for v in _ENDS]))


@pytest.mark.parametrize(("lo", "hi"), [(-1, 100), (0, 32769)])
def test_a_mix_with_a_gate_outside_of_0_to_1_is_refused(lo, hi):
    f, g = Interval.of([-5], [5]), Interval.of([0], [9])
    with pytest.raises(RangeError, match="gate leaves"):
        Mix().range(f, g, Interval.of([lo], [hi]))
    assert Mix().range(f, g, Interval.of([0], [32767])).hi == 9
