"""Steps by a clock of milliseconds, and counters of what is outside of the training."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.delivery.border import border
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Channel
from elegans.tests.places import WORM
from elegans.tests.users_firmware.border_library import library, place

_WRAP = 1 << 32


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clock") / "BUILD"
    export(Request(WORM), folder)
    return folder


@pytest.fixture(scope="module")
def functions(build) -> ctypes.CDLL:
    return library(build, "-O1")


@pytest.mark.parametrize("begin", [0, 12345, _WRAP - 100, _WRAP - 1])
def test_elapsed_time_is_the_difference_of_the_clock_through_its_wrap_around(
    build, functions, begin
):
    dt = read_build_folder(build).dt
    clock, gap, now = (ctypes.c_uint32 * 2)(7, 7), ctypes.c_int8(), begin
    functions.start(clock)
    expected = [dt.lo]  # the first step
    found = [functions.clock_dt(clock, ctypes.c_uint32(now), ctypes.byref(gap))]
    gaps, expected_gaps = [gap.value], [0]
    for elapsed in (50, 10, 9, 0, 200, 201, 100_000, 37, _WRAP - 1, 60):
        now = (now + elapsed) % _WRAP
        found.append(functions.clock_dt(clock, ctypes.c_uint32(now), ctypes.byref(gap)))
        expected.append(int(dt.to_integers(elapsed / 1000)))
        gaps.append(gap.value)
        expected_gaps.append(-1 if elapsed < 10 else int(elapsed > 200))
    assert found == expected
    assert gaps == expected_gaps


def test_the_clock_starts_again_after_a_pause(functions):
    clock, gap = (ctypes.c_uint32 * 2)(), ctypes.c_int8()
    functions.start(clock)
    for now in (1000, 1100):
        functions.clock_dt(clock, ctypes.c_uint32(now), ctypes.byref(gap))
    functions.start(clock)
    assert functions.clock_dt(clock, ctypes.c_uint32(900_000), ctypes.byref(gap)) == 1311
    assert gap.value == 0


def test_a_step_by_the_clock_is_the_step_with_its_elapsed_time(functions):
    clock, by_clock, plain = (
        (ctypes.c_uint32 * 2)(),
        (ctypes.c_int16 * 64)(),
        (ctypes.c_int16 * 64)(),
    )
    x, y, y2 = np.array([100, 5000, 300], np.int16), np.zeros(2, np.int16), np.zeros(2, np.int16)
    functions.start(clock)
    for now, dt, told in ((500, 1311, 0), (550, 6554, 0), (555, 1311, -1), (5000, 26214, 1)):
        gap = functions.at(clock, by_clock, place(y), place(x), ctypes.c_uint32(now))
        functions.plain(plain, place(y2), place(x), dt)
        assert gap == told
        assert bytes(by_clock) == bytes(plain)
        np.testing.assert_array_equal(y, y2)


@dataclass(frozen=True)
class _Model:
    """What `border` reads of a model with this elapsed time."""

    dt: Channel
    name: str = "a"
    inputs: tuple[Channel, ...] = ()
    outputs: tuple[Channel, ...] = ()
    states: tuple[Channel, ...] = field(default=())


@given(
    st.sampled_from(
        [("s", 1000), ("ms", 1), ("us", Fraction(1, 1000)), ("min", 60_000), ("h", 3_600_000)]
    ),
    st.integers(-12, 40),
    st.sampled_from([16, 32]),
    st.data(),
)
def test_milliseconds_are_rounded_half_up_in_every_unit_and_format(unit, frac, bits, data):
    hi = data.draw(st.integers(1, (1 << (bits - 1)) - 1))
    lo = data.draw(st.integers(0, hi - 1))
    time = border(_Model(Channel("dt", unit[0], frac, lo, hi, bits)), {})["time"]["ms"]
    if time is None:
        return  # 32 bits of milliseconds do not reach the end of the range
    width = 64 if time["suffix"] == "ULL" else 32
    near = [time["first"] - 1, time["first"], time["longest"], time["longest"] + 1, time["last"]]
    for n in [*near, data.draw(st.integers(0, _WRAP - 1))]:
        if not 0 <= n < _WRAP:
            continue
        exact = Fraction(n) / unit[1] * Fraction(2) ** frac
        wanted = int(exact + Fraction(1, 2))
        held = max(lo, min(hi, wanted))
        inside = n * time["up"] + time["half"]
        got = lo if n < time["first"] else hi if n >= time["last"] else inside // time["down"]
        assert got == held
        assert (n > time["longest"]) == (wanted > hi)
        assert (n < time["first"]) == (wanted < lo)
        assert not time["first"] <= n < time["last"] or inside < 1 << width


class _Health(ctypes.Structure):
    _fields_ = (
        ("steps", ctypes.c_uint32),
        ("clamped", ctypes.c_uint32 * 3),
        ("dt_short", ctypes.c_uint32),
        ("dt_long", ctypes.c_uint32),
        ("saturated", ctypes.c_uint32),
        ("window", ctypes.c_uint8),
    )


def _counters(health: _Health) -> list[int]:
    return [health.steps, *health.clamped, health.dt_short, health.dt_long, health.saturated]


def test_what_is_outside_is_counted_and_told_once(functions):
    health, state, y = _Health(steps=9, window=9), (ctypes.c_int16 * 64)(), np.zeros(2, np.int16)
    functions.watch_init(ctypes.byref(health))

    def step(x: list[int], dt: int) -> int:
        values = np.array(x, np.int16)
        functions.watch(ctypes.byref(health), state, place(y), place(values), dt)
        return functions.check(ctypes.byref(health))

    assert step([-32768, 0, -19661], 1311) == 0  # the ends are inside
    assert step([32767, 20480, 6554], 26214) == 0
    assert step([0, 20481, 0], 5000) == 1
    assert step([0, -1, 6555], 5000) == 1
    assert step([0, 0, 0], 1310) == 2
    assert step([0, 0, 30000], 26215) == 3
    assert functions.check(ctypes.byref(health)) == 0
    assert _counters(health) == [6, 0, 2, 2, 1, 1, 0]


def test_floats_are_seen_before_they_are_saturated(functions):
    health, state, y = _Health(), (ctypes.c_int16 * 64)(), np.zeros(2, np.float32)
    functions.watch_init(ctypes.byref(health))

    def step(x: list[float], dt: float) -> int:
        values = np.array(x, np.float32)
        functions.watch_f(ctypes.byref(health), state, place(y), place(values), ctypes.c_float(dt))
        return functions.check(ctypes.byref(health))

    assert step([1.0, 40.0, -0.3], 0.01) == 0  # 1.0 is declared, and is a unit above the integers
    assert step([-1.0, 0.0, 0.1], 26215 / 131072) == 0  # the same of an elapsed time
    assert step([1.001, 0, 0], 0.1) == 1
    assert step([float("nan"), 0, 0], 0.1) == 1
    assert step([0, 0, 0], 26216 / 131072) == 2
    assert step([0, 41, float("-inf")], 0) == 3
    assert _counters(health) == [6, 2, 1, 1, 1, 1, 0]


def test_a_watched_step_has_the_bits_of_the_step(functions):
    health, watched, plain = _Health(), (ctypes.c_int16 * 64)(), (ctypes.c_int16 * 64)()
    functions.watch_init(ctypes.byref(health))
    rng = np.random.default_rng(5)
    y, y2 = np.zeros(2, np.int16), np.zeros(2, np.int16)
    for x in rng.integers(-32768, 32768, (50, 3)).astype(np.int16):
        functions.watch(ctypes.byref(health), watched, place(y), place(x), 9000)
        functions.plain(plain, place(y2), place(x), 9000)
        assert bytes(watched) == bytes(plain)
        np.testing.assert_array_equal(y, y2)


def test_a_counter_stops_at_its_end(functions):
    health, state, y = _Health(), (ctypes.c_int16 * 64)(), np.zeros(2, np.int16)
    functions.watch_init(ctypes.byref(health))
    health.steps = health.clamped[1] = 0xFFFF_FFFF
    x = np.array([0, -5, 0], np.int16)
    functions.watch(ctypes.byref(health), state, place(y), place(x), 9000)
    assert _counters(health)[:3] == [0xFFFF_FFFF, 0, 0xFFFF_FFFF]
