"""How QEMU is asked to be a board."""

from __future__ import annotations

import shutil
from pathlib import Path

from elegans.boards.descriptor import Board, Qemu
from elegans.exporter.errors import ElegansError

PROGRAM = "qemu-system-arm"
PORT_LINE = "char device redirected to "


def command(elf: Path, board: Board) -> list[str]:
    """The command line that boots ``elf``, its UART on a pseudo-terminal that QEMU names.

    Always with -icount: time is then a count of instructions, so ticks repeat exactly.
    (Without it QEMU 7.2 at times also misses the interrupt that should end a WFI.)
    """
    if shutil.which(PROGRAM) is None:
        remedy = "apt install qemu-system-arm, or take --emulator unicorn"
        raise ElegansError(board.name, f"{PROGRAM} is not installed", remedy)
    qemu = _of(board)
    silent = ["-display", "none", "-monitor", "none", "-no-user-config", "-nodefaults"]
    clock = ["-icount", f"shift={qemu.icount_shift}"]
    machine = ["-M", qemu.machine, "-kernel", str(elf), "-serial", "pty"]
    return [PROGRAM, *machine, *silent, *clock]


def instructions(ticks: int, board: Board) -> int:
    """Executed instructions, from ticks of the board's counter."""
    return round(ticks * 1e9 / board.counter.hz / (1 << _of(board).icount_shift))


def _of(board: Board) -> Qemu:
    if board.qemu is None:
        raise ElegansError(board.name, "QEMU does not have this board", "take another emulator")
    return board.qemu
