"""The tables of el_unfolds.c: tanh's parabolas multiplied out, with the bits of `Sigmoid`."""

from __future__ import annotations

import re

import numpy as np

from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import HALF_SEGMENT, pieces
from elegans.tests.places import RUNTIME

_SOURCE = RUNTIME / "src" / "el_unfolds.c"


def _multiplied_out() -> list[list[int]]:
    """bend, slope, lower and upper of each segment.

    With j = k - 512 and the half unit that rounds, sigmoid is a half plus the part above 2^27 of
    1024 (c0 + 2^15) + 65536 c1 j + c2 (64 j^2 + j). The kernel takes 32 k for k.
    """
    rows = []
    for c0, c1, c2 in pieces().tolist():
        end = 1024 * (c0 + 2**15) - 512 * 65536 * c1 + c2 * (64 * 512**2 - 512)
        whole = 32 * end + (2**14 << 32)
        rows.append([2 * c2, 65536 * c1 - 65535 * c2, whole & 0xFFFFFFFF, whole >> 32])
    return rows


def test_the_table_in_c_is_derived_from_that_of_tanh():
    found = re.findall(r"\{(-?\d+), (-?\d+), (\d+)U, (-?\d+)\}", _SOURCE.read_text())
    assert [[*map(int, row)] for row in found] == _multiplied_out()


def test_every_argument_gives_the_bits_of_the_op():
    u = np.arange(-(2**15), 2**15)
    bend, slope, lower, upper = np.array(_multiplied_out(), dtype=object)[(u >> 10) + 32].T
    k = 32 * (u & 1023)
    slope = slope + bend * k
    assert max(abs(slope)) < 2**31
    found = ((upper << 32) + lower + slope * k) >> 32
    np.testing.assert_array_equal(found.astype(np.int64), Sigmoid().integer(u - HALF_SEGMENT))


def _in_slopes() -> list[list[int]]:
    """value and slope of each segment, for cores with vectors: the parabola about its begin.

    In the last segment, where the slope would be below zero, a line makes the one step.
    """
    rows = []
    for i, (c0, c1, c2) in enumerate(pieces().tolist(), -32):
        begin = 1024 * (c0 + 2**15) - 512 * 65536 * c1 + c2 * (64 * 512**2 - 512)
        rows.append([(begin >> 10) + (2**14 << 17), 65536 * (c1 - c2 - c2 * i) + c2])
    last = Sigmoid().integer(np.arange(31 * 1024, 2**15) - HALF_SEGMENT)
    assert set(last.tolist()) == {32766, 32767}
    step = int(np.flatnonzero(last == 32767)[0])
    return [*rows[:-1], [(32767 << 17) - 64 * step, 65536]]


def test_the_table_for_vectors_is_derived_from_that_of_tanh():
    found = re.findall(r"\{(\d+)U, (-?\d+)\}", _SOURCE.read_text())
    assert [[*map(int, row)] for row in found] == _in_slopes()


def test_every_argument_gives_the_bits_of_the_op_in_vectors_too():
    u = np.arange(-(2**15), 2**15)
    value, slope = np.array(_in_slopes(), dtype=np.int64)[(u >> 10) + 32].T
    bend = slope.astype(np.int16).astype(np.int64)
    slope = (slope + 64 * bend * u) & 0xFFFFFFFF
    assert int(slope.max()) < 2**31, "nowhere below zero"
    found = ((value + (slope * (u & 1023) >> 10)) & 0xFFFFFFFF) >> 17
    np.testing.assert_array_equal(found, Sigmoid().integer(u - HALF_SEGMENT))
