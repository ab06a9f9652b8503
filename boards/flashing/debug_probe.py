"""Flashes a real board through a debug probe: CMSIS-DAP, ST-Link or J-Link.

pyOCD drives the probe and knows the chips. The flash is read first, and is not written if it
holds the image already; what was written is read back and compared.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import read_image, require_fit
from elegans.exporter.errors import ElegansError

Progress = Callable[[float], None]
Segments = tuple[tuple[int, bytes], ...]  # addresses, and the bytes that belong there

_PIECE = 4096  # bytes that are read back at a time
_ALMOST = 0.99  # the share that is reported before the flash has been verified


class FlashError(ElegansError):
    """The board could not be flashed."""

    phase = "FLASH"


@dataclass(frozen=True)
class FlashResult:
    """What was done: ``skipped`` means that the flash held the image, of so many ``bytes``,
    already. ``probe`` is the probe's id, or the serial port that was used instead."""

    board: str
    probe: str
    bytes: int
    skipped: bool
    seconds: float


def flash(
    firmware: Firmware, probe: str | None = None, progress: Progress = lambda _: None
) -> FlashResult:
    """Write ``firmware`` with pyOCD, verify it, and reset the board to start it.

    ``probe`` is the unique id of a debug probe, or the beginning of one; it is needed only if
    several are connected. ``progress`` is called with the share that is done, 0 to 1. Raises
    `FlashError` for a probe that is missing or ambiguous, a chip that does not answer or is
    locked, and flash that differs from what was written.
    """
    board, began = firmware.board, time.monotonic()
    if board.flash is None or board.flash.target is None:
        remedy = "add [flash] with pyOCD's target to it (`pyocd list --targets`)"
        raise FlashError(board.name, "its descriptor does not say how it is flashed", remedy)
    image = read_image(firmware.elf)
    require_fit(image, board, firmware.elf)
    with _session(board.name, board.flash.target, probe) as session:
        target, identity = session.target, str(session.probe.unique_id)
        with _as_flash_errors(identity):
            target.reset_and_halt()  # so that no firmware runs or sleeps meanwhile
            same = not _differences(target, image.segments)
            if not same:
                _program(session, image.segments, progress)
                if wrong := _differences(target, image.segments):
                    fact = f"the flash differs from what was written, first at {wrong[0]:#010x}"
                    raise FlashError(identity, fact, "try again; the flash may be worn or locked")
            progress(1.0)
            target.reset()
    size = sum(len(data) for _, data in image.segments)
    return FlashResult(board.name, identity, size, same, time.monotonic() - began)


def probes(unique_id: str | None = None) -> list[Any]:
    """The debug probes that pyOCD finds, as its `DebugProbe`; with ``unique_id`` those whose id
    begins so. Raises `FlashError` if pyOCD is not installed, or cannot use USB."""
    try:
        from pyocd.core.helpers import ConnectHelper
    except ImportError:
        remedy = "pip install 'elegans[flash]'"
        raise FlashError("pyocd", "which drives debug probes, is not installed", remedy) from None
    logging.getLogger("pyocd").setLevel(logging.CRITICAL)  # errors are raised, not logged
    with _as_flash_errors(unique_id or "debug probes"):
        found = ConnectHelper.get_all_connected_probes(
            blocking=False, unique_id=unique_id, print_wait_message=False
        )
    return list(found)


@contextmanager
def _session(board: str, target: str, unique_id: str | None) -> Iterator[Any]:
    """An open pyOCD session; connects under reset if the chip does not answer otherwise."""
    from pyocd.core.exceptions import Error
    from pyocd.core.session import Session

    probe = _only_probe(probes(unique_id), board, unique_id)
    options = {
        "target_override": target,
        "no_config": True,
        "hide_programming_progress": True,
        "resume_on_disconnect": True,
    }
    with _as_flash_errors(str(probe.unique_id)):
        session = Session(probe, options={**options, "connect_mode": "halt"})
        try:
            session.open()
        except Error:
            # Firmware may sleep, or use the debug pins for something else: halt the chip before
            # its firmware starts.
            session.close()
            session = Session(probe, options={**options, "connect_mode": "under-reset"})
            session.open()
    try:
        yield session
    finally:
        with _as_flash_errors(str(probe.unique_id)):
            session.close()


def _only_probe(found: list[Any], board: str, unique_id: str | None) -> Any:
    if not found:
        place = unique_id or board
        remedy = "plug it in; on Linux install udev rules (docs/boards.md); see `elegans boards`"
        raise FlashError(place, "no debug probe is connected", remedy)
    if len(found) > 1:
        ids = ", ".join(str(probe.unique_id) for probe in found)
        raise FlashError(board, f"there are {len(found)} debug probes: {ids}", "name one: --probe")
    return found[0]


def _program(session: Any, segments: Segments, progress: Progress) -> None:
    from pyocd.flash.loader import FlashLoader

    done = 0.0

    def tell(share: float) -> None:
        # pyOCD counts from 0 to 1 twice, for erasing and for programming.
        nonlocal done
        done = max(done, min(share, _ALMOST))
        progress(done)

    loader = FlashLoader(session, progress=tell)
    for address, data in segments:
        loader.add_data(address, data)
    loader.commit()


def _differences(target: Any, segments: Segments) -> list[int]:
    """The address of the first byte, in each segment, at which the flash differs."""
    wrong = []
    for address, data in segments:
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            found = target.read_memory_block8(address + at, len(piece))
            if offset := [i for i, byte in enumerate(piece) if byte != found[i]]:
                wrong.append(address + at + offset[0])
                break
    return wrong


@contextmanager
def _as_flash_errors(place: str) -> Iterator[None]:
    """Turn errors of pyOCD into `FlashError`, whatever they are: for another chip than the
    target's behind the probe it raises a KeyError, or what the chip's answer happens to cause."""
    from pyocd.core import exceptions

    try:
        yield
    except ElegansError:
        raise
    except exceptions.TargetSupportError as error:
        remedy = "correct target in [flash]: `pyocd list --targets` shows the known ones"
        raise FlashError(place, str(error), remedy) from error
    except exceptions.Error as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        remedy = "check cable, power and --probe; unlock a locked chip with `pyocd erase --mass`"
        raise FlashError(place, reason, remedy) from error
    except (OSError, ValueError) as error:  # from libusb and sockets, or an invalid answer
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        remedy = "check the cable and the permissions (udev rules)"
        if place.startswith("remote:"):
            remedy = "start `pyocd server --allow-remote` on that machine"
        raise FlashError(place, reason, remedy) from error
    except Exception as error:
        fact = f"pyOCD fails with {error!r:.100}, as it does where another chip is than expected"
        raise FlashError(place, fact, "check --board and the chip that the probe is at") from error
