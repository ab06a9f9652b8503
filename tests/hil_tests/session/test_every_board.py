"""Every virtual board, emulator, compiler and -O level: equal bits, and exact counts."""

from __future__ import annotations

import shutil

import pytest

from elegans.boards.descriptors.descriptor import boards
from elegans.hil_tests.session.session import BoardOptions, session

_PROGRAMS = {"qemu": "qemu-system-arm", "gcc": "arm-none-eabi-gcc"}
_GRID = [
    (board.name, emulator, compiler, level)
    for board in boards().values()
    for emulator in board.emulators
    for compiler in ("zig", "gcc")
    for level in ("2", "s")
]


def test_every_virtual_board_of_the_docs_is_there():
    virtual = {board.name for board in boards().values() if board.emulators}
    assert virtual >= {
        *("microbit", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547"),
        *("netduinoplus2", "stm32vldiscovery", "lm3s6965evb"),
    }
    by_pip = {b.core.name for b in boards().values() if "unicorn" in b.emulators}
    assert by_pip >= {"cortex-m0", "cortex-m3", "cortex-m4f", "cortex-m7f", "cortex-m33f"}


@pytest.mark.parametrize(("board", "emulator", "compiler", "level"), _GRID)
def test_every_board_gives_the_bits_of_the_reference(worm, board, emulator, compiler, level):
    for tool in (emulator, compiler):
        if tool in _PROGRAMS and not shutil.which(_PROGRAMS[tool]):
            pytest.skip(f"{_PROGRAMS[tool]} is not installed")
    with session(worm, board, BoardOptions(emulator, compiler, level)) as device:
        verdict = device.compare(device.model.vectors[slice(None, None, 10)]).require()
        assert verdict.integers > 1000
        assert verdict.instructions is not None
        assert 100 < verdict.instructions[0] <= verdict.instructions[1]
        assert device.firmware is not None
        assert verdict.stack_reserved == device.firmware.stack_reserved
        assert 100 < verdict.stack_used <= device.firmware.stack.bytes <= verdict.stack_used + 300


@pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("board", [b.name for b in boards().values() if len(b.emulators) == 2])
def test_both_emulators_count_the_same_instructions(worm, board):
    counted = set()
    for emulator in ("unicorn", "qemu"):
        with session(worm, board, BoardOptions(emulator, "zig")) as device:
            some = device.model.vectors[slice(0, 40)]
            counted.add(device.compare(some).instructions)
    assert len(counted) == 1
