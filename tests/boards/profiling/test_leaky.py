"""The kernel of leaky integrators on every core: the bits of Python, at all ends of its numbers."""

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
from elegans.exporter.codegen.fusion.leaky import Leaky
from elegans.exporter.numbers.fixed import halves, whole
from elegans.exporter.ops.decay_share import DecayShare
from elegans.exporter.ops.relax import Relax
from elegans.tests.boards.conftest import M0_M3_M4, M55, RV32, skip_without
from elegans.tests.boards.wide_build.twin import document
from elegans.tests.places import RUNTIME, WIDE_BUILD

_STEPS = 512
# One kernel moves three states in place, and one moves the first two of them beside these. The bits
# of dt are those of the elapsed time, 15 and 3, of an exponent, 5, of which -1..21 are made, and of
# the upper part of a rate, 8.
_STEP = """
    const int16_t g[3] = {x[0], x[1], (int16_t)~x[0]};
    const int16_t t[2] = {(int16_t)(dt & 32767), (int16_t)((dt >> 15) & 7)};
    int32_t rates[6];
    int16_t h[6], next[4];

    for (int32_t i = 0; i < 3; i++) {
        rates[2 * i] = 2 * (((dt >> 23) * 128) + (63 * i) + 1);
        rates[(2 * i) + 1] = (((((dt >> 18) ^ (7 * i)) & 31) * 23) >> 5) - 1 - t[1];
        h[i] = (int16_t)((s->v[i] + 32768) >> 16);
        h[3 + i] = (int16_t)((uint32_t)s->v[i] & 0xFFFFU);
    }
    {
        const int16_t two[4] = {h[0], h[1], h[3], h[4]};

        el_leaky(next, two, g, t, rates, 2U);
    }
    el_leaky(h, h, g, t, rates, 3U);
    for (int32_t i = 0; i < 3; i++) {
        s->v[i] = (h[i] * 65536) + h[3 + i];
    }
    y[0] = (int16_t)(next[0] ^ next[1] ^ next[2] ^ next[3]);
}
"""


def _vectors():
    rng = np.random.default_rng(7)
    ends = [-32767, -1, 0, 1, 32766]
    x = np.where(rng.random((_STEPS, 2)) < 0.3, rng.choice(ends, (_STEPS, 2)), 0)
    x = np.where(x == 0, rng.integers(-32767, 32767, (_STEPS, 2)), x)
    h = whole(rng.integers(-32767, 32767, (_STEPS, 3)), rng.integers(-32768, 32768, (_STEPS, 3)))
    times = rng.choice([0, 1, 16384, 20001, 32766, 32767], _STEPS), rng.integers(0, 8, _STEPS)
    exponents, upper = np.arange(_STEPS) % 32, rng.choice([0, 1, 127, 128, 200, 255], _STEPS)
    dt = times[0] + (times[1] << 15) + (exponents << 18) + (upper << 23)
    h_next, y = np.zeros_like(h), np.zeros((_STEPS, 1), np.int64)
    for row in range(_STEPS):
        rate = [upper[row] * 128 + 63 * i + 1 for i in range(3)]
        own = [(exponents[row] ^ 7 * i) * 23 // 32 - 1 - times[1][row] for i in range(3)]
        g = np.array([x[row, 0], x[row, 1], ~x[row, 0]])
        op = Leaky(DecayShare(rate, own), Relax(3))
        t = np.array([times[0][row], times[1][row]])
        u, low = op.integer(np.concatenate(halves(h[row])), g, t)
        h_next[row], y[row] = whole(u, low), u[0] ^ u[1] ^ low[0] ^ low[1]
    return {
        "x": x.astype(np.int16),
        "dt": dt.astype(np.int32),
        "h": h.astype(np.int32),
        "y": y.astype(np.int16),
        "h_next": h_next.astype(np.int32),
        "section": np.ones(_STEPS, np.uint8),
    }


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A BUILD whose step calls the kernel."""
    folder = tmp_path_factory.mktemp("leaky") / "BUILD"
    shutil.copytree(RUNTIME / "include", folder / "runtime" / "include")
    (folder / "runtime" / "src").mkdir()
    shutil.copy(RUNTIME / "src" / "el_decay_share.c", folder / "runtime" / "src")
    shutil.copy(WIDE_BUILD / "wide.h", folder)
    text = (WIDE_BUILD / "wide.c").read_text()
    head, signature = text[: text.index("static int16_t")], "int32_t dt)\n{"
    kept = text[text.index("void wide_init") : text.index(signature) + len(signature)]
    (folder / "wide.c").write_text(head + '#include "elegans/el_leaky.h"\n\n' + kept + _STEP)
    (folder / "model.json").write_text(json.dumps(document(folder)))
    np.savez(folder / "vectors.npz", **_vectors())
    return folder


def test_portable_c_is_what_python_says(build):
    v = _vectors()
    y, h = HostModel.compile(build, sanitise=True).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])


@pytest.mark.half
@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("level", ["0", "2", "s"])
@pytest.mark.parametrize("board", [*M0_M3_M4, M55, RV32])
def test_a_core_s_own_instructions_give_the_bits_of_python(build, board, level, compiler):
    skip_without(find_board(board), compiler)
    firmware = build_firmware(build, find_board(board), compiler, level)
    measured = profile(build, firmware, steps=_STEPS)
    assert measured.steps == _STEPS
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())
