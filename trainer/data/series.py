"""Recordings: time stamps, inputs with missing values, targets; from columns or from arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.read_columns import Columns
from elegans.exporter.data.recordings.time_series import (
    Stamps,
    TimeSeries,
    rows_of,
    stretches,
)
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.trainer.data.goal import Goal, encoded, infer_goal, shifted


@dataclass(frozen=True, eq=False)
class DataSet:
    """All recordings, what their channels are called, and what is to be learned.

    inputs  (name, unit) of each channel, as the data write them
    period  the typical time between two samples, s: the median
    notes   what was found and done, one line each
    """

    source: str
    series: Sequence[TimeSeries]
    inputs: tuple[tuple[str, str], ...]
    goal: Goal
    period: float
    notes: list[str] = field(default_factory=list)

    @property
    def groups(self) -> list[str]:
        """The recordings, in the order of their first appearance."""
        return list(dict.fromkeys(one.group for one in self.series))

    @property
    def digest(self) -> str:
        """SHA-256 of all numbers: equal data, equal digest."""
        sums = hashlib.sha256(repr((self.inputs, self.goal)).encode())
        for one in self.series:
            sums.update(one.group.encode())
            for values in (one.t, one.x, one.y):
                sums.update(np.ascontiguousarray(values).tobytes())
        return sums.hexdigest()


@dataclass(frozen=True)
class Choice:
    """Which columns are what.

    time      a column of time stamps, or a number: the period of regular samples, s
    inputs    columns; () for all columns of numbers that are nothing else
    targets   columns
    group     a column that tells recordings apart, or None
    kind      one of `goal.KINDS`, or None to infer it
    forecast  steps ahead, or None
    gap       s: a longer step cuts a recording; None for a limit from the data
    """

    time: str
    targets: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    group: str | None = None
    kind: str | None = None
    forecast: int | None = None
    gap: float | None = None

    @property
    def stamps(self) -> Stamps:
        """What of it tells recordings apart and orders their rows."""
        return Stamps(self.time, self.group, self.gap)


def from_columns(columns: Columns, choice: Choice) -> DataSet:
    """The recordings in a table. Raises ElegansError where they cannot be made of it."""
    notes: list[str] = []
    taken = {columns.named(text, "--target")[0] for text in choice.targets}
    rows = rows_of(columns, choice.stamps, notes)
    inputs = _inputs(columns, choice, taken | rows.taken, notes)
    targets = [columns.named(text, "--target") for text in choice.targets]
    first = columns.values[targets[0][0]]
    goal = infer_goal(
        [(name, unit, columns.values[name]) for name, unit in targets],
        [first[own] for _, own in rows.recordings],
        [name for name, _ in inputs],
        choice.kind,
        choice.forecast,
        notes,
    )
    x = np.column_stack([columns.values[name] for name, _ in inputs])
    y = (
        encoded(first, goal)[:, None]
        if goal.classifies
        else np.column_stack([columns.values[name] for name, _ in targets])
    )
    whole = [TimeSeries(name, rows.t[own], x[own], y[own]) for name, own in rows.recordings]
    data = DataSet(columns.source, (), tuple(inputs), goal, 1.0, notes)
    return cleaned(whole, data, choice.gap, rows.time)


def cleaned(whole: Sequence[TimeSeries], data: DataSet, gap: float | None, time: str) -> DataSet:
    """`data` with the recordings `whole`, sorted, merged and cut at steps longer than `gap` s.

    Raises ElegansError if fewer than two samples are left.
    """
    cut = stretches(whole, gap, time, data.notes)
    long = [one for one in cut if len(one) > 1 + data.goal.steps]
    if len(long) < len(cut):
        short = sum(len(one) for one in cut) - sum(len(one) for one in long)
        data.notes.append(
            f"recordings: {len(cut) - len(long)} stretches are too short and left out "
            f"({short} rows)"
        )
    if not long:
        raise ElegansError(
            "recordings", "none is long enough", "give longer ones, or a larger --gap"
        )
    if data.goal.whole and len(long) > len({one.group for one in long}):
        # A class belongs to a recording as a whole; each stretch of it is one.
        data.notes.append("task: each stretch between two gaps gets a decision of its own")
    kept_steps = np.concatenate([np.diff(one.t) for one in long])
    return replace(data, series=long, period=float(np.median(kept_steps)))


def in_part(one: TimeSeries, goal: Goal) -> TimeSeries:
    """A stretch after the split, with the targets that belong to each sample."""
    return replace(one, y=shifted(one.y, goal))


def _inputs(
    columns: Columns, choice: Choice, taken: set[str], notes: list[str]
) -> list[tuple[str, str]]:
    if choice.inputs:
        found = [columns.named(text, "--inputs") for text in choice.inputs]
        if len({name for name, _ in found}) < len(found):
            raise WrongUseError("--inputs", "names a column twice", "name each once")
    else:
        found = [
            (name, columns.units.get(name, ""))
            for name, values in columns.values.items()
            if name not in taken and values.dtype.kind != "U"
        ]
        if choice.forecast is not None or choice.kind == "forecasting":
            found = [columns.named(text, "--target") for text in choice.targets] + found
        if found:
            names = ", ".join(name for name, _ in found)
            notes.append(f"inputs: {names}, all columns of numbers; --inputs chooses")
    for name, _ in found:
        values: npt.NDArray[Any] = columns.values[name]
        if values.dtype.kind == "U":
            row, cell = next((k, v) for k, v in enumerate(values.tolist()) if not _is_number(v))
            raise ElegansError(
                f"input {name}, row {row + 1}",
                f"{cell!r:.40} is not a number",
                "correct it, or choose other columns with --inputs",
            )
        if not np.isfinite(values).any():
            raise ElegansError(f"input {name}", "all its values are missing", "leave it out")
    if not found:
        raise WrongUseError("--inputs", "no column of numbers is left", "name the inputs")
    return found


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
