"""QEMU command lines: boot an image; trace it under gdb."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from elegans.boards.descriptors.board import Board, QemuMachine
from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.exporter.errors import ElegansError

PROGRAMS = {
    ARM: ("qemu-system-arm", "qemu-system-arm"),
    RISCV: ("qemu-system-riscv32", "qemu-system-misc"),
}
"""The program, and the package that it is in, by the architecture of the core."""

PORT_LINE = "char device redirected to "  # what QEMU prints before the path of its serial port
_SILENT = ["-display", "none", "-monitor", "none", "-no-user-config", "-nodefaults"]


def boot_command(elf: Path, board: Board) -> list[str]:
    """The command line that boots ``elf`` with its UART on a pseudo-terminal, whose path QEMU
    prints after `PORT_LINE`.

    Raises `ElegansError` if QEMU is not installed or does not have the board.
    """
    # With -icount time is a count of instructions, so ticks repeat exactly. (Without it QEMU 7.2
    # sometimes misses the interrupt that should end a WFI, too.)
    _require_installed(board, f"{install(board)}, or use --emulator unicorn")
    qemu = _machine(board)
    clock = ["-icount", f"shift={qemu.icount_shift}"]
    return [program(board), *_machine_options(board, elf), "-serial", "pty", *_SILENT, *clock]


def trace_command(elf: Path, board: Board, log: Path, listening: int) -> list[str]:
    """The command line that loads ``elf``, halts at reset and waits for gdb.

    ``listening`` is the file descriptor of the socket on which the gdb stub accepts its client.
    What QEMU writes to ``log`` while the firmware runs is said by a command of its monitor:
    `log_blocks` or `log_registers`.
    Raises `ElegansError` as `boot_command` does.
    """
    _require_installed(board, install(board))
    machine = [*_machine_options(board, elf), "-serial", "null", "-S"]
    socket = f"socket,id=stub,fd={listening},server=on,wait=off,nodelay=on"
    stub = ["-chardev", socket, "-gdb", "chardev:stub"]
    return [program(board), *machine, *_SILENT, *stub, "-d", "nochain", "-D", str(log)]


def log_blocks(board: Board) -> list[str]:
    """What to tell QEMU's monitor to get a line of the log for each block that is executed."""
    return ["log exec,nochain", f"{_one_by_one(board)} off"]


def log_registers(board: Board) -> list[str]:
    """What to tell QEMU's monitor to get the registers before each instruction."""
    return ["log cpu,nochain", f"{_one_by_one(board)} on"]


def _one_by_one(board: Board) -> str:
    """What makes blocks of single instructions."""
    return "one-insn-per-tb" if _version(program(board)) >= (8, 1) else "singlestep"


def program(board: Board) -> str:
    """The name of QEMU's program for a board."""
    return PROGRAMS[board.core.architecture][0]


def install(board: Board) -> str:
    """How to install it."""
    return f"apt install {PROGRAMS[board.core.architecture][1]}"


def _machine_options(board: Board, elf: Path) -> list[str]:
    qemu = _machine(board)
    cpu = ["-cpu", qemu.cpu] if qemu.cpu else []
    # Without this QEMU starts a boot loader of its own on RISC-V.
    bios = ["-bios", "none"] if board.core.architecture == RISCV else []
    return ["-M", qemu.machine, *cpu, *bios, "-kernel", str(elf)]


def instructions(ticks: int, board: Board) -> int:
    """The number of instructions executed in so many ticks of the board's counter."""
    return round(ticks * 1e9 / board.counter.hz / (1 << _machine(board).icount_shift))


@cache
def _version(program: str) -> tuple[int, ...]:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def _require_installed(board: Board, remedy: str) -> None:
    if shutil.which(program(board)) is None:
        raise ElegansError(board.name, f"{program(board)} is not installed", remedy)


def _machine(board: Board) -> QemuMachine:
    if board.qemu is None:
        raise ElegansError(board.name, "QEMU does not have this board", "use another emulator")
    return board.qemu
