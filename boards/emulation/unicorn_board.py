"""A board that is a program: the unicorn machine behind a real terminal.

``python -m elegans.boards.emulation.unicorn_board ELF --board NAME`` prints the path of its
serial port and runs until its standard input ends.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.child_process import when_released
from elegans.boards.emulation.pseudo_terminal import Terminal
from elegans.boards.firmware.elf_image import read_image, require_fit
from elegans.exporter.errors import ElegansError

PORT_LINE = "serial port: "


def main(arguments: list[str]) -> int:
    """Boot and serve. Ends with 1 on lockup or an image that is none, saying why."""
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
    """Put ``elf`` on the board ``name``; returns only when the board is beyond help."""
    try:
        from elegans.boards.emulation.unicorn_machine import Machine, MachineError
    except ImportError:
        remedy = "pip install 'elegans[sim]', or take --emulator qemu"
        raise ElegansError("unicorn", "is not installed", remedy) from None
    board = find_board(name)
    image = read_image(elf)
    require_fit(image, board, elf)
    terminal = Terminal()
    machine = Machine(board, image, terminal.write, _note)
    when_released(lambda: os._exit(0))
    print(PORT_LINE + terminal.name, flush=True)
    try:
        machine.boot()
        while True:
            machine.receive(terminal.read())
    except MachineError as error:
        print(error, flush=True)
        return 1


def _note(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
