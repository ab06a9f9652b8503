"""Linear maps in each core's own instructions: many shapes, and tanh of every argument."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.tanh import Tanh
from elegans.tests.boards.profiling.one_map import one_map
from elegans.tests.places import model_file

_EVERYWHERE = [
    *itertools.product(["microbit", "mps2-an385", "mps2-an386"], cross_compilers()),
    ("mps3-an547", "auto"),
]
# Rows, columns and shift of a map. Kernels compute four rows at a time and read inputs in pairs:
# there are incomplete blocks and pairs, and more of both than registers and branches can hold.
_SHAPES = [(16, 16, 15), (33, 8, 1), (7, 37, 17), (5, 60, 30), (130, 2, 16), (4, 90, 20)]


def _profile(built, board, compiler, steps):
    chosen = find_board(board)
    if not virtual_board.installed_emulators(chosen):
        pytest.skip(f"no emulator of {board} is installed")
    measured = profile(built, build_firmware(built, chosen, compiler), steps)
    assert measured.steps == steps
    return measured.mismatches, measured.paths, measured.data_dependent


@pytest.fixture(scope="module", params=_SHAPES, ids=str)
def linear_map(request, tmp_path_factory):
    """A map with random weights, as large as the accumulator permits, and arbitrary inputs."""
    rows, cols, shift = request.param
    rng = np.random.default_rng(rows)
    most = min(32767, (2**30 >> 15) // cols)
    op = Linear(
        rng.integers(-most, most + 1, (rows, cols)),
        rng.integers(-(2**28), 2**28, rows),
        np.full(rows, shift),
    )
    x = rng.integers(-32768, 32768, (64, cols))
    x[:4] = [[-32768], [32767], [0], [-1]]
    built = one_map(tmp_path_factory.mktemp("map") / "BUILD", op, x)
    assert "EL_LINEAR_LAYER" in model_file(built, "_layers.S").read_text()
    return built


@pytest.mark.half
@pytest.mark.parametrize(("board", "compiler"), _EVERYWHERE)
def test_a_map_of_any_shape_has_the_reference_s_bits(linear_map, board, compiler):
    assert _profile(linear_map, board, compiler, 64) == (0, 1, ())


def test_a_network_without_tanh_has_no_table_of_it(linear_map):
    firmware = build_firmware(linear_map, find_board("mps2-an386"))
    assert profile(linear_map, firmware, steps=1).tables == 0


@pytest.fixture(scope="module")
def every_argument(tmp_path_factory):
    """A map with tanh whose row i is x / 64 + 1024 i: 1,024 values of x give all arguments."""
    rows, shift = 68, 14  # 64 rows for 65,536 arguments, and two beyond each end
    op = Linear(
        np.full((rows, 1), 1 << (shift - 6)),
        (1024 * np.arange(rows) - 32768 - 1024) << shift,
        np.full(rows, shift),
    )
    x = np.arange(-32768, 32768, 64)[:, None]
    arguments = np.clip(op.integer(x), -32768, 32767)
    assert len(np.unique(arguments)) == 65536
    built = one_map(tmp_path_factory.mktemp("grid") / "BUILD", op, x, Tanh())
    assert "EL_TANH_LAYER" in model_file(built, "_layers.S").read_text()
    return built


@pytest.mark.parametrize(("board", "compiler"), _EVERYWHERE)
def test_tanh_of_every_argument_has_the_reference_s_bits(every_argument, board, compiler):
    assert _profile(every_argument, board, compiler, 1024) == (0, 1, ())
