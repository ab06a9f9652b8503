"""`elegans flash`: puts a firmware into a board, in the way that the options choose."""

from __future__ import annotations

from pathlib import Path

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import Firmware, build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.flashing import uf2
from elegans.boards.flashing.debug_probe import FlashResult, flash
from elegans.exporter.errors import WrongUseError
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.trainer.progress import shown


def flash_board(
    build: Path, board: str, options: BoardOptions, drive: Path | None, rom: str | None
) -> str:
    """Flash the firmware of a BUILD; a virtual board is booted instead. Returns a line that says
    what was done.

    At most one of ``options.probe``, ``drive`` (the folder of a boot drive, or a .uf2 file) and
    ``rom`` (the serial port of the ROM loader) is given; with none, the only connected debug
    probe is used. ``options.port`` and ``options.baud`` are not used.

    Raises `ElegansError` if the BUILD or the board cannot be used, and `FlashError` if flashing
    fails.
    """
    descriptor = find_board(board)
    if descriptor.emulators and not (options.probe or drive or rom):
        with session(build, board, options) as device:
            digest = device.hello.model_digest.hex()
            return f"{device.hello.board} on {device.link.port.name} runs model {digest}"
    how = descriptor.flash
    family = how.uf2_family if how else None
    if drive is not None and family is None:
        raise WrongUseError("--drive", f"{descriptor.name} has no boot drive", "use --probe")
    if rom is not None and (how is None or not how.rom_loader):
        fact = f"{descriptor.name} has no serial loader in its ROM"
        raise WrongUseError("--rom", fact, "use --probe")
    firmware = build_firmware(build, descriptor, options.compiler, options.level)
    if drive is not None and family is not None:
        return _flash_drive(firmware, drive, family)
    if rom is not None:
        from elegans.boards.flashing.rom_loader import flash_by_rom

        return _describe(flash_by_rom(firmware, rom))
    with shown() as progress:
        result = flash(
            firmware, options.probe, lambda share: progress("flash", round(100 * share), 100, "%")
        )
    return _describe(result)


def _flash_drive(firmware: Firmware, drive: Path, family: int) -> str:
    segments = read_image(firmware.elf).segments
    if drive.suffix == ".uf2":
        uf2.write(drive, segments, family)
        return f"{drive}: copy it to the board's boot drive"
    return f"{uf2.copy_to_drive(uf2.encode(segments, family), drive)} written"


def _describe(result: FlashResult) -> str:
    act = "has this firmware already" if result.skipped else "flashed and read back"
    return f"{result.board} ({result.probe}): {act}, {result.bytes} bytes in {result.seconds:.1f} s"
