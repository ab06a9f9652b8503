"""`elegans flash`: which way a firmware takes into a board."""

from __future__ import annotations

from pathlib import Path

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.build import build as build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.flashing import uf2
from elegans.boards.flashing.debug_probe import Flashed, FlashError, flash
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.trainer.progress import shown


def flash_board(
    build: Path,
    board: str,
    settings: tuple[str, str, str],
    probe: str | None,
    drive: Path | None,
    rom: str | None,
) -> str:
    """Flash, and say in a line what was done. ``settings`` are emulator, compiler and level."""
    emulator, compiler, optimise = settings
    descriptor = find_board(board)
    if descriptor.emulators and not (probe or drive or rom):
        with session(build, board, BoardOptions(emulator, compiler, optimise)) as device:
            digest = device.hello.model_digest.hex()
            return f"{device.hello.board} on {device.link.port.name} runs model {digest}"
    firmware = build_firmware(build, descriptor, compiler, optimise)
    if drive is not None:
        return _by_drive(firmware, drive)
    if rom is not None:
        from elegans.boards.flashing.rom_loader import flash_by_rom

        if descriptor.flash is None or not descriptor.flash.rom_loader:
            raise FlashError(descriptor.name, "has no serial loader in its ROM", "use its probe")
        return _told(flash_by_rom(firmware, rom))
    with shown() as progress:
        done = flash(firmware, probe, lambda share: progress("flash", round(100 * share), 100, "%"))
    return _told(done)


def _by_drive(firmware: Firmware, drive: Path) -> str:
    how = firmware.board.flash
    if how is None or how.uf2_family is None:
        raise FlashError(firmware.board.name, "takes no UF2", "use its debug probe")
    segments = read_image(firmware.elf).segments
    if drive.suffix == ".uf2":
        uf2.write(drive, segments, how.uf2_family)
        return f"{drive}: drop it on the board's boot drive"
    return f"{uf2.copy_to_drive(uf2.encode(segments, how.uf2_family), drive)} written"


def _told(done: Flashed) -> str:
    act = "has this firmware already" if done.skipped else "flashed and read back"
    return f"{done.board} ({done.probe}): {act}, {done.bytes} bytes in {done.seconds:.1f} s"
