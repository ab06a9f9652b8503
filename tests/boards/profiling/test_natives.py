"""The functions that cores compute by instructions of their own, against Python, on every core."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.host import HostModel
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.tests.boards.conftest import M0_M3_M4, M55, RV32, skip_without
from elegans.tests.boards.wide_build.twin import document
from elegans.tests.places import RUNTIME, WIDE_BUILD

_STEPS = 512
_REACH = 1 << 30  # so that the differences of portable C fit
# Three int32 of `h` are a, lo and hi; results of a few bits share one, as do two halves.
_STEP = """
    const int32_t a = s->v[0];
    const int32_t held = el_hold32(a, s->v[1], s->v[2]);
    const int32_t few = (el_upto5(a) * 512) + (el_upto4(a) * 32) + el_leading_zeros(a & INT32_MAX);
    const int16_t lo = (int16_t)(s->v[1] >> 15);
    const int16_t hi = (int16_t)(s->v[2] >> 15);
    const int16_t four[4] = {x[0], x[1], (int16_t)~x[0], (int16_t)~x[1]};
    int16_t both[2], alike[4], shifted[4];

    rows(alike, shifted, four);
    el_hold2(both, x, lo, hi, (int16_t)~hi, (int16_t)~lo);
    s->v[0] = el_upper_product(a, x[0]);
    s->v[1] = held ^ (int32_t)(((uint32_t)(uint16_t)both[1] << 16) | (uint16_t)both[0]);
    s->v[2] = (el_upto16(a) * 16384) + few;
    y[0] = (int16_t)(el_synapse(dt >> 14) ^ alike[0] ^ alike[1] ^ alike[2] ^ alike[3]);
    y[0] = (int16_t)(y[0] ^ shifted[0] ^ shifted[1] ^ shifted[2] ^ shifted[3]);
}
"""
# Of four rows each: biases, weights and shifts.
_ALIKE = [(-1000, 32767, 17), (1 << 29, -30001, 17), (0, 40001, 17), (-(1 << 30), -2, 17)]
_SHIFTED = [(7, 32767, 31), (1 << 29, -30001, 14), (0, 1, 0), (-(1 << 30), -2, 15)]


def _rows(name, numbers, by):
    """The C of four rows, by the macro where a core has it."""
    pairs = ", ".join(f"{bias}, {weight}" for bias, weight, _ in numbers)
    lines = [
        f"{name}[{i}] = el_sat16((({bias}) + (({weight}) * x[{i}])) >> {shift});"
        for i, (bias, weight, shift) in enumerate(numbers)
    ]
    macro = "EL_FOUR_ROWS" if name == "alike" else "EL_FOUR_SHIFTED"
    choice = ["#ifdef EL_FOUR_ROWS", f"{macro}({name}, x, {by}, {pairs});", "#else"]
    return "\n".join([*choice, *lines, "#endif"])


_FUNCTION = f"""
static void rows(int16_t *alike, int16_t *shifted, const int16_t *x)
{{
{_rows("alike", _ALIKE, "17")}
{_rows("shifted", _SHIFTED, ", ".join(str(shift) for *_, shift in _SHIFTED))}
}}

"""


def _vectors():
    rng = np.random.default_rng(9)
    magnitudes = 2.0 ** rng.uniform(0, 30, (_STEPS, 3))
    h = np.floor(magnitudes).astype(np.int64) * rng.choice([-1, 1], (_STEPS, 3))
    corners = [0, 1, -1, 15, 16, 31, 32, 32767, 65535, 65536, -65536, _REACH - 1, -_REACH]
    h[: len(corners), 0] = corners
    h[:, 1:].sort(axis=1)
    x = rng.integers(-32768, 32768, (_STEPS, 2))
    x[:8, 0] = [-32768, 32767, 0, 1, -1, -32768, 32767, -1]
    # Every segment of the sigmoid, its ends, and sums beyond int16.
    u = np.linspace(-70_000, 70_000, _STEPS).astype(np.int64)
    u[:6] = [-32768, -32769, -32768 + HALF_SEGMENT, 32767, 32768, 131071]
    a, lo, hi = h.T
    zeros = Elapsed(0, (1 << 31) - 1).integer(a & 0x7FFFFFFF)[1]
    few = np.clip(a, 0, 31) * 512 + np.clip(a, 0, 15) * 32 + zeros
    ends = lo >> 15, hi >> 15
    first, second = np.clip(x[:, 0], *ends), np.clip(x[:, 1], ~ends[1], ~ends[0])
    held = np.clip(a, lo, hi) ^ ((second << 16) | (first & 0xFFFF))
    after = [(a * x[:, 0]) >> 16, held, np.clip(a, 0, 65535) * 16384 + few]
    y = Sigmoid().integer(np.clip(u - HALF_SEGMENT, -32768, 32767))
    four = np.concatenate([x, ~x], axis=1)
    for numbers in (_ALIKE, _SHIFTED):
        for column, (bias, weight, shift) in zip(four.T, numbers, strict=True):
            y = y ^ np.clip((bias + weight * column) >> shift, -32768, 32767)
    return {
        "x": x.astype(np.int16),
        "dt": (u << 14).astype(np.int32),
        "h": h.astype(np.int32),
        "y": y.astype(np.int16)[:, None],
        "h_next": np.stack(after, axis=1).astype(np.int32),
        "section": np.ones(_STEPS, np.uint8),
    }


@pytest.fixture(scope="module")
def natives(tmp_path_factory):
    """A BUILD whose step calls each of these functions."""
    build = tmp_path_factory.mktemp("natives") / "BUILD"
    shutil.copytree(RUNTIME / "include", build / "runtime" / "include")
    (build / "runtime" / "src").mkdir()
    shutil.copy(RUNTIME / "src" / "el_tanh.c", build / "runtime" / "src")
    shutil.copy(WIDE_BUILD / "wide.h", build)
    text = (WIDE_BUILD / "wide.c").read_text()
    head, signature = text[: text.index("static int16_t")], "int32_t dt)\n{"
    kept = text[text.index("void wide_init") : text.index(signature) + len(signature)]
    includes = '#include "elegans/el_synapse.h"\n#include "elegans/el_wide.h"\n\n'
    (build / "wide.c").write_text(head + includes + _FUNCTION + kept + _STEP)
    (build / "model.json").write_text(json.dumps(document(build)))
    np.savez(build / "vectors.npz", **_vectors())
    return build


def test_portable_c_is_what_python_says(natives):
    v = _vectors()
    y, h = HostModel.compile(natives, sanitise=True).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])


@pytest.mark.half
@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("level", ["0", "2", "s"])
@pytest.mark.parametrize("board", [*M0_M3_M4, M55, RV32])
def test_a_core_s_own_instructions_give_the_bits_of_python(natives, board, level, compiler):
    skip_without(find_board(board), compiler)
    firmware = build_firmware(natives, find_board(board), compiler, level)
    measured = profile(natives, firmware, steps=_STEPS)
    assert measured.steps == _STEPS
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())
