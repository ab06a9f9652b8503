"""tanh and sigmoid over all of int16."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import GAIN, Tanh, fine_tanh, pieces
from elegans.tests.places import CHECKOUT

_ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
_SOURCE = CHECKOUT / "runtime_c" / "src" / "el_tanh.c"


@pytest.mark.parametrize("op", [Tanh(), Sigmoid()], ids=["tanh", "sigmoid"])
def test_every_int16_gives_the_same_bits_everywhere(everywhere, op):
    everywhere(op, _ALL.reshape(16, 4096))


def test_tanh_is_within_2_units_of_the_rounded_truth():
    truth = np.floor(np.tanh(_ALL / 4096 / GAIN) * 32768 + 0.5)
    assert np.abs(Tanh().integer(_ALL) - truth).max() <= 2


def test_sigmoid_is_within_2_units_of_the_rounded_truth():
    truth = np.floor(32768 / (1 + np.exp(-_ALL / 2048 / GAIN)) + 0.5)
    assert np.abs(Sigmoid().integer(_ALL) - truth).max() <= 2
    assert Sigmoid().integer(_ALL).min() == 1
    assert Sigmoid().integer(_ALL).max() == 32767


def test_tanh_is_odd():
    inside = _ALL[1:]
    np.testing.assert_array_equal(Tanh().integer(-inside), -Tanh().integer(inside))


@pytest.mark.parametrize("op", [Tanh(), Sigmoid()], ids=["tanh", "sigmoid"])
def test_activations_never_fall(op):
    assert np.diff(op.integer(_ALL)).min() >= 0


def test_no_intermediate_leaves_int32():
    c0, c1, c2 = pieces().T
    u = np.clip(_ALL + 512, -(1 << 15), (1 << 15) - 1)
    i, j = (u >> 10) + 32, (u & 1023) - 512
    for value in (c0[i] + c1[i] * j * 64, c2[i] * j * j, fine_tanh(_ALL)):
        assert np.abs(value).max() < 1 << 31


def test_the_definition_is_two_multiplications_of_32_by_16_bits():
    """The kernels of cores with DSP use SMLABT and SMLAWT."""
    c0, c1, c2 = pieces().T
    u = np.clip(_ALL + 512, -(1 << 15), (1 << 15) - 1)
    i, j = (u >> 10) + 32, ((u & 1023) - 512) * 64
    slope = (c1[i] << 16) + c2[i] + c2[i] * j
    assert np.abs(slope).max() < 1 << 31
    np.testing.assert_array_equal(c0[i] + (slope * j >> 16), fine_tanh(_ALL))


def test_the_table_in_c_is_that_of_python():
    body = _SOURCE.read_text().split("el_tanh_pieces[64] = {")[1].split("};")[0]
    c0, c1, c2 = pieces().T
    numbers = [int(n) for n in re.findall(r"-?\d+", body)]
    assert numbers == np.stack([c0, (c1 << 16) + c2], 1).ravel().tolist()


def test_the_table_is_the_one_that_the_search_finds():
    command = [sys.executable, "-m", "benchmarks.tanh_table"]
    found = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    table = "".join(line + "\n" for line in found.splitlines() if not line.startswith("#"))
    assert table in (CHECKOUT / "exporter" / "ops" / "tanh.py").read_text()
