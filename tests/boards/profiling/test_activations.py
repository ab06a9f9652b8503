"""tanh and sigmoid of vectors: every argument on every core, and what an element takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import Profile, profile
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import Tanh
from elegans.tests.boards.profiling.one_map import ops_of_inputs

_STEPS = 1024
_SIZE = 75  # 64 for all arguments; the rest of a run of two and of eight, and of a vector of four
_LONG = 320
_EACH = {"mps2-an386": 12.5, "mps3-an547": 6.5}
"""Instructions an element of a long vector, with 3 that copy it to the states."""


def _profile(build: Path, board: str, compiler: str, steps: int) -> Profile:
    chosen = find_board(board)
    if not virtual_board.installed_emulators(chosen):
        pytest.skip(f"no emulator of {board} is installed")
    return profile(build, build_firmware(build, chosen, compiler), steps)


def _build(folder: Path, x: Any) -> Path:
    return ops_of_inputs(folder / "BUILD", [(Tanh(), x), (Sigmoid(), x)])


@pytest.fixture(scope="module")
def every_argument(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = np.arange(_STEPS)[:, None] + 1024 * (np.arange(_SIZE) % 64) - 32768
    assert len(np.unique(x)) == 65536
    return _build(tmp_path_factory.mktemp("every"), x)


@pytest.fixture(scope="module")
def long_vector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = np.random.default_rng(1).integers(-32768, 32768, (2, _LONG))
    return _build(tmp_path_factory.mktemp("long"), x)


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", ["microbit", "mps2-an385", "mps2-an386", "mps3-an547"])
def test_every_argument_has_the_reference_s_bits(every_argument, board, compiler) -> None:
    found = _profile(every_argument, board, compiler, _STEPS)
    assert (found.mismatches, found.paths, found.data_dependent) == (0, 1, ())


@pytest.mark.parametrize("board", _EACH)
def test_an_element_takes_so_many_instructions(long_vector, board) -> None:
    if "gcc" not in cross_compilers():
        pytest.skip("arm-none-eabi-gcc is not installed")
    found = _profile(long_vector, board, "gcc", 2)
    each = found.functions["one_map_step"] / (2 * _LONG)
    assert (found.mismatches, round(each, 1)) == (0, _EACH[board])
