"""The integers of NAME_float.h are those of the reference, for every float."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.firmware import toolchain
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.ir.raw_format import named_format
from elegans.tests.places import WORM
from elegans.tests.users_firmware.border_library import called, library, place

# Inputs as they are; one far from zero, which gets an offset; raw counts; both kinds of them.
_KINDS = {
    "plain": {},
    "offset": {"named_ranges": (("touch", (985.0, 1041.0)),)},
    "counts": {"input_formats": (named_format("touch=uint12:-1:1"),)},
    "signed": {"input_formats": (named_format("touch=int16:-2:2"),)},
}


@pytest.fixture(scope="module", params=_KINDS)
def build(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "BUILD"
    export(Request(WORM, accept_error=1e9, **_KINDS[request.param]), folder)
    return folder


def edges(channel: Channel) -> np.ndarray:
    """Floats around each half between two integers, and every kind of extreme float."""
    rng = np.random.default_rng(302)
    halves = np.arange(channel.lo - 3, channel.hi + 3, max((channel.hi - channel.lo) // 4000, 1))
    middle = channel.offset + channel.scale * np.ldexp(halves + 0.5, -channel.frac)
    at = middle.astype(np.float32)
    near = [at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))]
    bits = rng.integers(0, 1 << 32, 20_000, dtype=np.uint32).view(np.float32)  # also NaN
    small = np.array([0.0, -0.0, 0.5, -0.5, 0.49999997, -0.49999997, 1e-45, -1e-45, 1e-30])
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 2.0**31, -(2.0**31)])
    fixed = np.concatenate([small, small * channel.unit_step, special]).astype(np.float32)
    return np.concatenate([*near, bits, fixed])


@pytest.mark.parametrize("options", [["-O2"], ["-O2", "-ffast-math"]], ids=" ".join)
def test_every_float_becomes_the_integer_of_the_reference(build, options):
    if "-ffast-math" in options and ("counts" in str(build) or "signed" in str(build)):
        pytest.skip("raw counts have a scale of their own: the header says so")
    model, found = read_build_folder(build), library(build, *options)
    for channel in (*model.inputs, model.dt):
        values = edges(channel)
        got = called(getattr(found, channel.name), values, channel.bits)
        with np.errstate(invalid="ignore"):  # signalling NaN
            wanted = channel.to_integers(values)
        wrong = np.flatnonzero(got != wanted)
        assert not len(wrong), (channel, values[wrong[:3]], got[wrong[:3]], wanted[wrong[:3]])


def test_every_millisecond_becomes_the_integer_of_the_reference(build):
    model, found = read_build_folder(build), library(build)
    ms = np.concatenate([np.arange(300), 2 ** np.arange(9, 32), [2**32 - 1]]).astype(np.uint32)
    np.testing.assert_array_equal(
        called(found.ms, ms, model.dt.bits), model.dt.to_integers(ms / 1000)
    )


def test_counts_of_a_converter_are_held_in_their_range(build):
    counts = np.arange(65536, dtype=np.uint16)
    if "counts" in str(build):
        np.testing.assert_array_equal(called(library(build).u16, counts), np.minimum(counts, 4095))
    elif "signed" in str(build):
        wanted = counts.astype(np.int32) - 32768
        np.testing.assert_array_equal(called(library(build).u16, counts), wanted)
    else:
        assert "_FROM_U" not in (build / "worm.h").read_text()


def test_a_step_of_floats_is_the_step_of_the_integers(build):
    model, found = read_build_folder(build), library(build)
    rng = np.random.default_rng(1)
    lo, hi = np.array([c.range for c in model.inputs]).T
    plain, floats = (ctypes.c_int16 * 64)(), (ctypes.c_int16 * 64)()
    for _ in range(50):
        x = (lo + (hi - lo) * rng.uniform(-0.1, 1.1, len(lo))).astype(np.float32)
        dt = np.float32(rng.uniform(0.0, 0.3))
        ints = np.array([c.to_integers(float(v)) for c, v in zip(model.inputs, x, strict=True)])
        y, y_f = np.zeros(2, np.int16), np.zeros(2, np.float32)
        ints = ints.astype(np.int16)
        found.plain(plain, place(y), place(ints), int(model.dt.to_integers(float(dt))))
        found.step_f(floats, place(y_f), place(x), ctypes.c_float(dt))
        assert bytes(plain) == bytes(floats)
        np.testing.assert_array_equal(
            y_f, [c.to_real(int(v)) for c, v in zip(model.outputs, y, strict=True)]
        )


def test_macros_of_constants_stand_in_initialisers_and_give_the_same_integers(build, tmp_path):
    model = read_build_folder(build)
    rng = np.random.default_rng(2)
    rows, wanted = [], []
    for channel in (*model.inputs, model.dt):
        of = "WORM_DT" if channel is model.dt else f"WORM_X_{channel.name.upper()}"
        lo, hi = channel.range
        values = [lo, hi, 0.0, 0.5 * (lo + hi), -1e30, 1e30, *rng.uniform(lo, hi, 20)]
        rows += [f"{of}_FROM({value!r})" for value in map(float, values)]
        wanted += [int(v) for v in channel.to_integers(values)]
        rows += [f"{of}_FROM({of}_MIN)", f"{of}_FROM({of}_MAX)"]
        wanted += [int(v) for v in channel.to_integers(np.float32([lo, hi]))]
    (tmp_path / "constants.c").write_text(
        '#include <stdio.h>\n#include "worm_float.h"\nstatic const int32_t v[] = {\n'
        + ",\n".join(rows)
        + "};\nint main(void) { for (int i = 0; i < (int)(sizeof v / sizeof v[0]); i++)"
        + ' printf("%ld\\n", (long)v[i]); return 0; }\n'
    )
    tool = toolchain.host_compiler()
    line = ["-std=c99", *toolchain.WARNINGS, f"-I{build}", f"-I{build}/runtime/include"]
    toolchain.run(tool, [*line, "constants.c", "-o", "constants"], tmp_path, "constants")
    done = subprocess.run([tmp_path / "constants"], capture_output=True, text=True, check=True)
    assert [int(n) for n in done.stdout.split()] == wanted


_CXX = """
#include <cstdio>
#include "worm.hpp"
int main()
{
    elegans::Worm a, b;
    worm_state s;
    std::int16_t x[elegans::Worm::inputs] = {100, -200, 300}, y[2], y2[2];
    float xf[3] = {0.5F, 20.0F, 0.05F}, yf[2];

    worm_init(&s);
    for (int i = 0; i < 20; i++) {
        a.step(y, x, static_cast<std::int16_t>(1311 + i));
        worm_step(&s, y2, x, static_cast<std::int16_t>(1311 + i));
        if (y[0] != y2[0] || y[1] != y2[1])
            return 1;
    }
    if (a.state()->v[4] != s.v[4])
        return 2;
    a.reset();
    worm_init(&s);
    worm_step_f(&s, yf, xf, 0.1F);
    const float before = yf[0];
    a.step(yf, xf, 0.1F);
    if (yf[0] < before || yf[0] > before)
        return 3;
    a.reset();
    if (b.step_at(y, x, 4294967290UL) != 0 || b.step_at(y, x, 44UL) != 0)
        return 4;
    a.step(y2, x, static_cast<std::int16_t>(1311));
    a.step(y2, x, WORM_DT_FROM_MS(50));
    return (y[0] == y2[0] && y[1] == y2[1]) ? 0 : 5;
}
"""


@pytest.mark.parametrize("build", ["plain"], indirect=True)
def test_the_class_gives_the_same_bits_as_cxx14_without_exceptions_and_rtti(build, tmp_path):
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    if not compilers:
        pytest.skip("no compiler of C++ is installed")
    (tmp_path / "main.cpp").write_text(_CXX)
    includes = [f"-I{build}", f"-I{build}/runtime/include"]
    units = list(map(str, sorted(build.rglob("*.c"))))
    subprocess.run(["gcc", "-O1", "-c", *includes, *units], cwd=tmp_path, check=True)
    objects = [path.name for path in tmp_path.glob("*.o")]
    strict = "-std=c++14 -fno-exceptions -fno-rtti -Wall -Wextra -Wpedantic -Wconversion -Werror"
    for compiler in compilers:
        line = [compiler, *strict.split(), *includes, "main.cpp", *objects, "-o", "main"]
        subprocess.run(line, cwd=tmp_path, check=True)
        assert subprocess.run([tmp_path / "main"]).returncode == 0
    text = re.sub(r"//.*", "", (build / "worm.hpp").read_text())
    assert not re.search(r"\b(new|delete|throw|try|virtual|std::string)\b", text)
