"""Firmware into an STM32 over its serial port, through the loader in its ROM (ST's AN3155).

For boards without a debug probe: hold BOOT0 at reset. stm32loader (GPL, hence a program of
its own beside us) speaks with the ROM.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.flashing.debug_probe import Flashed, FlashError

_TIMEOUT_S = 300


def flash_by_rom(firmware: Firmware, port: str, baud: int = 115_200) -> Flashed:
    """Erase, write and verify ``firmware`` through the ROM loader on ``port``, and start it.

    Raises `FlashError` with what stm32loader says when it fails.
    """
    if importlib.util.find_spec("stm32loader") is None:
        raise FlashError("stm32loader", "is not installed", "pip install 'elegans[flash]'")
    began = time.monotonic()
    start, image = _flat(firmware)
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        file = Path(scratch) / "firmware.bin"
        file.write_bytes(image)
        act = ["--erase", "--write", "--verify", f"--go-address={start:#x}"]
        where = [f"--port={port}", f"--baud={baud}", f"--address={start:#x}"]
        command = [sys.executable, "-P", "-m", "stm32loader", *where, *act, str(file)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FlashError(port, f"the loader took more than {_TIMEOUT_S} s", _REMEDY) from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "stm32loader failed"
        fact = said.partition("\n\n")[0].splitlines()[-1]  # what follows are its hints
        raise FlashError(port, fact.strip(), _REMEDY)
    return Flashed(firmware.board.name, port, len(image), False, time.monotonic() - began)


_REMEDY = "hold BOOT0 high, reset the board, and check that the port is its own"


def _flat(firmware: Firmware) -> tuple[int, bytes]:
    """The image as one stretch of flash from its lowest address on; gaps stay erased."""
    segments = read_image(firmware.elf).segments
    start = min(address for address, _ in segments)
    stop = max(address + len(data) for address, data in segments)
    image = bytearray(b"\xff" * (stop - start))
    for address, data in segments:
        image[address - start : address - start + len(data)] = data
    return start, bytes(image)
