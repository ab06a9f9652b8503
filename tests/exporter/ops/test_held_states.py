"""States of 32 bits of any recurrence: a part that is kept, a turn, a memory, a phase."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError, halves, whole
from elegans.exporter.ops.keep import Keep
from elegans.exporter.ops.remember import Remember
from elegans.exporter.ops.turn import Turn
from elegans.exporter.ops.wrap import TURN, Wrap
from elegans.tests.exporter.ops.grid import grid

_ENDS = [-32768, -32767, -1, 0, 1, 32767]
_UPPER, _LOWER = [-9000, -1, 0, 8191, 9000], [-32768, -1, 0, 32767]
_LO, _HI = np.array([-8192]), np.array([9000])


def _states(upper, lower):
    return np.concatenate([upper, lower], axis=1)


@pytest.mark.parametrize(("room", "down", "left"), [(2, 1, 13), (3, 2, 0), (5, 4, 11)])
def test_a_state_that_keeps_a_part_gives_the_same_bits_everywhere(everywhere, room, down, left):
    upper, lower, u, c = (v.T for v in grid(_UPPER, _LOWER, _ENDS, [-30000, 0, 1, 32767]))
    found = everywhere(Keep(room, down, left, _LO, _HI), _states(upper, lower), u, c)
    assert found[:, 0].min() >= -8192
    assert found[:, 0].max() <= 9000


def test_a_kept_part_is_exact_to_a_unit_of_its_sum():
    """u h + c in 32 bits; a factor of one keeps a state for ever."""
    op = Keep(3, 1, 0, np.array([-16384]), np.array([16384]))
    rng = np.random.default_rng(1)
    h = rng.integers(-(2**29), 2**29, 4000)
    u, c = rng.integers(-16384, 16385, 4000), rng.integers(-32768, 32768, 4000)
    found = op.integer(np.stack(halves(h), axis=1), u[:, None], c[:, None])
    truth = h * (u / 2.0**14) + c * 2.0**3
    assert np.abs(whole(*found)[:, 0] - truth).max() <= 2 * 2**3
    state = np.concatenate(halves(np.array([123456784])))
    for _ in range(1000):
        state = np.concatenate(op.integer(state, np.array([1 << 14]), np.array([0])))
    assert whole(*state) == 123456784


@pytest.mark.parametrize(("room", "down", "left"), [(3, 2, 12), (4, 4, 0)])
def test_a_state_that_turns_gives_the_same_bits_everywhere(everywhere, room, down, left):
    few = [-32768, 0, 32767]
    grids = grid([-9000, 0, 9000], [-32768, 32767], few, [-8000, 8191], [-1, 32767], few, few)
    upper, lower, u, g, below, v, c = (part.T for part in grids)
    h, other = _states(upper, lower), _states(g, below)
    everywhere(Turn(room, down, left, _LO, _HI), h, u, other, v, c)


def test_a_turn_loses_no_length_in_two_thousand_steps():
    op = Turn(3, 2, 0, np.array([-16384]), np.array([16384]))
    angle = 0.01
    cos, sin = round(np.cos(angle) * 2**15), round(np.sin(angle) * 2**15)
    a, b = 2**29, 0
    kept = np.hypot(cos, sin) / 2**15
    for _ in range(2_000):
        x, y = (np.concatenate(halves(np.array([part]))) for part in (a, b))
        none = np.array([0])
        turned = [
            op.integer(h, np.array([cos]), g, np.array([s]), none)
            for h, g, s in ((x, y, -sin), (y, x, sin))
        ]
        a, b = (int(whole(*part)[0]) for part in turned)
    assert np.hypot(a, b) / 2**29 == pytest.approx(kept**2_000, rel=1e-3)


def _memory(n=3, room=3):
    rng = np.random.default_rng(5)
    matrix = rng.uniform(-1, 1, (n, n))
    integers = np.round(matrix * 2.0 ** (16 - room + 12)).astype(np.int64)
    coarse = (integers + 2048) >> 12
    ends = np.full(n, -16384), np.full(n, 16384)
    return Remember(coarse, integers - (coarse << 12), room, 12, 2, *ends), matrix


def test_a_linear_memory_gives_the_same_bits_everywhere(everywhere):
    op, _ = _memory()
    rng = np.random.default_rng(6)
    h = np.concatenate([rng.integers(-16384, 16385, (400, 3)), rng.choice(_LOWER, (400, 3))], 1)
    everywhere(op, h, rng.choice(_ENDS, (400, 3)))


def test_a_linear_memory_has_more_than_16_bits_of_its_matrix():
    op, matrix = _memory()
    h = np.array([[2**28, -(2**27) + 12345, 54321]])
    found = whole(*op.integer(np.concatenate(halves(h), axis=1), np.array([[3, -5, 0]])))
    truth = h @ matrix.T + np.array([[3, -5, 0]]) * 2.0**5
    assert np.abs(found - truth).max() < 2.0**29 * 2**-22


@pytest.mark.parametrize("left", [0, 9, 14])
def test_a_phase_gives_the_same_bits_everywhere(everywhere, left):
    upper, lower, c = (v.T for v in grid([0, 1, 8191, 16383], _LOWER, _ENDS))
    h = _states(upper, lower)
    h[whole(upper, lower)[:, 0] < 0] = 0
    found = everywhere(Wrap(1, left), h, c)
    turned = (whole(h[:, :1], h[:, 1:]) + (c << left)) % (1 << TURN)
    assert np.array_equal(whole(found[:, :1], found[:, 1:]), turned)


def test_sums_that_leave_int32_are_refused():
    full = Interval.of([-32767, -32768], [32767, 32767])
    one = Interval.of([-32768], [32767])
    with pytest.raises(RangeError, match="int32"):
        Keep(1, 0, 15, _LO, _HI).range(full, one, one)
    with pytest.raises(RangeError, match="int32"):
        Turn(1, 0, 0, _LO, _HI).range(full, one, full, one, one)
    with pytest.raises(RangeError, match="int32"):
        Remember([[32767] * 3] * 3, [[0] * 3] * 3, 3, 12, 0, *([[-9] * 3, [9] * 3])).range(
            Interval.of([-32767] * 3 + [-32768] * 3, [32767] * 6), Interval.of([0] * 3, [1] * 3)
        )
    with pytest.raises(RangeError, match="least int16"):
        Keep(3, 2, 0, [-32768], [5]).range(Interval.of([0, 0], [1, 1]), one, one)
    with pytest.raises(RangeError, match="within a turn"):
        Wrap(1, 3).range(Interval.of([-1, 0], [1, 1]), one)
    with pytest.raises(RangeError, match="shifted"):
        Wrap(1, 15).range(Interval.of([0, 0], [1, 1]), one)
