"""Flashes an STM32 over its serial port, through the loader in its ROM (ST's AN3155).

For boards without a debug probe: hold BOOT0 high at reset. stm32loader talks to the ROM; it is
licensed under the GPL, so it is run as a separate program.
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
from elegans.boards.flashing.debug_probe import FlashError, FlashResult

_TIMEOUT_S = 300
_REMEDY = "hold BOOT0 high, reset the board, and check that --rom names its port"


def flash_by_rom(firmware: Firmware, port: str, baud: int = 115_200) -> FlashResult:
    """Erase, write and verify ``firmware`` through the ROM loader on ``port``, and start it.

    Raises `FlashError`, with the error that stm32loader prints, when it fails.
    """
    if importlib.util.find_spec("stm32loader") is None:
        raise FlashError("stm32loader", "is not installed", "pip install 'elegans[flash]'")
    began = time.monotonic()
    start, image = _flat_image(firmware)
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        file = Path(scratch) / "firmware.bin"
        file.write_bytes(image)
        actions = ["--erase", "--write", "--verify", f"--go-address={start:#x}"]
        options = [f"--port={port}", f"--baud={baud}", f"--address={start:#x}"]
        command = [sys.executable, "-P", "-m", "stm32loader", *options, *actions, str(file)]
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
        fact = said.partition("\n\n")[0].splitlines()[-1]  # hints follow after an empty line
        raise FlashError(port, fact.strip(), _REMEDY)
    return FlashResult(firmware.board.name, port, len(image), False, time.monotonic() - began)


def _flat_image(firmware: Firmware) -> tuple[int, bytes]:
    """The lowest address of the image, and its bytes from there on; gaps are 0xFF, as erased."""
    segments = read_image(firmware.elf).segments
    start = min(address for address, _ in segments)
    stop = max(address + len(data) for address, data in segments)
    image = bytearray(b"\xff" * (stop - start))
    for address, data in segments:
        image[address - start : address - start + len(data)] = data
    return start, bytes(image)
