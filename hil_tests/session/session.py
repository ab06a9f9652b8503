"""From a BUILD to an open link: a powered board that is known to run the right model.

A virtual board is built and booted here. A real board is flashed through its debug probe, unless
it reports that it runs this firmware already. A real board given by its port alone is used as it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.emulation.virtual_board import VirtualBoard, emulate
from elegans.boards.firmware.build import Firmware, build_firmware
from elegans.boards.firmware.symbolise import symbolise
from elegans.boards.flashing.debug_probe import flash
from elegans.boards.flashing.discover import find_connected
from elegans.boards.profiling.profile import stack_of_step
from elegans.hil_tests.link.baud_rate import raise_rate
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel, Vectors, load_build
from elegans.hil_tests.session.compare import BoardFacts, Verdict, compare
from elegans.hil_tests.wire.errors import HilError, Phase, during
from elegans.hil_tests.wire.messages import Hello


@dataclass(frozen=True)
class BoardOptions:
    """How to build for a board, and how to reach it.

    emulator  of a virtual board: unicorn, qemu or auto (the first that is installed)
    compiler  zig, gcc or auto
    level     the compiler's -O level: 0, 1, 2, 3, s or auto
    port      of a real board; found by its probe if None
    baud      bits a second; by default the descriptor's
    probe     id of a real board's debug probe; found by its board if None
    """

    emulator: str = "auto"
    compiler: str = "auto"
    level: str = "auto"
    port: str | None = None
    baud: int | None = None
    probe: str | None = None


@dataclass(frozen=True)
class Device:
    """A board that is connected, and whose name and model have been checked.

    ``emulator`` and ``powered`` are None for a real board, ``firmware`` for one that was given
    by its port alone. ``build_dir`` is the BUILD that the firmware is of.
    """

    board: str
    link: Link
    hello: Hello
    model: BuildModel
    emulator: str | None = None
    firmware: Firmware | None = None
    powered: VirtualBoard | None = None
    build_dir: Path | None = None

    def log(self) -> list[str]:
        """The texts of the board's LOG frames, and the output of its emulator."""
        emulator_log = [] if self.powered is None else self.powered.log.splitlines()
        return [*self.link.log, *emulator_log]

    def compare(
        self,
        vectors: Vectors | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Verdict:
        """Compare the board with ``vectors``, by default all golden vectors of the BUILD.

        ``progress`` is called with the number of vectors done and in total. Raises as
        `compare.compare` does.
        """
        built = self.firmware
        facts = BoardFacts(
            emulator=self.emulator,
            instructions=None if self.powered is None else self.powered.instructions,
            flash_bytes=None if built is None else built.flash_bytes,
            ram_bytes=None if built is None else built.ram_bytes,
            compiler=None if built is None else f"{built.compiler} -O{built.level}",
        )
        verdict = compare(self.link, self.model, vectors, facts, progress)
        if vectors is not None or built is None or self.build_dir is None or not verdict.passed:
            return verdict
        # Only of a firmware that computes what it should: a broken step might never end.
        with during(Phase.BUILD):
            return replace(verdict, stack_bytes=stack_of_step(self.build_dir, built))


@contextmanager
def session(build_dir: Path, board: str, options: BoardOptions | None = None) -> Iterator[Device]:
    """A powered, synchronised and identified board until the end of the ``with`` block.

    ``board`` is a name or the path of a descriptor. Raises `ElegansError` for an unusable BUILD
    or board name, and `HilError` with its phase for every failure of the firmware, the board or
    the line.
    """
    options = options or BoardOptions()
    port, baud, probe = options.port, options.baud, options.probe
    model = load_build(build_dir)
    with ExitStack() as stack:
        if port is not None and probe is None:
            name, rate = _name_and_baud(board)
            link = stack.enter_context(Link.open(port, baud or rate))
            yield _identified(Device(name, link, link.hello(), model))
            return
        descriptor = find_board(board)
        with during(Phase.BUILD):
            firmware = build_firmware(build_dir, descriptor, options.compiler, options.level)
        locate_fault = partial(symbolise, firmware.elf)
        if probe is not None or not descriptor.emulators:
            link = stack.enter_context(_link_to_flashed(firmware, options))
            name, hello = descriptor.name, link.peer
            device = Device(name, link, hello, model, None, firmware, None, build_dir)
            yield _identified(device)
            return
        with during(Phase.FLASH):
            powered = stack.enter_context(emulate(firmware, options.emulator))

        def alive() -> None:
            with during(Phase.FAULT):
                powered.check()

        link = stack.enter_context(Link.open(powered.port, alive=alive, locate=locate_fault))
        name = descriptor.name
        hello, emulator = link.hello(), powered.emulator
        device = Device(name, link, hello, model, emulator, firmware, powered, build_dir)
        yield _identified(device)


def _link_to_flashed(firmware: Firmware, options: BoardOptions) -> Link:
    """The link to a real board that runs ``firmware``; flashes it if it does not yet."""
    board, port, probe = firmware.board, options.port, options.probe
    if port is None:
        with during(Phase.FLASH):
            found = find_connected(board, probe)
        probe = found.probe.id
        if not found.ports:
            fact = f"the probe {probe} has no serial port"
            remedy = "connect the board's UART to a USB serial cable and name it: --port"
            raise HilError(Phase.SYNC, board.name, fact, remedy)
        port = found.ports[0]
    link = Link.open(port, options.baud or board.uart.baud, locate=partial(symbolise, firmware.elf))
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
    """Whether the board answers and runs this firmware."""
    try:
        hello = link.hello(within=1.0)
    except HilError:
        return False
    return firmware.firmware_digest.startswith(hello.firmware_digest.hex())


def hil(
    build_dir: Path,
    board: str,
    options: BoardOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Compare a board with every golden vector of a BUILD, bit for bit.

    Raises as `session` does. Integers that differ are no error: the `Verdict` reports them.
    """
    with session(build_dir, board, options) as device:
        return device.compare(progress=progress)


def _name_and_baud(board: str) -> tuple[str, int]:
    """Name and baud rate of a board. On a port it may be one without a descriptor."""
    if board in boards() or board.endswith(".toml"):
        descriptor = find_board(board)
        return descriptor.name, descriptor.uart.baud
    return board, 115200


def _identified(device: Device) -> Device:
    """The device itself. Raises `HilError` (SYNC) if its name or its model is not as expected."""
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
            f"the board's model has {hello.shape}; model.json states {device.model.shape}",
            "export and flash again",
        )
    return device
