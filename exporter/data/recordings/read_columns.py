"""Columns of a CSV, Parquet or NPZ file, or of all such files in a folder, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.names import listed
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage.column_names import name_and_unit
from elegans.exporter.storage.csv_table import read_cells
from elegans.exporter.storage.npz_arrays import InputArrays
from elegans.exporter.storage.parquet_table import read_plain_columns
from elegans.exporter.storage.read_files import ARRAYS_FILE, read_input

Column = npt.NDArray[Any]
"""[T] of float64, where NaN is a missing value; or of str, where "" is one."""

SUFFIXES = (".csv", ".txt", ".parquet", ".npz")
FILE_COLUMN = "file"
"""The column that names the file of each row, for a folder."""
_MISSING = {"", "nan", "na", "n/a", "null", "none", "-", "?"}
_MOST_FILES = 4096
_LONGEST_TEXT = 256


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of equal length by name, their units, and where they are from."""

    source: str
    values: Mapping[str, Column]
    units: Mapping[str, str]

    def named(self, text: str, what: str) -> tuple[str, str]:
        """(name, unit) of the column that `text` names; a unit in `text` replaces the file's.

        Raises `WrongUseError`, with the names there are, for a column that is not there.
        """
        name, unit = name_and_unit(text)
        if text in self.values:
            name, unit = text, ""
        if name not in self.values:
            have = listed([*self.values], 12)
            raise WrongUseError(self.source, f"has no column {name!r} for {what}", f"it has {have}")
        return name, unit or self.units.get(name, "")


def read_columns(path: Path) -> Columns:
    """The columns of a file, or of all files of a folder, which must have the same columns.

    A folder gets a column `file` more, with the name of each row's file without its suffix.
    Raises `WrongUseError` for a path that is not there or is of another kind, and `ElegansError`
    for a file that cannot be read.
    """
    if path.is_dir():
        return _read_folder(path)
    read = {".csv": _read_csv, ".txt": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
    if path.suffix.lower() not in read:
        raise WrongUseError(
            path, "is no file or folder of data", f"give one of {', '.join(SUFFIXES)}, or a folder"
        )
    values: dict[str, Column] = {}
    units: dict[str, str] = {}
    for header, column in read[path.suffix.lower()](path).items():
        name, unit = name_and_unit(header)
        if name in values:  # "a [V]" beside "a [A]": their headers are their names
            name, unit = header, ""
        values[name] = column
        units[name] = unit
    return Columns(str(path), values, units)


def _read_folder(folder: Path) -> Columns:
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths or len(paths) > _MOST_FILES:
        raise WrongUseError(
            folder, f"holds {len(paths)} files of data", f"give 1 to {_MOST_FILES} of them"
        )
    tables = [read_columns(path) for path in paths]
    first = tables[0]
    for path, table in zip(paths, tables, strict=True):
        if set(table.values) != set(first.values):
            odd = sorted(set(table.values) ^ set(first.values))
            raise ElegansError(
                path,
                f"has other columns than {paths[0].name}: {listed(odd)}",
                "give all files the same columns",
            )
    files = [np.full(_length(t), p.stem) for p, t in zip(paths, tables, strict=True)]
    values = {name: _joined([t.values[name] for t in tables]) for name in first.values}
    return Columns(str(folder), {**values, FILE_COLUMN: np.concatenate(files)}, first.units)


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values.values())))


def _joined(parts: list[Column]) -> Column:
    """Parts of one column: text where one of them is text."""
    if any(part.dtype.kind == "U" for part in parts):
        parts = [p if p.dtype.kind == "U" else _as_text(p) for p in parts]
    return np.concatenate(parts)


def _as_text(column: Column) -> Column:
    return np.array(["" if value != value else f"{value:g}" for value in column.tolist()])


def column_of(cells: list[str], place: str) -> Column:
    """Cells as numbers if all of them are numbers or missing, else as text.

    Raises `ElegansError` for long texts: NumPy takes the room of the longest for each.
    """
    numbers = ["nan" if cell.lower() in _MISSING else cell for cell in cells]
    try:
        values = np.array([float(number) for number in numbers])
    except ValueError:
        longest = max(map(len, numbers))
        if longest > _LONGEST_TEXT:
            fact = f"holds a text of {longest:,} characters, and {_LONGEST_TEXT} is the most"
            raise ElegansError(place, fact, "leave the column out") from None
        return np.array(["" if number == "nan" else number for number in numbers])
    return np.where(np.isfinite(values), values, np.nan)


def _read_csv(path: Path) -> dict[str, Column]:
    return {
        name: column_of(cells, f"{path}, {name:.40}") for name, cells in read_cells(path).items()
    }


def _read_parquet(path: Path) -> dict[str, Column]:
    columns = read_plain_columns(path).items()
    return {
        name: column_of(column, f"{path}, {name:.40}")
        if isinstance(column, list)
        else _plain(path, name, column)
        for name, column in columns
    }


def _plain(path: Path, name: str, column: Column) -> Column:
    """A column of numbers, dates, booleans or text as a `Column`."""
    if column.ndim == 1 and column.dtype.kind == "M":
        seconds = column.astype("datetime64[ns]").astype(np.int64) / 1e9
        return np.where(np.isnat(column), np.nan, seconds)
    if column.ndim == 1 and column.dtype.kind in "iuf":
        values = column.astype(np.float64)
        return np.where(np.isfinite(values), values, np.nan)
    if name == FILE_COLUMN and column.dtype.kind == "U":
        return column
    if column.ndim == 1 and column.dtype.kind in "bOU":
        texts = ["" if v is None or v != v else str(v) for v in column.tolist()]
        return column_of(texts, f"{path}, {name:.40}")
    raise ElegansError(
        f"{path}, {name}",
        f"has shape {list(column.shape)} of {column.dtype}",
        "give columns of numbers, text or time stamps",
    )


def _read_npz(path: Path) -> dict[str, Column]:
    """Arrays [T] as columns; or x [N, T, I] with others of [N, T] or [N], as N recordings.

    x [T, I] or [N, T, I] gives columns x0, x1, ...; N recordings also a column `file`.
    """
    content = read_input(path, ARRAYS_FILE, "give an .npz file")
    arrays = {name: np.asarray(a) for name, a in InputArrays(path, content, missing=True).items()}
    x = arrays.pop("x", None)
    if x is None:
        columns = arrays
    elif x.ndim not in (2, 3):
        raise ElegansError(path, f"x has shape {list(x.shape)}", "give [T, I] or [N, T, I]")
    else:
        steps = x.shape[:-1]
        columns = {f"x{i}": x[..., i].reshape(-1) for i in range(x.shape[-1])}
        for name, array in arrays.items():
            if array.shape not in (steps, steps[:1]):
                raise ElegansError(
                    f"{path}, {name}",
                    f"has shape {list(array.shape)}, and x {list(x.shape)}",
                    f"give {list(steps)}",
                )
            rows = array.reshape(*array.shape, *[1] * (len(steps) - array.ndim))
            columns[name] = np.broadcast_to(rows, steps).reshape(-1)
        if x.ndim == 3:
            numbers = [f"{n:0{len(str(len(x)))}d}" for n in range(len(x))]
            columns[FILE_COLUMN] = np.repeat(np.array(numbers), x.shape[1])
    lengths = {name: array.shape for name, array in columns.items()}
    if not columns or len(set(lengths.values())) != 1:
        raise ElegansError(
            path, f"its arrays have different shapes: {lengths}"[:200], "give one length to all"
        )
    return {name: _plain(path, name, array) for name, array in columns.items()}
