"""Where series of the user's data come from: a file of one or of many, or a folder of files."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.data.recordings.read_columns import Column, column_of
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.storage.column_names import other_spellings
from elegans.exporter.storage.csv_table import DataTable, read_csv
from elegans.exporter.storage.npz_arrays import MOST_VALUES, InputArrays, load_arrays
from elegans.exporter.storage.parquet_table import read_parquet

Arrays = Mapping[str, NDArray[np.generic]]

RUN = "run"
"""The column of a table by which its rows belong to series, if it has one."""
TABLES: dict[str, Callable[..., DataTable]] = {".csv": read_csv, ".parquet": read_parquet}
"""The readers of files with one row for each step, by the suffixes of their names."""

_SUFFIXES = (".npz", *TABLES)
_MOST_FILES = 1 << 16
_OWN = ("x", "dt", "h0", "lengths")


@dataclass(frozen=True, eq=False)
class RawSeries:
    """One series as the user has recorded it, not yet checked against a model.

    place   the file, and the series in it if it holds several: for errors
    name    of the series: that of its file, its text in the column `run`, or its number
    arrays  x [T, I], and dt [T] or [T, 1], h0 [H] and labels where they are there
    others  the names of what else there is
    """

    place: str
    name: str
    arrays: Arrays
    others: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """T."""
        return len(self.arrays["x"])


@dataclass(frozen=True)
class Wanted:
    """What is read of the user's data.

    model    whose inputs the columns of a table are named after
    label    the name of an array or a column to be read as well, or None
    missing  whether values may be missing: NaN, and empty cells, which become NaN
    apart    a file that is no data although it lies among them, or None
    """

    model: Model
    label: str | None = None
    missing: bool = False
    apart: Path | None = None

    @property
    def most_steps(self) -> int:
        """The most steps of all series together: each has so many inputs and results."""
        model = self.model
        return MOST_VALUES // (len(model.inputs) + len(model.states) + len(model.outputs))


def read_series(path: Path, wanted: Wanted) -> tuple[list[RawSeries], bool]:
    """The series of a file or a folder, and whether it can hold several.

    A .npz file has x [T, I] of one series, or x [N, T, I] of N, of which the first `lengths` [N]
    steps count if it has such an array; dt [T] or [N, T], and h0 [H] or [N, H]. A .csv or .parquet
    file has one row for each step: a column for each input, by its name, one for `dt`, and any
    others. If it has a column `run`, rows with equal texts there, one after the other, are one
    series. In a folder each of these files holds one series or several; they are taken in the
    order of their names.

    Raises `ElegansError` for what cannot be read, or is more than `Wanted.most_steps`.
    """
    files = data_files(path, wanted.apart)
    if files == [path]:
        found, several = _of_file(path, wanted)
        return _bounded(path, found, wanted), several
    series: list[RawSeries] = []
    for file in files:
        found, several = _of_file(file, wanted)
        names = [f"{file.stem}/{one.name}" if several else one.name for one in found]
        series += [
            RawSeries(one.place, name, one.arrays, one.others)
            for one, name in zip(found, names, strict=True)
        ]
        _bounded(path, series, wanted)
    return series, True


def data_files(folder: Path, apart: Path | None = None) -> list[Path]:
    """The files with data in a folder, in the order of their names, without `apart`; or, of what is
    no folder, itself. Raises `ElegansError` for a folder without one."""
    if not folder.is_dir():
        return [folder]
    try:
        files = sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES)
    except OSError as error:
        raise WrongUseError(folder, f"cannot be read ({error.strerror})", "give another") from None
    hidden = apart and apart.resolve()
    files = [f for f in files if not f.name.startswith(".") and f.resolve() != hidden]
    if not files:
        raise WrongUseError(folder, "holds no data", f"give files {', '.join(_SUFFIXES)}")
    if len(files) > _MOST_FILES:
        fact = f"holds {len(files):,} files, and {_MOST_FILES:,} is the most"
        raise ElegansError(folder, fact, "give several folders")
    return files


def _bounded(path: Path, series: list[RawSeries], wanted: Wanted) -> list[RawSeries]:
    steps, longest = sum(one.steps for one in series), max(one.steps for one in series)
    if max(steps, longest * len(series)) > wanted.most_steps:
        of = f", the longest of {longest:,} steps" if len(series) > 1 else ""
        fact = f"has {len(series):,} series{of}" if of else f"has {steps:,} steps"
        remedy = f"split the data: {wanted.most_steps:,} steps of this model is the most"
        raise ElegansError(path, fact, remedy)
    return series


def _of_file(path: Path, wanted: Wanted) -> tuple[list[RawSeries], bool]:
    reader = TABLES.get(path.suffix.lower())
    return _of_arrays(path, wanted) if reader is None else _of_table(path, reader, wanted)


def _of_table(
    path: Path, reader: Callable[..., DataTable], wanted: Wanted
) -> tuple[list[RawSeries], bool]:
    inputs = [c.name for c in wanted.model.inputs]
    key = None if RUN in inputs else RUN
    table = table_of(path, reader, {*inputs, "dt"}, inputs, key, wanted.missing)
    absent = [name for name in inputs if name not in table.columns]
    if absent:
        fact, remedy = f"has no column {absent[0]!r}", "name the columns after the inputs: "
        raise ElegansError(path, fact, remedy + ", ".join(inputs))
    time = wanted.model.dt
    if time is not None and "dt" not in table.columns:
        remedy = f"add it: the {time.unit or 'time'} from the row before to this one; or give "
        remedy += "--time to run and compare"
        raise ElegansError(path, "has no column 'dt'", remedy)
    arrays: dict[str, NDArray[Any]] = {
        "x": np.stack([table.columns[name] for name in inputs], axis=-1)
    }
    if "dt" in table.columns:
        arrays["dt"] = table.columns["dt"]
    label = wanted.label
    if label in table.names:
        arrays[str(label)] = classes_of(path, reader, str(label))
    others = tuple(n for n in table.names if n not in (*inputs, "dt", key))
    if not table.keys:
        return [RawSeries(str(path), path.stem, arrays, others)], False
    series, at = [], 0
    for name, rows in itertools.groupby(table.keys):
        rest = at + len(list(rows))
        place = f"{path}, run {name!r:.40}"
        part = {n: values[at:rest] for n, values in arrays.items()}
        series.append(RawSeries(place, name, part, others))
        at = rest
    return series, True


def classes_of(path: Path, reader: Callable[..., DataTable], name: str) -> Column:
    """A column of classes: numbers, or the names of classes as text."""
    return column_of(list(reader(path, (), name).keys), f"{path}, column {name!r:.40}")


def table_of(
    path: Path,
    reader: Callable[..., DataTable],
    read: Collection[str],
    inputs: Sequence[str],
    key: str | None,
    missing: bool,
) -> DataTable:
    """A table with the columns `read`, of which those of inputs may also have the names that C does
    not take: the input `heart_rate` is the column `heart rate [bpm]`."""
    table = reader(path, read, key, missing)
    called = other_spellings(inputs, table.names)
    if not called:
        return table
    table = reader(path, {*read, *called}, key, missing)
    columns = {called.get(name, name): values for name, values in table.columns.items()}
    return DataTable(tuple(called.get(n, n) for n in table.names), columns, table.keys)


def _of_arrays(path: Path, wanted: Wanted) -> tuple[list[RawSeries], bool]:
    arrays = load_arrays(path, missing=wanted.missing)
    if "lengths" in arrays and not wanted.missing:  # NaN may fill what is no step
        arrays = load_arrays(path, missing=True)
    others = tuple(name for name in arrays if name not in _OWN)
    read = [n for n in ("x", "dt", "h0", wanted.label) if n and n in arrays]
    if "x" not in arrays:
        remedy = "save x [T, inputs] and, if it varies, dt [T]"
        raise ElegansError(path, "holds no array 'x'", remedy)
    x = arrays["x"]
    if x.ndim not in (2, 3) or x.shape[-1] != len(wanted.model.inputs) or not x.size:
        remedy = f"save x [T, {len(wanted.model.inputs)}], one row for each step, or [N, T, ...]"
        raise ElegansError(path, f"x has the shape {x.shape}", remedy)
    if x.ndim == 2:
        return [RawSeries(str(path), path.stem, {n: arrays[n] for n in read}, others)], False
    lengths = _lengths(path, arrays)
    series = []
    for i, length in enumerate(lengths):
        part = {n: _part(n, arrays[n], i, x.shape[:2], length) for n in read}
        if not wanted.missing:
            _require_finite(f"{path}, series {i}", part)
        series.append(RawSeries(f"{path}, series {i}", str(i), part, others))
    return series, True


def _part(
    name: str, values: NDArray[np.generic], i: int, shape: tuple[int, ...], length: int
) -> NDArray[np.generic]:
    """What belongs to series `i` of an array of a batch [N, T]; all of it if there is no batch."""
    if values.shape[:1] != shape[:1] or (name == "h0" and values.ndim == 1):
        return values
    return values[i, :length] if values.shape[1:2] == shape[1:2] and name != "h0" else values[i]


def _lengths(path: Path, arrays: InputArrays) -> list[int]:
    runs, steps = arrays["x"].shape[:2]
    if "lengths" not in arrays:
        return [steps] * runs
    lengths = arrays["lengths"].astype(np.float64)
    if lengths.shape not in ((runs,), (runs, 1)):
        fact = f"lengths has the shape {lengths.shape}, x {arrays['x'].shape}"
        raise ElegansError(path, fact, "save the number of steps of each series, [N]")
    wrong = ~((lengths >= 1) & (lengths <= steps) & (lengths == np.round(lengths)))
    if wrong.any():
        fact = f"holds {lengths[wrong][0]:g}, and the series have 1 to {steps} steps"
        raise ElegansError(f"{path}, array 'lengths'", fact, "correct it")
    return [int(length) for length in lengths.ravel()]


def _require_finite(place: str, part: Arrays) -> None:
    for name, values in part.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            remedy = "replace NaN and infinity, or give --clip to run and compare"
            raise ElegansError(f"{place}, array {name!r}", "is not all finite", remedy)
