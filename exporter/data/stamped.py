"""The user's series by their time stamps, read as `elegans train` reads what it learns from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from elegans.exporter.data.recordings.missing import filled
from elegans.exporter.data.recordings.read_columns import Column, Columns, read_columns
from elegans.exporter.data.recordings.time_series import (
    Stamps,
    TimeSeries,
    Values,
    rows_of,
    stretches,
)
from elegans.exporter.data.recordings.time_stamps import UNITS
from elegans.exporter.data.sources import RawSeries, Wanted
from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.column_names import other_spellings


def read_stamped(
    path: Path, wanted: Wanted, stamps: Stamps, notes: list[str]
) -> tuple[list[RawSeries], bool]:
    """The series of a file or a folder, and whether it can hold several.

    Rows are sorted by their time stamps, and a step that is a gap begins a series; `notes` gets
    what was done. The elapsed time of a series' first step is the median of all steps. An input
    `temp` with inputs `temp_seen` and `temp_age`, which are no columns, may be missing in places:
    these two say so, as the network has learned it.

    Raises `WrongUseError` for a column that is not there, and `ElegansError` for what cannot be
    read.
    """
    columns = read_columns(path)
    rows = rows_of(columns, stamps, notes)
    inputs = [channel.name for channel in wanted.model.inputs]
    called = {name: c for c, name in other_spellings(inputs, [*columns.values]).items()}
    called |= {name: name for name in inputs if name in columns.values}
    masked = [n for n in inputs if n in called and _mask(n) <= {*inputs} - {*called}]
    own = [n for n in inputs if not any(n in _mask(one) for one in masked)]
    absent = [name for name in own if name not in called]
    if absent:
        fact, remedy = f"has no column {absent[0]!r}", "name the columns after the inputs: "
        raise ElegansError(path, fact, remedy + ", ".join(own))
    may_miss = {*(own if wanted.missing else masked)}
    x = np.column_stack([_numbers(path, columns, called[n], n in may_miss) for n in own])
    words, labels = _labels(columns, wanted.label)
    whole = [TimeSeries(name, rows.t[own], x[own], labels[own]) for name, own in rows.recordings]
    cut = [one for one in stretches(whole, stamps.gap, rows.time, notes) if len(one)]
    steps = np.concatenate([np.diff(one.t) for one in cut])
    typical = float(np.median(steps)) if len(steps) else 0.0
    parts, seen = Counter(one.group for one in cut), Counter[str]()
    found = []
    for one in cut:
        name, count = one.group or path.stem, parts[one.group]
        if count > 1:
            name = f"{name}/{seen[one.group]}"
            seen[one.group] += 1
        arrays = {"x": _filled(one, own, masked, wanted)}
        if wanted.model.dt is not None:
            unit = UNITS.get(wanted.model.dt.unit, 1.0)
            arrays["dt"] = np.diff(one.t, prepend=one.t[0] - typical) / unit
        if wanted.label in columns.values:
            arrays[str(wanted.label)] = _as_written(words, one.y[:, 0])
        place = str(path) if len(cut) == 1 else f"{path}, {name:.60}"
        found.append(RawSeries(place, name, arrays, tuple(columns.values)))
    return found, len(rows.recordings) > 1 or len(cut) > 1


def _mask(name: str) -> set[str]:
    """The inputs that say whether an input was there, and how long ago."""
    return {f"{name}_seen", f"{name}_age"}


def _filled(one: TimeSeries, own: list[str], masked: list[str], wanted: Wanted) -> Values:
    """The inputs [T, I] in the model's order: those of the file, and the masks and ages of those
    that may be missing. Before its first value such an input is the middle of its range."""
    if not masked:
        return one.x
    channels = {channel.name: channel for channel in wanted.model.inputs}
    fill = [sum(channels[n].range) / 2 if n in masked else np.nan for n in own]
    found = filled(one.t, one.x, np.array(fill), [own.index(n) for n in masked])
    for i, name in enumerate(own):
        if name not in masked:
            found[:, i] = one.x[:, i]  # --clip fills these, and counts them
    made = [*own, *(f"{n}_seen" for n in masked), *(f"{n}_age" for n in masked)]
    return found[:, [made.index(name) for name in channels]]


def _numbers(path: Path, columns: Columns, name: str, missing: bool) -> Column:
    values = columns.values[name]
    if values.dtype.kind == "U":
        remedy = "write numbers there, or export a model without this input"
        raise ElegansError(f"{path}, column {name!r:.40}", "holds text", remedy)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong) and not missing:
        fact, remedy = "is empty or not finite", "correct it, or give --clip to run and compare"
        raise ElegansError(f"{path}, column {name!r:.40}, row {wrong[0]}", fact, remedy)
    return values


def _labels(columns: Columns, label: str | None) -> tuple[Column | None, Column]:
    """The words of a column of text and their numbers [T, 1], or a column of numbers, as it is."""
    values = columns.values.get(label or "")
    if values is None:
        rows = len(next(iter(columns.values.values())))
        return None, np.full((rows, 1), np.nan)
    if values.dtype.kind != "U":
        return None, values[:, None]
    words, numbers = np.unique(values, return_inverse=True)
    return words, np.where(values == "", np.nan, numbers)[:, None]


def _as_written(words: Column | None, numbers: Column) -> Column:
    if words is None:
        return numbers
    known = np.isfinite(numbers)
    return np.where(known, words[np.where(known, numbers, 0).astype(int)], "")
