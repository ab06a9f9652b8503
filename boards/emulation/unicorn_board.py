"""A board emulated by unicorn, as a program: its serial port is a pseudo-terminal.

``python -m elegans.boards.emulation.unicorn_board ELF --board NAME`` prints the path of the
serial port and runs until its standard input ends.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.elf_image import read_image, require_fit
from elegans.boards.firmware.toolchain import INSTALL_SIM
from elegans.boards.processes.child_process import on_stdin_end
from elegans.exporter.errors import ElegansError

PORT_LINE = "serial port: "  # what is printed before the path of the serial port


def main(arguments: list[str]) -> int:
    """Boot and serve. Returns 1, with the reason printed, on lockup or for an invalid image."""
    parser = argparse.ArgumentParser(
        prog="elegans.boards.emulation.unicorn_board", description=__doc__
    )
    parser.add_argument("elf", type=Path)
    parser.add_argument("--board", default="mps2-an386", help="name or descriptor")
    options = parser.parse_args(arguments)
    try:
        return serve(options.elf, options.board)
    except ElegansError as error:
        print(error, flush=True)
        return 1


def serve(elf: Path, name: str) -> int:
    """Run ``elf`` on the board ``name``. Returns 1 if the emulated core locks up.

    Raises `ElegansError` for an invalid image, or if unicorn is not installed.
    """
    try:
        from elegans.boards.emulation.machines import MACHINES
        from elegans.boards.emulation.unicorn_machine import MachineError
    except ImportError:
        remedy = f"{INSTALL_SIM}, or use --emulator qemu"
        raise ElegansError("unicorn", "is not installed", remedy) from None
    # Not at the top: on Windows, which has no pseudo-terminal, this module must be importable.
    from elegans.boards.emulation.pseudo_terminal import PseudoTerminal

    board = find_board(name)
    image = read_image(elf)
    require_fit(image, board, elf)
    terminal = PseudoTerminal()
    machine = MACHINES[board.core.architecture](board, image, terminal.write, _log)
    on_stdin_end(lambda: os._exit(0))
    print(PORT_LINE + terminal.name, flush=True)
    try:
        machine.boot()
        while True:
            machine.receive(terminal.read())
    except MachineError as error:
        print(error, flush=True)
        return 1


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
