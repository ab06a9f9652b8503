"""Every virtual board, with every emulator, compiler and -O level: equal bits, and exact counts."""

from __future__ import annotations

import pytest

from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.tests.boards.conftest import skip_without

# Each emulator of a board runs one compiler's firmware at one level: the other compiler and level
# run in the other emulator, and on a Cortex-M4 all of them.
_ONE = {"unicorn": [("zig", "2")], "qemu": [("gcc", "s")]}
_BOTH = {"unicorn": [("zig", "2"), ("gcc", "s")], "qemu": [("gcc", "2"), ("zig", "s")]}
_GRID = [
    (board.name, emulator, compiler, level)
    for board in boards().values()
    for emulator in board.emulators
    for compiler, level in (_BOTH if board.name == "mps2-an386" else _ONE)[emulator]
]


def test_every_virtual_board_of_the_docs_is_there():
    virtual = {board.name for board in boards().values() if board.emulators}
    assert virtual >= {
        *("microbit", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547"),
        *("netduinoplus2", "stm32vldiscovery", "lm3s6965evb"),
        *("qemu-rv32-virt", "qemu-rv32e-virt", "sifive_e"),
    }
    by_pip = {b.core.name for b in boards().values() if "unicorn" in b.emulators}
    assert by_pip >= {"cortex-m0", "cortex-m3", "cortex-m4f", "cortex-m7f", "cortex-m33f"}
    assert by_pip >= {"rv32imc", "rv32imac", "rv32ec"}


@pytest.mark.parametrize(("board", "emulator", "compiler", "level"), _GRID)
def test_every_board_gives_the_bits_of_the_reference(worm, board, emulator, compiler, level):
    skip_without(find_board(board), emulator, compiler)
    with session(worm, board, BoardOptions(emulator, compiler, level)) as device:
        verdict = device.compare(device.model.vectors[slice(None, None, 10)]).require()
        assert verdict.integers > 1000
        assert verdict.instructions is not None
        assert 100 < verdict.instructions[0] <= verdict.instructions[1]
        assert device.firmware is not None
        assert verdict.stack_reserved == device.firmware.stack_reserved
        assert 100 < verdict.stack_used <= device.firmware.stack.bytes <= verdict.stack_used + 300


@pytest.mark.parametrize("board", [b.name for b in boards().values() if len(b.emulators) == 2])
def test_both_emulators_count_the_same_instructions(worm, board):
    skip_without(find_board(board), "qemu")
    counted = set()
    for emulator in ("unicorn", "qemu"):
        with session(worm, board, BoardOptions(emulator, "zig")) as device:
            some = device.model.vectors[slice(0, 40)]
            counted.add(device.compare(some).instructions)
    assert len(counted) == 1
