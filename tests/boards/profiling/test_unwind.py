"""A debugger's backtrace works in a kernel: unwinding from each of its instructions gives the
caller's registers."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import qemu, virtual_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image, read_symbols
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.qemu_caller import qemu_caller
from elegans.boards.profiling.step_call import find_step
from elegans.boards.profiling.unicorn_caller import UnicornCaller
from elegans.exporter.export import Request, export
from elegans.tests.places import WORM

_BOARDS = ["microbit", "mps2-an385", "mps2-an386", "mps3-an547", "qemu-rv32-virt"]


@dataclass(frozen=True)
class _Registers:
    """The numbers that DWARF gives to the stack pointer, the register with the return address and
    those that a function must leave as it found them, and the column of the program counter."""

    sp: int
    lr: int
    saved: tuple[int, ...]
    pc: int


_REGISTERS = {
    ARM: _Registers(13, 14, tuple(range(4, 12)), 15),
    RISCV: _Registers(2, 1, (8, 9, *range(18, 28)), 32),
}


@dataclass(frozen=True)
class _Moment:
    """The registers before an instruction, and the words of the stack at that time."""

    registers: list[int]
    word: Callable[[int], int]


@pytest.fixture(scope="module", params=[None, 0.05], ids=["elapsed time", "fixed period"])
def worm(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM, dt=request.param), folder)
    return folder


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", _BOARDS)
def test_a_kernel_unwinds_to_its_caller_from_every_instruction(worm, board, compiler):
    chosen = find_board(board)
    if not virtual_board.installed_emulators(chosen):
        pytest.skip(f"no emulator of {board} is installed")
    if compiler not in cross_compilers(chosen.core.architecture):
        pytest.skip(f"{compiler} for {board} is not installed")
    firmware, of = build_firmware(worm, chosen, compiler), _REGISTERS[chosen.core.architecture]
    kernel = next(s for s in read_symbols(firmware.elf) if s.name == "worm_layers")
    moments = _executed(worm, firmware, range(kernel.address, kernel.address + kernel.size))
    entry = moments[0].registers
    assert len(moments) > 100
    assert entry[of.pc] == kernel.address
    rows = _frame_rows(firmware.elf, kernel.address)
    for moment in moments:
        pc = moment.registers[of.pc]
        row = next(row for row in reversed(rows) if row["pc"] <= pc)
        assert row["cfa"].reg == of.sp
        frame = moment.registers[of.sp] + row["cfa"].offset
        assert frame == entry[of.sp], hex(pc)
        caller = {r: _unwound(moment, row.get(r), frame, r) for r in (*of.saved, of.lr)}
        assert caller == {r: entry[r] for r in caller}, hex(pc)


@pytest.mark.parametrize("compiler", cross_compilers())
def test_what_a_debugger_needs_is_not_in_flash(worm, compiler):
    board = find_board("mps2-an386")
    firmware = build_firmware(worm, board, compiler)
    assert read_image(firmware.elf).sizes[".debug_frame"] > 0
    assert ".eh_frame" not in read_image(firmware.elf).sizes


def _frame_rows(elf, address):
    """The rows of the call frame table of the function at `address`."""
    file = ELFFile(io.BytesIO(elf.read_bytes()))
    entries = [e for e in file.get_dwarf_info().CFI_entries() if isinstance(e, FDE)]
    return next(e for e in entries if e["initial_location"] == address).get_decoded().table


def _unwound(moment, rule, frame, register):
    """The caller's value of a register, by the rule of DWARF that holds at this moment."""
    if rule is None or rule.type == "SAME_VALUE":
        return moment.registers[register]
    if rule.type == "REGISTER":
        return moment.registers[rule.arg]
    assert rule.type == "OFFSET"
    return moment.word(frame + rule.arg)


def _executed(worm, firmware, code):
    """One call of the step: the moment before each instruction of the kernel."""
    function = find_step(worm, firmware, read_symbols(firmware.elf))
    x, h = (np.full(n, 1000, np.int16) for n in (function.inputs, function.states))
    if firmware.board.core.unicorn is None:
        return _on_qemu(firmware, function, code, x, h)
    return _on_unicorn(firmware, function, code, x, h)


def _on_unicorn(firmware, function, code, x, h):
    caller = UnicornCaller(firmware, function)
    cpu, of = caller._cpu, _REGISTERS[firmware.board.core.architecture]
    numbers = list(caller._registers.values())
    moments = []

    def on_code(cpu, address, size, _):
        registers = [*(int(cpu.reg_read(n)) for n in numbers), address]
        sp = registers[of.sp]
        stack = bytes(cpu.mem_read(sp, function.top - sp))
        moments.append(_Moment(registers, _words(sp, stack)))

    cpu.hook_add(caller._unicorn.UC_HOOK_CODE, on_code, begin=code.start, end=code.stop - 1)
    caller.step(x, 8, h)
    return moments


def _on_qemu(firmware, function, code, x, h):
    """QEMU's log has no memory: what lies on the stack is read before the kernel returns."""
    with qemu_caller(firmware, function) as caller:
        caller._gdb.set_breakpoint(code.stop - 4)  # POP.W, its last instruction
        caller._execute(x, 8, h, qemu.log_registers(firmware.board))
        below = function.top - 0x400
        word = _words(below, caller._gdb.read(below, 0x400))
        rows = caller._logged_registers()[:, :16].tolist()
        return [
            _Moment(registers, word) for registers in rows if registers[_REGISTERS[ARM].pc] in code
        ]


def _words(start, data):
    return lambda at: int.from_bytes(data[at - start : at - start + 4], "little")
