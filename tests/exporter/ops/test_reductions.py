"""Reductions of a vector: the distance to its greatest element, and its normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.ops.below_greatest import BelowGreatest
from elegans.exporter.ops.normalise import MOST, Normalise


@pytest.mark.parametrize("size", [1, 2, 5, 17])
def test_the_distance_to_the_greatest_gives_the_same_bits_everywhere(everywhere, size):
    rng = np.random.default_rng(size)
    x = rng.integers(-32768, 32768, (64, size))
    x[0], x[1] = -32768, 32767
    found = everywhere(BelowGreatest(size), x)
    assert np.array_equal(found, np.maximum(x - x.max(axis=1, keepdims=True), -32768))


def _vectors(size, count=80):
    """Of every magnitude: with few and with all digits, alike but for one, and all the same."""
    rng = np.random.default_rng(size)
    x = rng.integers(-32768, 32768, (count, size)) >> rng.integers(0, 16, (count, 1))
    x[0], x[1], x[2], x[3] = 0, 32767, -32768, 5
    x[4], x[4, 0] = -32768, 32767
    x[5, ::2] = 32767
    return x


@pytest.mark.parametrize("centre", [0, 1])
@pytest.mark.parametrize(
    ("size", "x_frac", "epsilon"), [(2, 12, 1e-5), (7, 15, 1e-5), (16, 10, 1e-3), (64, 13, 0.0)]
)
def test_a_normalisation_gives_the_same_bits_everywhere(everywhere, size, x_frac, epsilon, centre):
    y_frac = 15 - int(np.ceil(np.log2(np.sqrt(size))))
    everywhere(Normalise(size, centre, x_frac, y_frac, epsilon), _vectors(size))


@pytest.mark.parametrize(("size", "units"), [(3, 3.0), (100, 3.0), (MOST, 16.0)])
def test_a_normalisation_is_near_float_at_every_magnitude(size, units):
    y_frac = 15 - int(np.ceil(np.log2(np.sqrt(size))))
    op = Normalise(size, 1, 13, y_frac, 1e-5)
    x = _vectors(size, 400)
    off = np.abs(op.integer(x) - op.real(x.astype(float)))
    assert off.max() <= units


def test_no_step_of_a_normalisation_leaves_int32():
    """The widest vectors, through the same steps as numbers that would tell."""
    for size in (1, 2, MOST):
        x = np.where(np.arange(size) % 2, 32767, -32768)[None]
        d = size * x - x.sum()
        assert np.abs(d).max() < 2**29
        zeros = 30 - np.floor(np.log2(max(int(np.abs(d).max()), 1)))
        assert np.abs(d * 2.0 ** (zeros - 1)).max() < 2**30
