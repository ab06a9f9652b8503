"""The stack that is computed from the machine code, compared with what a step has used."""

from __future__ import annotations

import re

import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.stack_need import CallGraph, stack_need
from elegans.boards.profiling.profile import profile
from elegans.tests.boards.conftest import CROSS_COMPILERS, M0_M3_M4, M55, copy_of_tiny

_LOOSE = 8  # bytes that the computed stack may be above the used one: an alignment


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize("level", ["0", "2"])
@pytest.mark.parametrize("board", [*M0_M3_M4, M55])
def test_the_computed_stack_of_a_step_is_the_one_it_uses(worm, board, compiler, level):
    firmware = build_firmware(worm, find_board(board), compiler, level)
    computed = CallGraph(firmware.elf).need("worm_step")
    used = profile(worm, firmware, steps=16).stack
    assert used <= computed <= used + _LOOSE


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize("board", M0_M3_M4)
def test_a_large_array_on_the_stack_is_counted(tmp_path, board, compiler):
    folder = copy_of_tiny(tmp_path / "BUILD")
    before = build_firmware(folder, find_board(board), compiler).stack.bytes
    text = (folder / "tiny.c").read_text()
    array = "    volatile int32_t large[500];\n"
    array += "    for (int i = 0; i < 500; i++)\n        large[i] = x[0];\n    (void)large[1];\n"
    (folder / "tiny.c").write_text(text.replace("    int16_t next[", array + "    int16_t next["))
    after = build_firmware(folder, find_board(board), compiler).stack.bytes
    assert before + 2000 - 64 <= after <= before + 2000 + 64


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "int again(int n);\nint again(int n) { return n > 0 ? again(n - 1) * n + 1 : n; }\n",
            "again calls itself",
        ),
        (
            "int again(int n);\n"
            "int again(int n) { volatile char a[n]; a[0] = (char)n; return a[n / 2]; }\n",
            "again .*stack pointer",
        ),
    ],
)
def test_a_stack_without_a_bound_is_not_known_and_says_why(tmp_path, m4, compiler, code, why):
    folder = copy_of_tiny(tmp_path / "BUILD")
    text = (folder / "tiny.c").read_text()
    text = text.replace("void tiny_step", code + "\nvoid tiny_step", 1)
    call = "    y[0] = (int16_t)again(x[0]);\n    int16_t next["
    (folder / "tiny.c").write_text(text.replace("    int16_t next[", call))
    firmware = build_firmware(folder, m4, compiler, "0")
    assert firmware.stack.bytes is None
    assert re.search(why, firmware.stack.unknown)


def test_the_firmware_needs_more_than_its_step(worm, m4):
    firmware = build_firmware(worm, m4)
    step = CallGraph(firmware.elf).need("worm_step")
    exceptions = 2 * 104  # a receive interrupt, and a fault in it, on a core with an FPU
    assert stack_need(firmware.elf, m4.core) == firmware.stack
    assert step + exceptions < firmware.stack.bytes < step + exceptions + 400
