"""Power for virtual boards: a firmware boots in a process of its own, behind a real tty."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from elegans.boards.descriptors.descriptor import Board
from elegans.boards.emulation import qemu, unicorn_board
from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import read_image, require_fit
from elegans.exporter.errors import ElegansError

_BOOT_S = 20.0
_POLL_S = 0.002
_LAST_LINES = 5
_GET = {"unicorn": "pip install 'elegans[sim]'", "qemu": "apt install qemu-system-arm"}
_PORT_LINE = {"unicorn": unicorn_board.PORT_LINE, "qemu": qemu.PORT_LINE}


class BoardFaultError(ElegansError):
    """A board stopped working by itself."""

    phase = "FAULT"


@dataclass(frozen=True)
class Powered:
    """A board under power. ``port`` is the path of its serial port, a tty."""

    port: str
    emulator: str
    board: Board
    _process: subprocess.Popen[bytes]
    _log: Path

    def instructions(self, ticks: int) -> int:
        """How many instructions ``ticks`` of the board's counter stand for, exactly."""
        return ticks if self.emulator == "unicorn" else qemu.instructions(ticks, self.board)

    def check(self) -> None:
        """Raises `BoardFaultError` if the emulator has ended, with its last words."""
        status = self._process.poll()
        if status is not None:
            fact = f"{self.emulator} ended with {status}: {_last_words(self.log)}"
            raise BoardFaultError(self.board.name, fact, "see where the firmware faulted")

    @property
    def log(self) -> str:
        """What the emulator has printed so far: resets, faults, complaints."""
        try:
            return self._log.read_text(errors="replace")
        except FileNotFoundError:  # the power is off
            return ""


def emulators(board: Board) -> list[str]:
    """The emulators of a board that are installed, the preferred one first."""
    return [name for name in board.emulators if installed(name)]


def installed(emulator: str) -> bool:
    """Whether ``unicorn`` or ``qemu`` is here."""
    if emulator == "unicorn":
        return importlib.util.find_spec("unicorn") is not None
    return shutil.which(qemu.PROGRAM) is not None


@contextmanager
def power_on(firmware: Firmware, emulator: str = "auto") -> Iterator[Powered]:
    """A board that has booted ``firmware``, off again at the end of the ``with``.

    Raises `ElegansError` when the emulator is missing or refuses the image. The board
    also goes off when this process dies, however it dies.
    """
    board = firmware.board
    name = choose(emulator, board)
    require_fit(read_image(firmware.elf), board, firmware.elf)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elegans-")))
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                _command(name, firmware), stdin=subprocess.PIPE, stdout=output, stderr=output
            )
        stack.callback(_power_off, process)
        port = _wait_for_port(name, firmware, process, log)
        if name == "qemu":
            # QEMU looks only once a second whether somebody has opened the port.
            stack.callback(os.close, os.open(port, os.O_RDWR | os.O_NOCTTY))
        yield Powered(port, name, board, process, log)


def choose(emulator: str, board: Board) -> str:
    """The emulator that a wish comes to. Raises `ElegansError` where there is none."""
    known = board.emulators
    if not known:
        raise ElegansError(board.name, "is a real board, nothing emulates it", "pass its --port")
    if emulator == "auto":
        emulator = next(iter(emulators(board)), known[0])
    if emulator not in known:
        raise ElegansError(board.name, f"{emulator} does not have it", f"take {' or '.join(known)}")
    if not installed(emulator):
        raise ElegansError(board.name, f"{emulator} is not installed", _GET[emulator])
    return emulator


def _command(emulator: str, firmware: Firmware) -> list[str]:
    # -P: a file in the working directory must not pass for a module.
    python = [sys.executable, "-P", "-m"]
    if emulator == "qemu":
        return [
            *python,
            "elegans.boards.emulation.child_process",
            *qemu.command(firmware.elf, firmware.board),
        ]
    board = str(firmware.board.path)
    return [*python, "elegans.boards.emulation.unicorn_board", str(firmware.elf), "--board", board]


def _wait_for_port(
    emulator: str, firmware: Firmware, process: subprocess.Popen[bytes], log: Path
) -> str:
    deadline = time.monotonic() + _BOOT_S
    while True:
        ended = process.poll() is not None
        text = log.read_text(errors="replace")
        _, found, rest = text.partition(_PORT_LINE[emulator])
        if found and "\n" in rest:
            return rest.split()[0]
        if ended:
            fact = f"{emulator} did not take it: {_last_words(text)}"
            raise ElegansError(firmware.elf, fact, "build it again")
        if time.monotonic() > deadline:
            fact = f"{emulator} named no serial port within {_BOOT_S:.0f} s"
            raise ElegansError(firmware.elf, fact, "try again on a machine with less to do")
        time.sleep(_POLL_S)


def _power_off(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(text: str) -> str:
    lines = text.splitlines()
    # QEMU says what is wrong and then prints every register.
    fatal = [line for line in lines if "fatal" in line]
    return " | ".join(fatal or lines[-_LAST_LINES:]) or "without a word"
