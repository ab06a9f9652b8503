"""RISC-V boards: faults are reported with their cause, and RV32EC has its own instructions only."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.boards.descriptors.cores import RISCV
from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.emulation.virtual_board import emulate
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.machine_code.riscv import decode, instruction_addresses
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.wire.frames import Kind
from elegans.hil_tests.wire.messages import StepRequest
from elegans.tests.boards.conftest import RV32, RV32E, copy_of_tiny, insert_faults, skip_without

# What the step does, by its first input, and what is said about it. The last one has no stack.
_FAULTS = {
    1: ("*(volatile int *)0xF0000000u = 1;", "bus error on store"),
    2: ('__asm__ volatile(".word 0");', "undefined instruction"),
    3: ('__asm__ volatile("li sp, 0xF0000000\\n\\tsw ra, 0(sp)");', "bus error on store"),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Firmware whose step faults for these first inputs."""
    folder = copy_of_tiny(tmp_path_factory.mktemp("faulty") / "BUILD")
    insert_faults(folder, {first: what for first, (what, _) in _FAULTS.items()})
    return build_firmware(folder, find_board(RV32), "zig")


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
@pytest.mark.parametrize("first", _FAULTS)
def test_a_fault_is_reported_with_its_cause_and_the_board_goes_on(faulty, emulator, first):
    skip_without(faulty.board, emulator)
    with emulate(faulty, emulator) as board, Link.open(board.port) as link:
        before = link.hello()
        inputs = before.shape.rows([[first, 0]], [0])
        with pytest.raises(ElegansError):
            link.request(Kind.STEP, StepRequest(np.zeros(3, np.int16), inputs).encode())
        after = link.hello()
        assert after.reset == "fault"
        with pytest.raises(ElegansError, match=_FAULTS[first][1]):
            link.require_no_fault(before)


def test_an_image_for_rv32ec_has_16_registers_and_no_multiplication(tiny):
    image = read_image(build_firmware(tiny, find_board(RV32E), "zig").elf)
    code, start = image.segments[0][1], image.segments[0][0]
    assert image.architecture == RISCV
    found = [decode(code[at - start : at - start + 4]) for at in instruction_addresses(code, start)]
    # Beyond the code are tables, which end the instructions that are known.
    known = found[: next((i for i, one in enumerate(found) if not one.name), None)]
    assert len(known) > 50
    assert not any("mul" in one.name or "div" in one.name for one in known)
    assert max(max(one.rd, one.rs1, one.rs2) for one in known) < 16


def test_every_risc_v_board_has_an_interrupt_controller_and_no_arm_board_has():
    for board in boards().values():
        assert (board.interrupts is not None) == (board.core.architecture == RISCV), board.name
