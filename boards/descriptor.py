"""What a board is: a TOML file beside this module, read into frozen dataclasses.

A board of the user's own is the same file anywhere else, named by its path.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from elegans.boards.core import CORES, Core
from elegans.exporter.errors import ElegansError

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Region:
    """A stretch of address space, in bytes."""

    origin: int
    bytes: int


@dataclass(frozen=True)
class Memory:
    """Where code and data go. ``stack`` bytes are kept free at the end of the data."""

    flash: Region
    ram: Region
    stack: int


@dataclass(frozen=True)
class Uart:
    """``driver`` names ``firmware_templates/uart_<driver>.c``; ``irq`` is the receive interrupt."""

    driver: str
    base: int
    irq: int
    clock_hz: int
    baud: int


@dataclass(frozen=True)
class Counter:
    """What ticks are: ``hz`` is the rate on the board, whatever an emulator makes of it."""

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
class Board:
    """A board. ``emulators`` are those that can stand in for it, the preferred one first;
    ``path`` is the descriptor that it was read from."""

    name: str
    title: str
    core: Core
    emulators: tuple[str, ...]
    memory: Memory
    uart: Uart
    counter: Counter
    link: Line
    qemu: Qemu | None = None
    path: Path | None = None


@cache
def boards() -> dict[str, Board]:
    """Every board that comes with elegans, by name."""
    known = [read_board(path) for path in sorted(_HERE.glob("*.toml"))]
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
    if kind is Core:
        if value not in CORES:
            known = ", ".join(CORES)
            raise ElegansError(place, f"{key} = {value!r} is no core", f"choose one of: {known}")
        return CORES[str(value)]
    if kind == Qemu | None:
        kind = Qemu
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _record(kind, value, place, key + ".")
    if kind == tuple[str, ...] and isinstance(value, list):
        return tuple(str(item) for item in value)
    if kind in (int, str) and type(value) is kind:
        return value
    wanted = {int: "an integer", str: "a string"}.get(kind, "a table or a list")
    raise ElegansError(place, f"{key} = {value!r} is not {wanted}", "correct it")


def _require_sense(board: Board, place: Path) -> None:
    # The name becomes a folder, a C string and bytes on the wire.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", board.name):
        fact = f"name = {board.name!r} cannot name a folder"
        raise ElegansError(place, fact, "use up to 40 of A-Z, a-z, 0-9, '.', '_' and '-'")
    if unknown := [name for name in board.emulators if name not in ("unicorn", "qemu")]:
        fact = f"emulators has {unknown[0]!r}, which is not known"
        raise ElegansError(place, fact, "choose of: unicorn, qemu")
    if not board.link.credit or board.link.credit & (board.link.credit - 1):
        fact = f"link.credit = {board.link.credit} is no power of two"
        raise ElegansError(place, fact, "the receive ring needs one")
    if max(board.link.credit, board.link.max_frame) > 0xFFFF:
        raise ElegansError(place, "link sizes are 16 bits wide", "stay below 65536")
    if board.uart.clock_hz < 16 * board.uart.baud:
        fact = f"uart.baud = {board.uart.baud} is too fast for {board.uart.clock_hz} Hz"
        raise ElegansError(place, fact, "divide the clock by 16 or more")
    if board.counter.kind != "systick":
        fact = f"counter.kind = {board.counter.kind!r} is not known"
        raise ElegansError(place, fact, "the firmware counts with systick")
    if "unicorn" in board.emulators and not (board.core.unicorn and board.uart.driver == "cmsdk"):
        fact = f"unicorn has no {board.core.name} with a UART {board.uart.driver!r}"
        raise ElegansError(place, fact, "leave it out of the emulators")
    if "qemu" in board.emulators and board.qemu is None:
        raise ElegansError(place, "qemu is an emulator, but there is no [qemu]", "add the table")
