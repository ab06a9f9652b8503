"""Firmware into a real board's flash, through a debug probe: CMSIS-DAP, ST-Link or J-Link.

pyOCD drives the probe and knows the chips. What is there already is read first and left
alone if it is the same; what was written is read back and compared.
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
Segments = tuple[tuple[int, bytes], ...]

_PIECE = 4096


class FlashError(ElegansError):
    """The firmware did not get into the board."""

    phase = "FLASH"


@dataclass(frozen=True)
class Flashed:
    """What was done: ``skipped`` when the same ``bytes`` were there already."""

    board: str
    probe: str
    bytes: int
    skipped: bool
    seconds: float


def flash(
    firmware: Firmware, probe: str | None = None, progress: Progress = lambda _: None
) -> Flashed:
    """Program ``firmware`` with pyOCD, verify it, and reset the board into it.

    ``probe`` is the unique id of a debug probe, or the beginning of one, and is needed only
    where there are several. ``progress`` is told the share that is done, 0 to 1. Raises
    `FlashError` for a probe that is missing or ambiguous, a chip that does not answer or is
    locked, and bytes that do not read back.
    """
    board, began = firmware.board, time.monotonic()
    if board.flash is None or board.flash.target is None:
        remedy = "add [flash] with pyOCD's target to its descriptor (`pyocd list --targets`)"
        raise FlashError(board.name, "its descriptor does not say how it is flashed", remedy)
    image = read_image(firmware.elf)
    require_fit(image, board, firmware.elf)
    with _session(board.name, board.flash.target, probe) as session:
        target, identity = session.target, str(session.probe.unique_id)
        with _told(identity):
            target.reset_and_halt()  # the firmware's own interrupts and sleep are out of the way
            same = not _differences(target, image.segments)
            if not same:
                _program(session, image.segments, progress)
                if wrong := _differences(target, image.segments):
                    fact = f"the flash does not hold what was written, first at {wrong[0]:#010x}"
                    raise FlashError(identity, fact, "try again; the flash may be worn or locked")
            progress(1.0)
            target.reset()
    size = sum(len(data) for _, data in image.segments)
    return Flashed(board.name, identity, size, same, time.monotonic() - began)


def probes(unique_id: str | None = None) -> list[Any]:
    """The debug probes that pyOCD finds, those whose id begins with ``unique_id`` if given."""
    try:
        from pyocd.core.helpers import ConnectHelper
    except ImportError:
        remedy = "pip install 'elegans[flash]'"
        raise FlashError("pyocd", "which drives debug probes, is not installed", remedy) from None
    logging.getLogger("pyocd").setLevel(logging.CRITICAL)  # what matters becomes an error here
    with _told(unique_id or "debug probes"):
        found = ConnectHelper.get_all_connected_probes(
            blocking=False, unique_id=unique_id, print_wait_message=False
        )
    return list(found)


@contextmanager
def _session(board: str, target: str, unique_id: str | None) -> Iterator[Any]:
    """An open session with the one probe; under reset if the chip does not answer otherwise."""
    from pyocd.core.exceptions import Error
    from pyocd.core.session import Session

    (probe,) = _the_one(probes(unique_id), board, unique_id)
    options = {
        "target_override": target,
        "no_config": True,
        "hide_programming_progress": True,
        "resume_on_disconnect": True,
    }
    with _told(str(probe.unique_id)):
        session = Session(probe, options={**options, "connect_mode": "halt"})
        try:
            session.open()
        except Error:
            # Firmware that sleeps, or has taken the debug pins, is caught before it starts.
            session.close()
            session = Session(probe, options={**options, "connect_mode": "under-reset"})
            session.open()
    try:
        yield session
    finally:
        with _told(str(probe.unique_id)):
            session.close()


def _the_one(found: list[Any], board: str, unique_id: str | None) -> list[Any]:
    if not found:
        place = unique_id or board
        remedy = "plug it in; on Linux install udev rules (docs/boards.md); see `elegans boards`"
        raise FlashError(place, "no debug probe is connected", remedy)
    if len(found) > 1:
        ids = ", ".join(str(probe.unique_id) for probe in found)
        raise FlashError(board, f"there are {len(found)} debug probes: {ids}", "name one: --probe")
    return found


def _program(session: Any, segments: Segments, progress: Progress) -> None:
    from pyocd.flash.loader import FlashLoader

    done = 0.0

    def tell(share: float) -> None:
        # Erasing and programming are counted each for itself.
        nonlocal done
        done = max(done, min(share, 0.99))
        progress(done)

    loader = FlashLoader(session, progress=tell)
    for address, data in segments:
        loader.add_data(address, data)
    loader.commit()


def _differences(target: Any, segments: Segments) -> list[int]:
    """Where the flash differs: of each segment the first wrong byte."""
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
def _told(place: str) -> Iterator[None]:
    """pyOCD's errors as ours."""
    from pyocd.core import exceptions

    try:
        yield
    except exceptions.TargetSupportError as error:
        remedy = "correct [flash].target: `pyocd list --targets` lists them"
        raise FlashError(place, str(error), remedy) from error
    except exceptions.Error as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        remedy = "check cable, power and --probe; a locked chip wants `pyocd erase --mass`"
        raise FlashError(place, reason, remedy) from error
    except (OSError, ValueError) as error:  # what libusb and sockets raise, and odd answers
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        remedy = "check the cable and the rights (udev rules)"
        if place.startswith("remote:"):
            remedy = "start there: pyocd server --allow-remote"
        raise FlashError(place, reason, remedy) from error
