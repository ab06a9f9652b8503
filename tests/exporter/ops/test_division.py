"""Division, quotients, magnitudes and products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import rdiv
from elegans.exporter.ops.absolute import Absolute
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.quotient import Quotient
from elegans.tests.exporter.ops.grid import grid

_INT16 = st.integers(-32768, 32767)
_NOT_NEGATIVE = st.integers(0, 32767)
_ENDS = [-32768, -32767, -16384, -1, 0, 1, 2, 16383, 32766, 32767]
_POSITIVE = [0, 1, 2, 3, 100, 16384, 32766, 32767]


@given(st.integers(-(2**30), 2**30), st.integers(1, 2**30))
def test_rdiv_rounds_half_up(a, b):
    assert int(rdiv(np.array(a), np.array(b))) == (2 * a + b - (b % 2)) // (2 * b)


@pytest.mark.parametrize("frac", [0, 9, 15])
def test_a_quotient_gives_the_same_bits_everywhere(everywhere, frac):
    over, under = grid(_ENDS, _POSITIVE)
    n = over.shape[1]
    everywhere(Quotient(frac, np.full(n, -20000), np.full(n, 32767)), over, under)


def test_magnitudes_give_the_same_bits_everywhere(everywhere):
    everywhere(Absolute(), np.array([_ENDS]))


@pytest.mark.parametrize("shift", [0, 3, 14, 15])
def test_a_product_of_any_scale_gives_the_same_bits_everywhere(everywhere, shift):
    everywhere(Product(shift), *grid(_POSITIVE, _ENDS))
