"""The energy of each step in a trace: current, voltage, and a pin that is high during a step."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.read_files import SOURCE_FILE, read_input

COLUMNS = ("time", "current", "voltage", "mark")
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """Samples [N]: time in s, which increases; current in A; voltage in V; mark, above one half
    while a step runs. Each sample holds until the next one."""

    time: Reals
    current: Reals
    voltage: Reals
    mark: Reals


@dataclass(frozen=True)
class StepEnergies:
    """Of each of the N complete steps of a trace: seconds [N] and joules [N], everything counted
    that the supply gave meanwhile."""

    seconds: Reals
    joules: Reals


def read_trace(path: Path) -> Trace:
    """Read a CSV file whose first line names the columns `COLUMNS`, in any order and among others.

    Raises `ElegansError` for a file without them, or with anything but numbers in them."""
    remedy = f"export the columns {', '.join(COLUMNS)} in s, A, V and 0 or 1"
    text = read_input(path, SOURCE_FILE, remedy).decode("utf-8", errors="replace")
    rows = list(csv.DictReader(io.StringIO(text)))
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise ElegansError(path, f"has no column {missing[0]!r}", remedy)
    try:
        columns = [np.array([float(row[name]) for row in rows]) for name in COLUMNS]
    except (TypeError, ValueError) as error:
        raise ElegansError(path, f"has a value that is no number ({error})", remedy) from None
    trace = Trace(*columns)
    if not np.isfinite(np.stack(columns)).all() or not (np.diff(trace.time) > 0).all():
        raise ElegansError(path, "has times that do not increase, or values that are none", remedy)
    return trace


def steps_of(trace: Trace, place: object) -> StepEnergies:
    """The steps from a rising edge of the mark to the falling edge after it.

    Raises `ElegansError` at ``place`` if there is none."""
    high = trace.mark > 0.5
    rises = np.flatnonzero(~high[:-1] & high[1:]) + 1
    falls = np.flatnonzero(high[:-1] & ~high[1:]) + 1
    falls = falls[np.searchsorted(falls, rises[0]) :] if len(rises) else falls
    count = min(len(rises), len(falls))
    if count == 0:
        fact = "has no step: the mark does not rise and fall"
        raise ElegansError(place, fact, "add [mark] to the descriptor, and connect its pin")
    spans = np.diff(trace.time, append=trace.time[-1])
    spent = np.concatenate([[0.0], np.cumsum(spans * trace.current * trace.voltage)])
    first, last = rises[:count], falls[:count]
    return StepEnergies(trace.time[last] - trace.time[first], spent[last] - spent[first])
