"""A board under power, known to run the model that it should: from BUILD to open link.

A virtual board is built and booted here; a real one, named by its port, is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elegans.hil_tests.compare import Verdict, compare
from elegans.hil_tests.errors import HilError, Phase, during
from elegans.hil_tests.link import Link
from elegans.hil_tests.messages import Hello
from elegans.hil_tests.vectors import Model, Vectors, load

if TYPE_CHECKING:
    from elegans.boards.build import Firmware
    from elegans.boards.power import Powered


@dataclass(frozen=True)
class Device:
    """A board that has told its name and model. ``firmware`` and ``powered`` are None for a
    real board on a port, ``emulator`` too."""

    board: str
    link: Link
    hello: Hello
    model: Model
    emulator: str | None = None
    firmware: Firmware | None = None
    powered: Powered | None = None

    def compare(
        self,
        vectors: Vectors | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Verdict:
        """Judge the board by ``vectors``, by default by all of the model's own."""
        return compare(
            self.link,
            self.model,
            vectors,
            emulator=self.emulator,
            instructions=None if self.powered is None else self.powered.instructions,
            flash_bytes=None if self.firmware is None else self.firmware.flash_bytes,
            ram_bytes=None if self.firmware is None else self.firmware.ram_bytes,
            progress=progress,
        )


@contextmanager
def session(
    build_dir: Path,
    board: str,
    emulator: str = "auto",
    compiler: str = "auto",
    optimise: str = "2",
    port: str | None = None,
    baud: int = 115200,
) -> Iterator[Device]:
    """A powered, synchronised and identified board, for as long as the ``with`` lasts.

    Raises `ElegansError` for a BUILD or board name that is not usable, and `HilError`
    with its phase for everything that happens to the firmware, the board or the line.
    """
    model = load(build_dir)
    with ExitStack() as stack:
        if port is not None:
            link = stack.enter_context(Link.open(port, baud))
            yield _identified(Device(board, link, link.hello(), model))
            return
        # Only now: a lab machine with real boards needs neither compiler nor emulator.
        from elegans.boards.build import build
        from elegans.boards.descriptor import find_board
        from elegans.boards.power import power_on

        descriptor = find_board(board)
        with during(Phase.BUILD):
            firmware = build(build_dir, descriptor, compiler, optimise)
        with during(Phase.FLASH):
            powered = stack.enter_context(power_on(firmware, emulator))

        def alive() -> None:
            with during(Phase.FAULT):
                powered.check()

        link = stack.enter_context(Link.open(powered.port, baud, alive))
        device = Device(board, link, link.hello(), model, powered.emulator, firmware, powered)
        yield _identified(device)


def hil(
    build_dir: Path,
    board: str,
    emulator: str = "auto",
    compiler: str = "auto",
    optimise: str = "2",
    port: str | None = None,
    baud: int = 115200,
    progress: Callable[[int, int], None] | None = None,
    log: list[str] | None = None,
) -> Verdict:
    """Every golden vector of a BUILD on a board, to the last bit.

    ``log`` receives the board's LOG texts, whatever the outcome. Raises as `session`
    does; different integers are a `Verdict`, not an error.
    """
    with session(build_dir, board, emulator, compiler, optimise, port, baud) as device:
        try:
            return device.compare(progress=progress)
        finally:
            if log is not None:
                log.extend(device.link.log)


def _identified(device: Device) -> Device:
    """The device itself, once its name and its model's digest are those expected."""
    hello, place = device.hello, device.link.port.name
    if hello.board != device.board:
        raise HilError(
            Phase.SYNC,
            place,
            f"this is the board {hello.board!r}, {device.board!r} was asked for",
            f"name the right port, or run with --board {hello.board}",
        )
    expected = device.model.digest[:32]
    if hello.model_digest.hex() != expected:
        raise HilError(
            Phase.SYNC,
            place,
            f"the board runs a model of digest {hello.model_digest.hex()},"
            f" {device.model.name} has {expected}",
            "flash the firmware of this BUILD",
        )
    if hello.shape != device.model.shape:
        raise HilError(
            Phase.SYNC,
            place,
            f"the board's model is of {hello.shape}, model.json of {device.model.shape}",
            "export and flash again",
        )
    return device
