"""Reads board descriptors, which are TOML files.

Those of the boards that come with elegans lie in ``catalogue/``. A user's own board is described
by the same kind of file anywhere else, and named by its path.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any

from elegans.boards.descriptors.board import CATALOGUE, Board
from elegans.boards.descriptors.cores import CORES, Core
from elegans.boards.descriptors.rules import require_valid
from elegans.exporter.errors import ElegansError, WrongUseError


@cache
def boards() -> dict[str, Board]:
    """All boards of the catalogue, by name."""
    found = [read_board(path) for path in sorted(CATALOGUE.glob("*.toml"))]
    return {board.name: board for board in found}


def find_board(name: str) -> Board:
    """A board by its name, or by the path of its descriptor, which ends in ``.toml``.

    Raises `WrongUseError` for an unknown name, and as `read_board` does.
    """
    if name.endswith(".toml"):
        return read_board(Path(name))
    if name not in boards():
        known = ", ".join(boards())
        raise WrongUseError(name, "there is no board of this name", f"choose one of: {known}")
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
        raise WrongUseError(path, f"cannot be read ({reason})", "name a board or a file") from None
    except ValueError as error:
        raise ElegansError(path, f"is not TOML: {error}", "correct the file") from None
    board: Board = _record(Board, table, path, "")
    require_valid(board, path)
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
