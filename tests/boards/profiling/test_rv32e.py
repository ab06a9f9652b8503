"""The functions of RV32 without a multiplier, on this machine: those of portable C, to the bit."""

from __future__ import annotations

import subprocess

import pytest

from elegans.boards.firmware import toolchain
from elegans.tests.places import RUNTIME

_MAIN = """
#include <stdio.h>

#include "elegans/el_dot.h"
#include "elegans/el_pairs.h"
#include "elegans/el_tanh.h"

static uint32_t state = 302;

/* Any integer, but every fourth one an end of int16_t, or next to zero. */
static int16_t any(void)
{
    static const int16_t ends[] = {-32768, 32767, -1, 0, 1, -32767, 8, -8};

    state = (state * 1664525u) + 1013904223u;
    return ((state >> 30) == 0u) ? ends[(state >> 8) & 7u] : (int16_t)(state >> 12);
}

int main(void)
{
#ifdef EL_NATIVE_PAIRS
    fputs("own", stderr);
#endif
    for (int32_t u = -32768; u <= 32767; u++)
        printf("%ld ", (long)el_fine_tanh((int16_t)u));
    for (uint32_t round = 0; round < 20000u; round++) {
        int16_t x[2] = {any(), any()}, w[8] = {0};
        int8_t w8[2] = {(int8_t)any(), (int8_t)any()};
        int32_t words[4], acc[4] = {any(), any(), any(), any()};
        const uint32_t rows = 3u + (round & 1u);

        for (uint32_t i = 0; i < 8u; i++)
            w[i] = (int16_t)(any() / 4); /* no sum leaves int32_t: the caller's proof */
        for (uint32_t r = 0; r < 4u; r++)
            words[r] = EL_PAIR(w[2u * r], w[(2u * r) + 1u]);
        if (el_pairs(acc, x, words, 1, rows) != &words[rows])
            return 1;
        printf("%ld %ld %ld %ld %ld %ld ", (long)acc[0], (long)acc[1], (long)acc[2], (long)acc[3],
               (long)el_dot(acc[0] / 8, w, x, 2), (long)el_dot8(any(), w8, x, 2));
        w[0] = any();
        printf("%ld\\n", (long)el_dot(0, w, x, 1));
    }
    return 0;
}
"""


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_sums_of_multiples_are_the_products_of_portable_c(tmp_path, level):
    (tmp_path / "main.c").write_text(_MAIN)
    tool = toolchain.host_compiler()
    found = []
    for name, own in (("portable", []), ("rv32e", ["-D__riscv_xlen=32"])):
        line = ["-std=c99", level, *toolchain.WARNINGS, *own, f"-I{RUNTIME}/include"]
        units = ["main.c", f"{RUNTIME}/src/el_tanh.c", "-o", name]
        toolchain.run(tool, [*line, *units], tmp_path, name)
        done = subprocess.run([tmp_path / name], capture_output=True, check=True)
        assert done.stderr == (b"own" if own else b"")
        found.append(done.stdout)
    assert found[0].count(b"\n") == 20000
    assert found[0] == found[1]
