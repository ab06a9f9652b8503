"""Constant arrays: the numbers are wrapped into lines as textwrap would do it."""

from __future__ import annotations

import textwrap

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.codegen.tables import constant_array


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=200))
def test_lines_are_those_of_textwrap(numbers):
    array = constant_array("t", "int32_t", np.array(numbers), "numbers")
    assert array.rows == textwrap.wrap(", ".join(map(str, numbers)), 92)
    assert array.bytes == 4 * len(numbers)
