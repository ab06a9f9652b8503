"""A board under power, known to run the model that it should: from BUILD to open link.

A virtual board is built and booted here. A real one is flashed through its debug probe,
unless it tells that it runs this firmware already; named by its port alone, it is taken as
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.emulation.virtual_board import Powered, power_on
from elegans.boards.firmware.build import Firmware, build
from elegans.boards.firmware.symbolise import locate
from elegans.boards.flashing.debug_probe import flash
from elegans.boards.flashing.discover import find
from elegans.hil_tests.link.baud_rate import raise_rate
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel, Vectors, load_build
from elegans.hil_tests.session.compare import Verdict, compare
from elegans.hil_tests.wire.errors import HilError, Phase, during
from elegans.hil_tests.wire.messages import Hello


@dataclass(frozen=True)
class Device:
    """A board that has told its name and model. ``firmware`` and ``powered`` are None for a
    real board on a port, ``emulator`` too."""

    board: str
    link: Link
    hello: Hello
    model: BuildModel
    emulator: str | None = None
    firmware: Firmware | None = None
    powered: Powered | None = None

    def log(self) -> list[str]:
        """What the board said in LOG frames, and its emulator beside them."""
        beside = [] if self.powered is None else self.powered.log.splitlines()
        return [*self.link.log, *beside]

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
    optimise: str = "auto",
    port: str | None = None,
    baud: int | None = None,
    probe: str | None = None,
) -> Iterator[Device]:
    """A powered, synchronised and identified board, for as long as the ``with`` lasts.

    ``probe`` and ``port`` of a real board are found where they are not given; ``baud`` is
    the descriptor's by default. Raises `ElegansError` for a BUILD or board name that is not
    usable, and `HilError` with its phase for everything that happens to the firmware, the
    board or the line.
    """
    model = load_build(build_dir)
    with ExitStack() as stack:
        if port is not None and probe is None:
            name, rate = _known(board)
            link = stack.enter_context(Link.open(port, baud or rate))
            yield _identified(Device(name, link, link.hello(), model))
            return
        descriptor = find_board(board)
        with during(Phase.BUILD):
            firmware = build(build_dir, descriptor, compiler, optimise)
        where = partial(locate, firmware.elf)
        if probe is not None or not descriptor.emulators:
            link = stack.enter_context(_flashed(firmware, port, baud, probe))
            device = Device(descriptor.name, link, link.peer, model, None, firmware)
            yield _identified(device)
            return
        with during(Phase.FLASH):
            powered = stack.enter_context(power_on(firmware, emulator))

        def alive() -> None:
            with during(Phase.FAULT):
                powered.check()

        link = stack.enter_context(Link.open(powered.port, alive=alive, locate=where))
        name = descriptor.name
        device = Device(name, link, link.hello(), model, powered.emulator, firmware, powered)
        yield _identified(device)


def _flashed(firmware: Firmware, port: str | None, baud: int | None, probe: str | None) -> Link:
    """The link to a real board that runs ``firmware``, flashed if it did not."""
    board = firmware.board
    if port is None:
        with during(Phase.FLASH):
            found = find(board, probe)
        probe = found.probe.id
        if not found.ports:
            fact = f"the probe {probe} has no serial port"
            remedy = "connect the board's UART to a USB serial cable and name it: --port"
            raise HilError(Phase.SYNC, board.name, fact, remedy)
        port = found.ports[0]
    link = Link.open(port, baud or board.uart.baud, locate=partial(locate, firmware.elf))
    try:
        if not _runs(link, firmware):
            with during(Phase.FLASH):
                flash(firmware, probe)
            link.hello()
            if not _runs(link, firmware):
                fact = f"runs firmware {link.peer.firmware_digest.hex()} after it was flashed"
                remedy = "check that port and probe are of the same board"
                raise HilError(Phase.SYNC, port, fact, remedy)
        raise_rate(link)
    except BaseException:
        link.close()
        raise
    return link


def _runs(link: Link, firmware: Firmware) -> bool:
    """Whether the board answers, and with this firmware."""
    try:
        hello = link.hello(within=1.0)
    except HilError:
        return False
    return firmware.firmware_digest.startswith(hello.firmware_digest.hex())


def hil(
    build_dir: Path,
    board: str,
    emulator: str = "auto",
    compiler: str = "auto",
    optimise: str = "auto",
    port: str | None = None,
    baud: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    probe: str | None = None,
) -> Verdict:
    """Every golden vector of a BUILD on a board, to the last bit.

    Raises as `session` does; different integers are a `Verdict`, not an error.
    """
    with session(build_dir, board, emulator, compiler, optimise, port, baud, probe) as device:
        return device.compare(progress=progress)


def _known(board: str) -> tuple[str, int]:
    """Name and line rate of a board, which on a port may be one that we have no file of."""
    if board in boards() or board.endswith(".toml"):
        descriptor = find_board(board)
        return descriptor.name, descriptor.uart.baud
    return board, 115200


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
