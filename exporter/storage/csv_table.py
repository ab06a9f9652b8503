"""Tables of a .csv file that is not trusted, read row by row within bounds."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.npz_arrays import MOST_VALUES
from elegans.exporter.storage.read_files import TABLE_FILE, read_input

_MOST_ROWS = 1 << 22  # of which Python reads 200,000 a second
_SMALLER = "give an .npz file, or split the data"
_LONGEST_ROW = 1 << 17  # characters of one row, on however many lines
_MOST_CELLS = 1 << 23  # of a table that is kept as text, about 80 bytes each


@dataclass(frozen=True, eq=False)
class DataTable:
    """Columns of a file of T rows.

    names    of all its columns, also of those that were not asked for
    columns  [T] by name, those that were asked for
    keys     the texts of the column by which rows belong together; () if it is not there
    """

    names: tuple[str, ...]
    columns: dict[str, NDArray[np.float64]]
    keys: tuple[str, ...] = ()


def read_csv(
    path: Path,
    wanted: Collection[str] | None = None,
    key: str | None = None,
    missing: bool = False,
) -> DataTable:
    """The columns of a .csv file, which its first row names.

    wanted   the names of those to be read, if they are there; None for all
    key      the name of the column whose cells may be any text
    missing  whether cells may be empty, which stands for NaN, or not finite

    Raises `ElegansError` naming the line that has no finite number where there should be one.
    """
    rows = _rows(path, read_input(path, TABLE_FILE, "give a .csv file with a header"))
    names = tuple(_header(path, rows))
    read = [i for i, name in enumerate(names) if name != key and (wanted is None or name in wanted)]
    values, keys, count = array("d"), [], 0
    at = names.index(key) if key in names else None
    for number, row in rows:
        if len(row) != len(names):
            fact = f"has {len(row)} cells, and the header {len(names)}: {','.join(row):.60}"
            raise ElegansError(f"{path}, line {number}", fact, "correct or remove the row")
        values.extend(_number(path, number, names[i], row[i], missing) for i in read)
        count += 1
        if at is not None:
            keys.append(row[at].strip())
        if len(values) > MOST_VALUES:
            raise ElegansError(path, f"has more than {MOST_VALUES:,} numbers", _SMALLER)
    if not count or len(set(names)) < len(names):
        fact = "names two columns alike" if count else "holds no rows below a header"
        raise ElegansError(path, fact, "give a header of names, and one row for each step")
    table = np.frombuffer(values, np.float64).reshape(count, len(read)) if values else None
    columns = {} if table is None else {names[i]: table[:, n] for n, i in enumerate(read)}
    return DataTable(names, columns, tuple(keys))


def read_cells(path: Path) -> dict[str, list[str]]:
    """The columns [T] of a .csv file as text without spaces around it, by their names.

    Where each row has one cell more than the header, the first is the row's name, as R writes
    it, and is left out. Raises `ElegansError` for a row of another length than the header, two
    columns of one name, no row at all, or too many cells.
    """
    rows = _rows(path, read_input(path, TABLE_FILE, "give a .csv file with a header"))
    names = _header(path, rows)
    table: list[list[str]] = []
    first = 0
    for number, row in rows:
        if not table:
            first = int(len(row) == len(names) + 1)
        if len(row) != len(names) + first:
            raise ElegansError(
                f"{path}, line {number}",
                f"has {len(row)} cells, and the header {len(names)} names",
                "correct or remove the row; cells are separated by commas",
            )
        table.append([cell.strip() for cell in row[first:]])
        if len(table) * len(names) > _MOST_CELLS:
            raise ElegansError(path, f"has more than {_MOST_CELLS:,} cells", _SMALLER)
    if not table or len(set(names)) < len(names) or "" in names:
        fact = "has a column without a name, or two of one name" if table else "has a header only"
        raise ElegansError(path, fact, "give a header of names, and one row for each sample")
    return dict(zip(names, map(list, zip(*table, strict=True)), strict=True))


def _header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The names of the columns, from the first of the rows."""
    _, header = next(rows, (0, []))
    names = [name.strip() for name in header]
    if len(names) == 1 and any(other in names[0] for other in ";\t"):
        fact = f"its header has no comma: {names[0]:.60}"
        raise ElegansError(path, fact, "separate cells by commas, and write decimals with a point")
    return names


def _rows(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their numbers from 1."""
    lines = _Lines(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))
    try:
        for number, row in enumerate(csv.reader(lines), 1):
            lines.length = 0
            if number > _MOST_ROWS:
                raise ElegansError(path, f"has more than {_MOST_ROWS:,} rows", _SMALLER)
            if row:
                yield number, row
    except (csv.Error, UnicodeDecodeError) as error:
        remedy = "save it as plain text in UTF-8, with commas"
        raise ElegansError(path, f"is not a .csv file ({error!s:.80})", remedy) from None


class _Lines:
    """The lines of a text; csv.Error for a row that is longer than `_LONGEST_ROW`.

    length  of the lines since it was set to 0
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(_LONGEST_ROW + 1):
            self.length += len(line)
            if self.length > _LONGEST_ROW:
                raise csv.Error(f"a row of more than {_LONGEST_ROW} characters")
            yield line


def _number(path: Path, line: int, name: str, cell: str, missing: bool) -> float:
    text = cell.strip()
    place = f"{path}, line {line}, column {name!r:.40}"
    try:
        value = float(text or "nan")
    except ValueError:
        fact = f"{text:.40} is not a number"
        raise ElegansError(place, fact, "write a number there") from None
    if not missing and not math.isfinite(value):
        fact = f"{text:.40} is not a finite number" if text else "is empty"
        raise ElegansError(place, fact, "correct it, or give --clip to run and compare")
    return value
