"""What a board is: a TOML file in ``catalogue/``, read into frozen dataclasses.

A board of the user's own is the same file anywhere else, named by its path.
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

_STACK = 1024  # the deepest that the suite has been seen is 735 bytes: M0, zig, -O0
_CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue"


@dataclass(frozen=True)
class Region:
    """A stretch of address space, in bytes."""

    origin: int
    bytes: int


@dataclass(frozen=True)
class Fixed:
    """A linker section of ``source`` that a chip wants ``offset`` bytes into the flash."""

    section: str
    offset: int


@dataclass(frozen=True)
class Memory:
    """Where code and data go. ``stack`` bytes are kept free at the end of the data; the
    vector table stands ``vectors`` bytes into the flash, or what is ``fixed`` before it."""

    flash: Region
    ram: Region
    stack: int
    vectors: int = 0
    fixed: tuple[Fixed, ...] = ()


@dataclass(frozen=True)
class Uart:
    """``driver`` names ``firmware_templates/uart_<driver>.c``, or is ``source`` where the
    board's own source brings it; ``irq`` is the receive interrupt; ``clock_hz`` feeds it."""

    driver: str
    base: int
    irq: int
    clock_hz: int
    baud: int


@dataclass(frozen=True)
class Counter:
    """What ticks are: ``kind`` names ``firmware_templates/counter_<kind>.c``, ``hz`` is the
    rate on the board, whatever an emulator makes of it."""

    kind: str
    hz: int


@dataclass(frozen=True)
class Line:
    """``max_frame`` decoded bytes; ``credit`` bytes of receive buffer, a power of two."""

    max_frame: int
    credit: int


@dataclass(frozen=True)
class Qemu:
    """One instruction takes 2^icount_shift ns of emulated time.

    The shift must give at least four counter ticks an instruction, or rounding to ticks
    would hide one.
    """

    machine: str
    icount_shift: int


@dataclass(frozen=True)
class Flash:
    """How firmware gets in. ``target`` is pyOCD's name of the chip; ``uf2_family`` that of its
    boot drive's format; ``rom_loader`` says that the chip has ST's serial loader."""

    target: str | None = None
    uf2_family: int | None = None
    rom_loader: bool = False


@dataclass(frozen=True)
class Board:
    """A board. ``emulators`` are those that can stand in for it, the preferred one first.

    ``source`` is a C file beside the descriptor with ``board_init``, which starts the clocks
    and connects the pins; a board without one needs neither. ``path`` is the descriptor
    that it was read from.
    """

    name: str
    title: str
    core: Core
    memory: Memory
    uart: Uart
    counter: Counter
    link: Line
    emulators: tuple[str, ...] = ()
    source: str | None = None
    flash: Flash | None = None
    qemu: Qemu | None = None
    path: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the descriptor and its source lie."""
        return _CATALOGUE if self.path is None else self.path.parent


@cache
def boards() -> dict[str, Board]:
    """Every board that comes with elegans, by name."""
    known = [read_board(path) for path in sorted(_CATALOGUE.glob("*.toml"))]
    return {board.name: board for board in known}


def find_board(name: str) -> Board:
    """A board by its name, or by the path of a descriptor that ends in ``.toml``."""
    if name.endswith(".toml"):
        return read_board(Path(name))
    if name not in boards():
        known = ", ".join(boards())
        raise ElegansError(name, "there is no board of this name", f"choose one of: {known}")
    return boards()[name]


def read_board(path: Path) -> Board:
    """Read a descriptor. Raises `ElegansError` naming the key that is missing or wrong."""
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(path, f"cannot be read ({reason})", "name a board or a file") from None
    except ValueError as error:
        raise ElegansError(path, f"is not TOML: {error}", "correct the file") from None
    board: Board = _record(Board, table, path, "")
    _require_sense(board, path)
    return dataclasses.replace(board, path=path.resolve())


def _record(kind: type, table: dict[str, Any], place: Path, prefix: str) -> Any:
    """A dataclass from a table with exactly its keys."""
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
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = typing.get_args(kind)[0]  # what may be left out is None
    if kind is Core:
        if not isinstance(value, str) or value not in CORES:
            known = ", ".join(CORES)
            raise ElegansError(place, f"{key} = {value!r} is no core", f"choose one of: {known}")
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


def _require_sense(board: Board, place: Path) -> None:
    """What no type can say. A descriptor may be a stranger's: its strings become folders,
    C and linker script."""
    for wrong, fact, remedy in _complaints(board):
        if wrong:
            raise ElegansError(place, fact, remedy)


def _complaints(board: Board) -> Iterator[tuple[bool, str, str]]:
    memory, uart, link = board.memory, board.uart, board.link
    yield (
        not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", board.name),
        f"name = {board.name!r} cannot name a folder",
        "use up to 40 of A-Z, a-z, 0-9, '.', '_' and '-'",
    )
    yield (
        board.source is not None and not re.fullmatch(r"[A-Za-z0-9_-]+\.c", board.source),
        f"source = {board.source!r} is no C file beside the descriptor",
        "give its name alone, as board.c",
    )
    for part in memory.fixed:
        yield (
            not re.fullmatch(r"\.[a-z0-9_.]+", part.section),
            f"memory.fixed has the section {part.section!r}",
            "use a dot, then of a-z, 0-9, '_' and '.'",
        )
    for name, region in (("flash", memory.flash), ("ram", memory.ram)):
        yield (
            region.origin < 0 or region.bytes <= 0 or region.origin + region.bytes > 1 << 32,
            f"memory.{name} lies outside 32 bits",
            "correct its origin and bytes",
        )
    yield (
        memory.stack < _STACK or memory.stack % 8 > 0,
        f"memory.stack = {memory.stack} is too little, or no multiple of 8",
        f"give {_STACK} or more; one that overflows damages data and tells nobody",
    )
    for name, number in (("uart.base", uart.base), ("counter.hz", board.counter.hz)):
        yield not 0 <= number < 1 << 32, f"{name} = {number} lies outside 32 bits", "correct it"
    drivers = {"source"} | _parts("uart")
    yield (
        uart.driver not in drivers,
        f"uart.driver = {uart.driver!r} is not known",
        f"choose one of: {', '.join(sorted(drivers))}",
    )
    yield (
        uart.driver == "source" and board.source is None,
        "uart.driver is the board's source, but there is no source",
        "add source = 'board.c'",
    )
    yield not 0 <= uart.irq < 480, f"uart.irq = {uart.irq} is no interrupt", "give 0 to 479"
    yield (
        not 0 < 16 * uart.baud <= uart.clock_hz,
        f"uart.baud = {uart.baud} is too fast for {uart.clock_hz} Hz",
        "divide the clock by 16 or more",
    )
    yield (
        board.counter.kind not in _parts("counter"),
        f"counter.kind = {board.counter.kind!r} is not known",
        f"choose one of: {', '.join(sorted(_parts('counter')))}",
    )
    yield (
        board.counter.kind == "dwt" and not board.core.mainline,
        f"counter.kind = 'dwt', but {board.core.name} has no DWT",
        "take systick",
    )
    yield (
        link.credit <= 0 or bool(link.credit & (link.credit - 1)),
        f"link.credit = {link.credit} is no power of two",
        "the receive ring needs one",
    )
    yield (
        not 64 <= min(link.credit, link.max_frame) <= max(link.credit, link.max_frame) <= 0xFFFF,
        "link sizes are 16 bits wide, and hold a HELLO at least",
        "stay between 64 and 65535",
    )
    for name in board.emulators:
        yield (
            name not in ("unicorn", "qemu"),
            f"emulators has {name!r}, which is not known",
            "choose of: unicorn, qemu",
        )
    yield (
        "unicorn" in board.emulators and not (board.core.unicorn and uart.driver in UARTS),
        f"unicorn has no {board.core.name} with a UART {uart.driver!r}",
        "leave it out of the emulators",
    )
    yield (
        "qemu" in board.emulators and board.qemu is None,
        "qemu is an emulator, but there is no [qemu]",
        "add the table",
    )


@cache
def _parts(kind: str) -> set[str]:
    """The drivers of a kind that come with elegans."""
    return {path.stem.partition("_")[2] for path in FIRMWARE.glob(f"{kind}_*.c")}
