"""Virtual boards: a firmware runs on an emulator in a child process, behind a serial port."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from elegans.boards.descriptors.board import Board
from elegans.boards.emulation import qemu, unicorn_board
from elegans.boards.emulation.compiled_uart import uart_library
from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import read_image, require_fit
from elegans.boards.firmware.toolchain import INSTALL_SIM
from elegans.boards.processes import child_process
from elegans.exporter.errors import ElegansError, WrongUseError

_BOOT_S = 20.0
_POLL_S = 0.002
_LAST_LINES = 5  # of an emulator's output, in an error
_PORT_LINE = {"unicorn": unicorn_board.PORT_LINE, "qemu": qemu.PORT_LINE}


class BoardFaultError(ElegansError):
    """The emulator of a board has ended by itself."""

    phase = "FAULT"


@dataclass(frozen=True)
class VirtualBoard:
    """A running emulated board. ``port`` is the path of its serial port, a pseudo-terminal."""

    port: str
    emulator: str
    board: Board
    _process: subprocess.Popen[bytes]
    _log: Path

    def instructions(self, ticks: int) -> int:
        """The exact number of instructions executed in so many ticks of the board's counter."""
        return ticks if self.emulator == "unicorn" else qemu.instructions(ticks, self.board)

    def check(self) -> None:
        """Raise `BoardFaultError`, with what the emulator printed last, if it has ended."""
        status = self._process.poll()
        if status is not None:
            fact = f"{self.emulator} ended with {status}: {_last_output(self.log)}"
            raise BoardFaultError(self.board.name, fact, "find where the firmware faulted")

    @property
    def log(self) -> str:
        """What the emulator has printed so far: resets, faults, errors; empty once it is off."""
        try:
            return self._log.read_text(errors="replace")
        except FileNotFoundError:  # its folder goes with the emulator
            return ""


def installed_emulators(board: Board) -> list[str]:
    """The emulators of a board that are installed, the preferred one first."""
    return [name for name in board.emulators if is_installed(name, board)]


def is_installed(emulator: str, board: Board) -> bool:
    """Whether an emulator, ``unicorn`` or ``qemu``, is installed for a board."""
    if emulator == "unicorn":
        return importlib.util.find_spec("unicorn") is not None
    return shutil.which(qemu.program(board)) is not None


@contextmanager
def emulate(firmware: Firmware, emulator: str = "auto") -> Iterator[VirtualBoard]:
    """Boot ``firmware`` on its board, emulated, for as long as the ``with`` lasts.

    ``emulator`` is ``unicorn``, ``qemu``, or ``auto`` for the preferred installed one. The
    emulator also ends when this process does, however it ends. Raises `ElegansError` when the
    emulator is missing, rejects the image, or does not boot within 20 s.
    """
    board = firmware.board
    name = choose_emulator(emulator, board)
    require_fit(read_image(firmware.elf), board, firmware.elf)
    if name == "unicorn":
        uart_library()  # the time to boot is not for compiling it
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elegans-")))
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                _command(name, firmware), stdin=subprocess.PIPE, stdout=output, stderr=output
            )
        stack.callback(child_process.stop, process)
        port = _wait_for_port(name, firmware, process, log)
        if name == "qemu":
            # QEMU checks only once a second whether somebody has opened the port.
            stack.callback(os.close, os.open(port, os.O_RDWR | os.O_NOCTTY))
        yield VirtualBoard(port, name, board, process, log)


def choose_emulator(emulator: str, board: Board) -> str:
    """The emulator that ``unicorn``, ``qemu`` or ``auto`` stands for on this board.

    Raises `ElegansError` for a real board, and for an emulator that does not have the board or
    is not installed.
    """
    known = board.emulators
    if not known:
        fact = "is a real board, no emulator has it"
        raise WrongUseError(board.name, fact, "name its serial port: --port")
    if emulator == "auto":
        emulator = next(iter(installed_emulators(board)), known[0])
    if emulator not in known:
        fact = f"{emulator} does not have this board"
        raise WrongUseError(board.name, fact, f"use --emulator {' or '.join(known)}")
    if importlib.util.find_spec("pty") is None or importlib.util.find_spec("termios") is None:
        fact = "this system has no pseudo-terminals to run it behind"
        raise ElegansError(board.name, fact, "use Linux (WSL on Windows), or a real board")
    if not is_installed(emulator, board):
        remedy = INSTALL_SIM if emulator == "unicorn" else qemu.install(board)
        raise ElegansError(board.name, f"{emulator} is not installed", remedy)
    return emulator


def _command(emulator: str, firmware: Firmware) -> list[str]:
    if emulator == "qemu":
        return child_process.tied(qemu.boot_command(firmware.elf, firmware.board))
    module = "elegans.boards.emulation.unicorn_board"
    return child_process.python_module(
        module, str(firmware.elf), "--board", str(firmware.board.path)
    )


def _wait_for_port(
    emulator: str, firmware: Firmware, process: subprocess.Popen[bytes], log: Path
) -> str:
    """The path of the serial port, once the emulator has printed it."""
    deadline = time.monotonic() + _BOOT_S
    while True:
        ended = process.poll() is not None
        text = log.read_text(errors="replace")
        _, found, rest = text.partition(_PORT_LINE[emulator])
        if found and "\n" in rest:
            return rest.split()[0]
        if ended:
            fact = f"{emulator} rejects the image: {_last_output(text)}"
            raise ElegansError(firmware.elf, fact, "build it again")
        if time.monotonic() > deadline:
            fact = f"{emulator} printed no serial port within {_BOOT_S:.0f} s"
            raise ElegansError(firmware.elf, fact, "try again while the machine is less busy")
        time.sleep(_POLL_S)


def _last_output(text: str) -> str:
    lines = text.splitlines()
    # When QEMU gives up, it prints the reason in a line with `fatal`, then all registers.
    fatal = [line for line in lines if "fatal" in line]
    return " | ".join(fatal or lines[-_LAST_LINES:]) or "it printed nothing"
