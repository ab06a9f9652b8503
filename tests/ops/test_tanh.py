"""tanh and sigmoid over every int16 there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import Tanh, tanh_table

_ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
_SOURCE = Path(__file__).resolve().parents[2] / "runtime_c" / "src" / "el_tanh.c"


@pytest.mark.parametrize("op", [Tanh(), Sigmoid()], ids=["tanh", "sigmoid"])
def test_every_int16_gives_the_same_bits_everywhere(everywhere, op):
    everywhere(op, _ALL.reshape(16, 4096))


def test_tanh_is_within_2_units_of_the_rounded_truth():
    truth = np.floor(np.tanh(_ALL / 4096) * 32768 + 0.5)
    assert np.abs(Tanh().integer(_ALL) - truth).max() <= 2


def test_sigmoid_is_within_2_units_of_the_rounded_truth():
    truth = np.floor(32768 / (1 + np.exp(-_ALL / 2048)) + 0.5)
    assert np.abs(Sigmoid().integer(_ALL) - truth).max() <= 2


def test_tanh_is_odd():
    inside = _ALL[1:]
    np.testing.assert_array_equal(Tanh().integer(-inside), -Tanh().integer(inside))


@pytest.mark.parametrize("op", [Tanh(), Sigmoid()], ids=["tanh", "sigmoid"])
def test_activations_never_fall(op):
    assert np.diff(op.integer(_ALL)).min() >= 0


def test_the_table_in_c_is_the_one_that_the_formula_gives():
    body = _SOURCE.read_text().split("el_tanh_table[257] = {")[1].split("}")[0]
    assert [int(n) for n in re.findall(r"-?\d+", body)] == tanh_table().tolist()


def test_no_entry_of_the_table_hangs_on_the_last_bit_of_libm():
    width = 1 / 32
    t = np.tanh(np.arange(257) * width)
    exact = 32768 * (t + width**2 / 16 * 2 * t * (1 - t * t))
    assert np.abs((exact % 1) - 0.5).min() > 1e-6


def test_slopes_are_what_the_header_promises():
    assert np.diff(tanh_table()).min() >= 0
    assert np.diff(tanh_table()).max() <= 1024
