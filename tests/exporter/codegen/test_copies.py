"""el_copy.h: copies of any length, one onto the other, as memmove has them."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from elegans.tests.places import CHECKOUT

_C = """
#include "elegans/el_copy.h"
void up(int16_t *to, const int16_t *from, uint32_t n) { el_copy(to, from, n); }
void down(int16_t *to, const int16_t *from, uint32_t n) { el_copy_down(to, from, n); }
void clear(int16_t *v, const int16_t *from, uint32_t n) { (void)from; el_clear(v, n); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The three functions, compiled for this machine."""
    folder = tmp_path_factory.mktemp("copies")
    (folder / "copies.c").write_text(_C)
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1"]
    include = f"-I{CHECKOUT / 'runtime_c' / 'include'}"
    command += [include, str(folder / "copies.c"), "-o", str(folder / "copies.so")]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(folder / "copies.so"))


@pytest.mark.parametrize("n", range(10))
@pytest.mark.parametrize(("name", "shift"), [("up", 0), ("up", -1), ("up", -3), ("down", 2)])
def test_a_copy_moves_all_elements_and_no_others(library, name, shift, n):
    given = np.arange(1, 33, dtype=np.int16)
    found, wanted = given.copy(), given.copy()
    wanted[10 + shift : 10 + shift + n] = given[10 : 10 + n]
    first = found.ctypes.data
    call = getattr(library, name)
    call(ctypes.c_void_p(first + 2 * (10 + shift)), ctypes.c_void_p(first + 20), ctypes.c_uint32(n))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("n", range(5))
def test_clear_zeroes_so_many_elements(library, n):
    found = np.ones(8, np.int16)
    library.clear(ctypes.c_void_p(found.ctypes.data + 4), None, ctypes.c_uint32(n))
    assert found.tolist() == [1, 1, *[0] * n, *[1] * (6 - n)]
