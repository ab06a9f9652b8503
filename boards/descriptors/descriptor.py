"""Board descriptors: TOML files in ``catalogue/``, read into frozen dataclasses.

A user's own board is described by the same kind of file anywhere else, and named by its path.
The fields of the dataclasses are the keys of the file; ``docs/boards.md`` shows one.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from elegans.boards.descriptors.cores import CORES, Core
from elegans.boards.descriptors.uarts import UARTS
from elegans.exporter.errors import ElegansError
from elegans.exporter.templates import FIRMWARE

# The least stack that a descriptor may ask for. The HIL suite uses at most 735 bytes, measured
# on Cortex-M0 with zig at -O0.
_LEAST_STACK = 1024
_MOST_INTERRUPTS = 480  # external interrupts of an NVIC (Armv7-M manual, B3.4)
_OVERSAMPLING = 16  # clock cycles that a UART needs for a bit, at least
_CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue"


@dataclass(frozen=True)
class Region:
    """A contiguous part of the address space: its first address, and its size in bytes."""

    origin: int
    bytes: int

    def contains(self, address: int, count: int) -> bool:
        """Whether ``count`` bytes from ``address`` on lie within it."""
        return self.origin <= address and address + count <= self.origin + self.bytes

    def pages(self, size: int) -> tuple[int, int]:
        """The origin and the bytes of the whole pages of ``size`` bytes that cover it."""
        first = self.origin & -size
        last = -(-(self.origin + self.bytes) // size) * size
        return first, last - first


@dataclass(frozen=True)
class FixedSection:
    """A linker section of the board's ``source`` that must lie ``offset`` bytes into the flash."""

    section: str
    offset: int


@dataclass(frozen=True)
class Memory:
    """Where code and data go.

    ``stack`` bytes behind the data are reserved for the stack; the vector table lies
    ``vectors`` bytes into the flash; ``fixed`` lists sections with an offset of their own.
    """

    flash: Region
    ram: Region
    stack: int
    vectors: int = 0
    fixed: tuple[FixedSection, ...] = ()


@dataclass(frozen=True)
class Uart:
    """The UART that the host talks to.

    ``driver`` names ``firmware_templates/uart_<driver>.c``, or is ``source`` if the board's own
    source defines the driver. ``base`` is the address of its registers, ``irq`` the number of
    its receive interrupt, ``clock_hz`` the frequency of its clock, ``baud`` its rate after a
    reset in bit/s.
    """

    driver: str
    base: int
    irq: int
    clock_hz: int
    baud: int


@dataclass(frozen=True)
class Counter:
    """What counts the ticks of a step: ``kind`` names ``firmware_templates/counter_<kind>.c``;
    ``hz`` is its frequency on the real board."""

    kind: str
    hz: int


@dataclass(frozen=True)
class LinkBuffers:
    """The sizes of the link's buffers in bytes: the largest decoded frame, and the receive
    buffer, a power of two, of which the host gets ``credit``."""

    max_frame: int
    credit: int


@dataclass(frozen=True)
class QemuMachine:
    """QEMU's name of the machine, and its clock: an instruction takes 2^icount_shift ns.

    The shift must make an instruction at least four counter ticks long; then the number of
    instructions can be computed from ticks, in spite of their rounding.
    """

    machine: str
    icount_shift: int


@dataclass(frozen=True)
class Programming:
    """How the chip is flashed.

    ``target`` is pyOCD's name of the chip, ``uf2_family`` its number in UF2 files;
    ``rom_loader`` says that its ROM has ST's serial loader.
    """

    target: str | None = None
    uf2_family: int | None = None
    rom_loader: bool = False


@dataclass(frozen=True)
class Board:
    """A board, real or virtual.

    ``name`` and ``title`` are its short and its full name. ``emulators`` are those that can
    emulate it, the preferred one first; a real board has none. ``source`` is a C file beside
    the descriptor that defines ``board_init``, which starts the clocks and connects the pins;
    None if the board needs neither. ``path`` is the descriptor that the board was read from.
    """

    name: str
    title: str
    core: Core
    memory: Memory
    uart: Uart
    counter: Counter
    link: LinkBuffers
    emulators: tuple[str, ...] = ()
    source: str | None = None
    flash: Programming | None = None
    qemu: QemuMachine | None = None
    path: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of the descriptor and of ``source``."""
        return _CATALOGUE if self.path is None else self.path.parent


@cache
def boards() -> dict[str, Board]:
    """All boards of the catalogue, by name."""
    found = [read_board(path) for path in sorted(_CATALOGUE.glob("*.toml"))]
    return {board.name: board for board in found}


def find_board(name: str) -> Board:
    """A board by its name, or by the path of its descriptor, which ends in ``.toml``.

    Raises `ElegansError` for an unknown name, and as `read_board` does.
    """
    if name.endswith(".toml"):
        return read_board(Path(name))
    if name not in boards():
        known = ", ".join(boards())
        raise ElegansError(name, "there is no board of this name", f"choose one of: {known}")
    return boards()[name]


def read_board(path: Path) -> Board:
    """Read a descriptor.

    Raises `ElegansError` for a file that cannot be read, and for the first key that is missing,
    unknown or wrong.
    """
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(path, f"cannot be read ({reason})", "name a board or a file") from None
    except ValueError as error:
        raise ElegansError(path, f"is not TOML: {error}", "correct the file") from None
    board: Board = _record(Board, table, path, "")
    _require_valid(board, path)
    return dataclasses.replace(board, path=path.resolve())


def _record(kind: type, table: dict[str, Any], place: Path, prefix: str) -> Any:
    """An instance of a dataclass from a TOML table that has its fields as keys, and no others.

    ``prefix`` is the path of the table within the file, for error messages.
    """
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}
    for key in table.keys() - known.keys():
        wanted = ", ".join(known)
        raise ElegansError(place, f"unknown key {prefix}{key}", f"the keys are: {wanted}")
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _value(hints[name], table[name], place, prefix + name)
        elif field.default is dataclasses.MISSING:
            raise ElegansError(place, f"{prefix}{name} is missing", "add it")
    return kind(**values)


def _value(kind: Any, value: object, place: Path, key: str) -> Any:
    """A TOML value as the type ``kind`` of a field: a record, a tuple, a core or a scalar."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = typing.get_args(kind)[0]  # an optional field has the type `X | None`
    if kind is Core:
        if not isinstance(value, str) or value not in CORES:
            known = ", ".join(CORES)
            fact = f"{key} = {value!r} is not a known core"
            raise ElegansError(place, fact, f"choose one of: {known}")
        return CORES[value]
    if typing.get_origin(kind) is tuple and isinstance(value, list):
        each = typing.get_args(kind)[0]
        return tuple(_value(each, item, place, f"{key}[{i}]") for i, item in enumerate(value))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _record(kind, value, place, key + ".")
    if kind in (int, str, bool) and type(value) is kind:
        return value
    wanted = {int: "an integer", str: "a string", bool: "true or false"}.get(
        kind, "a table or a list"
    )
    raise ElegansError(place, f"{key} = {value!r} is not {wanted}", "correct it")


def _require_valid(board: Board, place: Path) -> None:
    """Check what types cannot express. A descriptor may come from a stranger, and its strings
    are put into names of folders, into C and into the linker script."""
    for wrong, fact, remedy in _checks(board):
        if wrong:
            raise ElegansError(place, fact, remedy)


def _checks(board: Board) -> Iterator[tuple[bool, str, str]]:
    """For each rule: whether the board breaks it, the fact and the remedy."""
    memory, uart, link = board.memory, board.uart, board.link
    yield (
        not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", board.name),
        f"name = {board.name!r} cannot name a folder",
        "use up to 40 of the characters A-Z, a-z, 0-9, '.', '_' and '-'",
    )
    yield (
        board.source is not None and not re.fullmatch(r"[A-Za-z0-9_-]+\.c", board.source),
        f"source = {board.source!r} is not the name of a C file beside the descriptor",
        "give the name without a folder, as in board.c",
    )
    for part in memory.fixed:
        yield (
            not re.fullmatch(r"\.[a-z0-9_.]+", part.section),
            f"memory.fixed has the section {part.section!r}",
            "use a dot, followed by characters of a-z, 0-9, '_' and '.'",
        )
    for name, region in (("flash", memory.flash), ("ram", memory.ram)):
        yield (
            region.origin < 0 or region.bytes <= 0 or region.origin + region.bytes > 1 << 32,
            f"memory.{name} lies outside the address space of 32 bits",
            "correct its origin and bytes",
        )
    yield (
        memory.stack < _LEAST_STACK or memory.stack % 8 > 0,
        f"memory.stack = {memory.stack} is too small, or not a multiple of 8",
        f"give {_LEAST_STACK} or more: a stack that overflows corrupts data without an error",
    )
    for name, number in (("uart.base", uart.base), ("counter.hz", board.counter.hz)):
        yield not 0 <= number < 1 << 32, f"{name} = {number} does not fit in 32 bits", "correct it"
    drivers = {"source"} | _drivers("uart")
    yield (
        uart.driver not in drivers,
        f"uart.driver = {uart.driver!r} is unknown",
        f"choose one of: {', '.join(sorted(drivers))}",
    )
    yield (
        uart.driver == "source" and board.source is None,
        "uart.driver = 'source', but the descriptor has no source",
        "add source = 'board.c'",
    )
    yield (
        not 0 <= uart.irq < _MOST_INTERRUPTS,
        f"uart.irq = {uart.irq} is out of range",
        f"give 0 to {_MOST_INTERRUPTS - 1}",
    )
    yield (
        not 0 < _OVERSAMPLING * uart.baud <= uart.clock_hz,
        f"uart.baud = {uart.baud} is too fast for {uart.clock_hz} Hz",
        "take at most a sixteenth of uart.clock_hz",
    )
    yield (
        board.counter.kind not in _drivers("counter"),
        f"counter.kind = {board.counter.kind!r} is unknown",
        f"choose one of: {', '.join(sorted(_drivers('counter')))}",
    )
    yield (
        board.counter.kind == "dwt" and not board.core.mainline,
        f"counter.kind = 'dwt', but {board.core.name} has no DWT",
        "set it to 'systick'",
    )
    yield (
        link.credit <= 0 or bool(link.credit & (link.credit - 1)),
        f"link.credit = {link.credit} is not a power of two",
        "take one: the receive ring buffer needs it",
    )
    yield (
        not 64 <= min(link.credit, link.max_frame) <= max(link.credit, link.max_frame) <= 0xFFFF,
        "link.credit and link.max_frame must fit in 16 bits and hold a HELLO reply",
        "give 64 to 65535",
    )
    for name in board.emulators:
        yield (
            name not in ("unicorn", "qemu"),
            f"emulators has {name!r}, which is unknown",
            "choose from: unicorn, qemu",
        )
    yield (
        "unicorn" in board.emulators and not (board.core.unicorn and uart.driver in UARTS),
        f"unicorn cannot emulate a {board.core.name} with a UART {uart.driver!r}",
        "remove it from emulators",
    )
    yield (
        "qemu" in board.emulators and board.qemu is None,
        "emulators has 'qemu', but there is no [qemu]",
        "add that table",
    )


@cache
def _drivers(kind: str) -> set[str]:
    """The names of the drivers, of a ``kind`` (uart or counter), that come with elegans."""
    return {path.stem.partition("_")[2] for path in FIRMWARE.glob(f"{kind}_*.c")}
