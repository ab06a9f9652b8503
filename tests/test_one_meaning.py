"""Whole models: every compiler, every level, host and board, against the reference's bits."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys

import numpy as np
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import BoardOptions, hil
from elegans.tests.places import GOLDEN, LIBC, model_file

_WARNINGS = "-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic -Werror"
_HOST = [c for c in ("gcc", "clang") if shutil.which(c)] + ["zig"]
_BOARD = ["zig"] + ["gcc"] * bool(shutil.which("arm-none-eabi-gcc"))
_COMMANDS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "zig": [sys.executable, "-m", "ziglang", "cc"],
    "arm-gcc": ["arm-none-eabi-gcc", "-mcpu=cortex-m4"],
}


_VARIANTS = {
    "varying_dt": {},
    "fixed_dt": {"dt": 0.05},
    "int8": {"weight_bits": 8, "accept_error": 1.0},
}


@pytest.fixture(scope="module", params=sorted(_VARIANTS))
def built(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one_meaning") / "BUILD"
    export(Request(GOLDEN / "worm.onnx", **_VARIANTS[request.param]), folder)
    return folder


def _runs(vectors):
    """The free runs of more than one step among the golden vectors: (first, last + 1)."""
    joined = np.all(vectors["h"][1:] == vectors["h_next"][:-1], axis=1)
    starts = [0, *(np.flatnonzero(~joined) + 1), len(vectors["h"])]
    return [(a, b) for a, b in itertools.pairwise(starts) if b - a > 1]


def _compare(host, build):
    """Every vector as a step of its own, and the free runs, of 100 steps each, from their start."""
    v = dict(np.load(build / "vectors.npz").items())
    found = [(0, len(v["h"]), host.steps(v["x"], v["dt"], v["h"]))]
    runs = _runs(v)
    assert len(runs) >= 50
    found += [(a, b, host.run(v["x"][a:b], v["dt"][a:b], v["h"][a])) for a, b in runs]
    for a, b, (y, h) in found:
        np.testing.assert_array_equal(y, v["y"][a:b])
        np.testing.assert_array_equal(h, v["h_next"][a:b])


@pytest.mark.half
@pytest.mark.parametrize("level", ["0", "2", "3", "s"])
@pytest.mark.parametrize("compiler", _HOST)
def test_host_c_repeats_the_reference_bit_for_bit(built, compiler, level):
    _compare(HostModel.compile(built, compiler, level), built)


def test_the_sanitizer_finds_no_undefined_behaviour(built):
    compiler = "gcc" if shutil.which("gcc") else "zig"
    _compare(HostModel.compile(built, compiler, "2", sanitise=True), built)


@pytest.mark.half
@pytest.mark.parametrize("level", ["0", "2", "3", "s"])
@pytest.mark.parametrize("compiler", _BOARD)
def test_the_board_repeats_the_reference_bit_for_bit(built, compiler, level):
    verdict = hil(built, "mps2-an386", BoardOptions("unicorn", compiler, level))
    assert verdict.vectors >= 5512
    assert verdict.mismatches == 0, verdict.first_difference


@pytest.mark.parametrize("compiler", [c for c in _COMMANDS if shutil.which(_COMMANDS[c][0])])
def test_generated_c_compiles_without_a_warning(built, compiler, tmp_path):
    command = [*_COMMANDS[compiler], "-std=c99", *_WARNINGS.split(), "-O2", "-c"]
    command += map(str, [model_file(built), *sorted((built / "runtime" / "src").glob("*.c"))])
    command += ["-I", str(built), "-I", str(built / "runtime" / "include")]
    # Its <string.h> is the firmware's: a cross compiler may come without any.
    command += ["-isystem", str(LIBC)] * (compiler == "arm-gcc")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
