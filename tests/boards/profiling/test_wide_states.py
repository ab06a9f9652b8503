"""A step whose states have 32 bits is called with all of them, and all of them are compared."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.profile import profile
from elegans.tests.boards.conftest import M0_M3_M4, M55
from elegans.tests.places import WIDE_BUILD


@pytest.mark.parametrize("board", [*M0_M3_M4, M55])
def test_the_step_of_a_model_of_32_bits_repeats_its_vectors(board, tmp_path):
    build = shutil.copytree(WIDE_BUILD, tmp_path / "BUILD")
    found = profile(build, build_firmware(build, find_board(board)), steps=64)
    assert (found.steps, found.mismatches) == (64, 0)
    assert not [name for name in found.functions if name.endswith("et_h")], "no step of the model"
    with np.load(build / "vectors.npz") as file:
        vectors = dict(file)
    vectors["h_next"][40:, 2] ^= 1  # the last bit of 32
    np.savez(build / "vectors.npz", **vectors)
    wrong = profile(build, build_firmware(build, find_board(board)), steps=64)
    assert 0 < wrong.mismatches <= 64
