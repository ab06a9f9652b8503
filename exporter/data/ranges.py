"""Ranges of inputs and of elapsed time from a file: of ranges, or of what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elegans.exporter.data.sources import RUN, TABLES, data_files, table_of
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Range
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.storage.npz_arrays import load_arrays

_NAME, _ENDS = "name", ("lo", "hi")
_TIME = "dt"


@dataclass(frozen=True)
class FoundRanges:
    """What a file says of the signals of a model.

    ranges  by the names of inputs, and dt if it is there
    told    sentences about what was not as plain as that
    """

    ranges: Mapping[str, Range]
    told: tuple[str, ...] = ()


def ranges_from(path: Path, inputs: Sequence[str]) -> FoundRanges:
    """The ranges of a model with these inputs.

    A .csv or .parquet file with the columns name, lo and hi states them, for all inputs and
    optionally for dt. Any other file, or a folder, is data as `elegans run` takes them: each range
    goes from the least to the greatest value there. NaN and empty cells do not count. If no column
    of a table has the name of an input, and it has as many columns as there are inputs, beside
    dt and run, they are taken in their order.

    Raises `ElegansError` for what cannot be read, or leaves an input without a range.
    """
    reader = TABLES.get(path.suffix.lower())
    if reader is not None and not path.is_dir():
        table = reader(path, _ENDS, _NAME, missing=True)
        if {_NAME, *_ENDS} <= set(table.names):
            ends = zip(table.columns["lo"], table.columns["hi"], strict=True)
            stated = {n: (float(a), float(b)) for n, (a, b) in zip(table.keys, ends, strict=True)}
            absent = [name for name in inputs if name not in stated]
            if absent:
                fact = f"has no row for the input {absent[0]!r}"
                raise ElegansError(path, fact, f"give one for each of {', '.join(inputs):.200}")
            return FoundRanges({name: stated[name] for name in (*inputs, _TIME) if name in stated})
    return _recorded(path, inputs)


def ranges_of(
    place: str | Path, inputs: Sequence[str], columns: Iterable[tuple[str, Reals]]
) -> FoundRanges:
    """The ranges of a model with these inputs from the least to the greatest value of each column;
    several columns may have one name. NaN does not count.

    Raises `ElegansError` naming `place` for an input without a number.
    """
    told: list[str] = []
    seen: dict[str, list[Range]] = {}
    for name, values in columns:
        known = values[np.isfinite(values)]
        if known.size:
            seen.setdefault(name, []).append((float(known.min()), float(known.max())))
    found: dict[str, Range] = {}
    for name in (*inputs, _TIME):
        if name not in seen:
            if name != _TIME:
                raise ElegansError(place, f"has no number for the input {name!r}", "add some")
            continue
        lo, hi = min(lo for lo, _ in seen[name]), max(hi for _, hi in seen[name])
        if lo < hi:
            found[name] = lo, hi
        elif name == _TIME:
            told.append(f"dt is always {lo:g}; if it never changes, --dt {lo:g} folds it in")
        else:
            found[name] = (min(lo, 0.0), max(hi, 0.0)) if lo else (0.0, 1.0)
            told.append(
                f"{name} is always {lo:g}, and is taken as {found[name][0]:g}:{found[name][1]:g}; "
                f"if it changes, give --input-range {name}=LO:HI"
            )
    return FoundRanges(found, tuple(told))


def _recorded(path: Path, inputs: Sequence[str]) -> FoundRanges:
    told: list[str] = []
    columns = (pair for file in data_files(path) for pair in _columns(file, inputs, told))
    found = ranges_of(path, inputs, columns)
    return FoundRanges(found.ranges, tuple(dict.fromkeys((*told, *found.told))))


def _columns(file: Path, inputs: Sequence[str], told: list[str]) -> Iterator[tuple[str, Reals]]:
    """The values of each input, and of elapsed time, in one file."""
    reader = TABLES.get(file.suffix.lower())
    if reader is None:
        arrays = load_arrays(file, missing=True)
        x = arrays.get("x")
        if x is None or x.ndim not in (2, 3) or x.shape[-1] != len(inputs):
            shape = "no array 'x'" if x is None else f"x of the shape {x.shape}"
            remedy = f"save x [T, {len(inputs)}], or [N, T, {len(inputs)}]"
            raise ElegansError(file, f"holds {shape}", remedy)
        yield from ((name, x[..., i].astype(np.float64)) for i, name in enumerate(inputs))
        if _TIME in arrays:
            yield _TIME, arrays[_TIME].astype(np.float64)
        return
    key = None if RUN in inputs else RUN
    table = table_of(file, reader, {*inputs, _TIME}, inputs, key, missing=True)
    if not set(inputs) & set(table.names):
        others = [name for name in table.names if name not in (_TIME, RUN)]
        if len(others) != len(inputs):
            fact = f"has no column {inputs[0]!r}, and {len(others)} for {len(inputs)} inputs"
            remedy = "name the columns after the inputs: " + ", ".join(inputs)
            raise ElegansError(file, fact, remedy)
        pairs = ", ".join(f"{a} is {b}" for a, b in zip(inputs, others, strict=True))
        told.append(f"columns are taken in their order: {pairs}")
        table = reader(file, {*others, _TIME}, key, missing=True)
        yield from ((a, table.columns[b]) for a, b in zip(inputs, others, strict=True))
    else:
        yield from ((name, table.columns[name]) for name in inputs if name in table.columns)
    if _TIME in table.columns:
        yield _TIME, table.columns[_TIME]
