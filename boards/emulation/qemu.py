"""How QEMU is asked to be a board."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from elegans.boards.descriptors.descriptor import Board, Qemu
from elegans.exporter.errors import ElegansError

PROGRAM = "qemu-system-arm"
_SILENT = ["-display", "none", "-monitor", "none", "-no-user-config", "-nodefaults"]
PORT_LINE = "char device redirected to "


def command(elf: Path, board: Board) -> list[str]:
    """The command line that boots ``elf``, its UART on a pseudo-terminal that QEMU names.

    Always with -icount: time is then a count of instructions, so ticks repeat exactly.
    (Without it QEMU 7.2 at times also misses the interrupt that should end a WFI.)
    """
    _require_installed(board, "apt install qemu-system-arm, or take --emulator unicorn")
    qemu = _of(board)
    clock = ["-icount", f"shift={qemu.icount_shift}"]
    machine = ["-M", qemu.machine, "-kernel", str(elf), "-serial", "pty"]
    return [PROGRAM, *machine, *_SILENT, *clock]


def traced(elf: Path, board: Board, log: Path, listening: int) -> list[str]:
    """The command line of a board that stands at reset, its gdb stub behind the file
    descriptor of a listening socket; ``log`` gets the registers before each instruction."""
    _require_installed(board, "apt install qemu-system-arm")
    machine = ["-M", _of(board).machine, "-kernel", str(elf), "-serial", "null", "-S"]
    socket = f"socket,id=stub,fd={listening},server=on,wait=off,nodelay=on"
    stub = ["-chardev", socket, "-gdb", "chardev:stub"]
    single = ["-accel", "tcg,one-insn-per-tb=on"] if _version() >= (8, 1) else ["-singlestep"]
    log_to = ["-d", "cpu,nochain", "-D", str(log)]
    return [PROGRAM, *machine, *_SILENT, *stub, *single, *log_to]


@cache
def _version() -> tuple[int, ...]:
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def _require_installed(board: Board, remedy: str) -> None:
    if shutil.which(PROGRAM) is None:
        raise ElegansError(board.name, f"{PROGRAM} is not installed", remedy)


def instructions(ticks: int, board: Board) -> int:
    """Executed instructions, from ticks of the board's counter."""
    return round(ticks * 1e9 / board.counter.hz / (1 << _of(board).icount_shift))


def _of(board: Board) -> Qemu:
    if board.qemu is None:
        raise ElegansError(board.name, "QEMU does not have this board", "take another emulator")
    return board.qemu
