"""Recordings: time stamps, inputs with missing values, targets; from columns or from arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.trainer.data.goal import Goal, encoded, infer_goal, shifted
from elegans.trainer.data.read_columns import FILE_COLUMN, Columns
from elegans.trainer.data.time_stamps import (
    Seconds,
    StampCounts,
    gap_limit,
    in_order,
    pieces,
    seconds_of,
)

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """A stretch of one recording, without gaps.

    group  the recording that it belongs to
    t      [T], s, strictly ascending
    x      [T, I], in the channels' units; NaN is a missing value
    y      [T, O]: numbers, or the index of a class with O = 1; NaN is a missing one
    """

    group: str
    t: Seconds
    x: Values
    y: Values

    def __len__(self) -> int:
        return len(self.t)

    def part(self, begin: int, end: int) -> TimeSeries:
        """The samples from `begin` to before `end`."""
        rows = slice(begin, end)
        return replace(self, t=self.t[rows], x=self.x[rows], y=self.y[rows])


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


def from_columns(columns: Columns, choice: Choice) -> DataSet:
    """The recordings in a table. Raises ElegansError where they cannot be made of it."""
    notes: list[str] = []
    period = _number(choice.time)
    taken = {columns.named(text, "--target")[0] for text in choice.targets}
    group = choice.group
    if group is None and FILE_COLUMN in columns.values:
        group = FILE_COLUMN
        notes.append("groups: each file is a recording")
    taken |= {group} if group else set()
    if period is None:
        time, unit = columns.named(choice.time, "--time")
        taken.add(time)
        t = seconds_of(columns.values[time], time, unit, notes)
    else:
        time, t = "period", np.empty(0)
    inputs = _inputs(columns, choice, taken, notes)
    targets = [columns.named(text, "--target") for text in choice.targets]
    groups = _groups(columns, group, notes)
    rows_of = [np.flatnonzero(groups[1] == index) for index in range(len(groups[0]))]
    if period is not None:
        t = np.empty(len(groups[1]))
        for rows in rows_of:
            t[rows] = np.arange(len(rows)) * period
    first = columns.values[targets[0][0]]
    goal = infer_goal(
        [(name, unit, columns.values[name]) for name, unit in targets],
        [first[rows] for rows in rows_of],
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
    whole = [
        TimeSeries(name, t[rows], x[rows], y[rows])
        for name, rows in zip(groups[0], rows_of, strict=True)
    ]
    data = DataSet(columns.source, (), tuple(inputs), goal, 1.0, notes)
    return cleaned(whole, data, choice.gap, time)


def cleaned(whole: Sequence[TimeSeries], data: DataSet, gap: float | None, time: str) -> DataSet:
    """`data` with the recordings `whole`, sorted, merged and cut at steps longer than `gap` s.

    Raises ElegansError if fewer than two samples are left.
    """
    counts, ordered = StampCounts(), []
    for one in whole:
        rows = in_order(one.t, counts)
        kept = replace(one, t=one.t[rows], x=one.x[rows], y=one.y[rows])
        ordered.append(_merged(kept, counts))
    steps = np.concatenate([np.diff(one.t) for one in ordered] or [np.empty(0)])
    if not len(steps):
        raise ElegansError(
            f"time {time}", "no recording has two time stamps", "give a column of time stamps"
        )
    limit = gap_limit(steps) if gap is None else gap
    cut = [one.part(p.start, p.stop) for one in ordered for p in pieces(one.t, limit, counts)]
    counts.tell(time, data.notes)
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


def _number(text: str) -> float | None:
    """`text` as a period in s, or None if it is no number. Raises `WrongUseError` below 0."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not 0 < value < float("inf"):
        raise WrongUseError("--time", f"a period of {text} s", "give one above 0")
    return value


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


def _groups(
    columns: Columns, group: str | None, notes: list[str]
) -> tuple[list[str], npt.NDArray[np.intp]]:
    """The recordings in the order of their first row, and the one of each row [T]."""
    rows = len(next(iter(columns.values.values())))
    if group is None:
        return [""], np.zeros(rows, np.intp)
    name, _ = columns.named(group, "--group")
    values = columns.values[name]
    text = values if values.dtype.kind == "U" else np.array([f"{v:g}" for v in values.tolist()])
    names, first, place = np.unique(text, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    if set(names.tolist()) & {"", "nan"}:
        notes.append(f"groups: rows without a {name} are one recording")
    return [str(names[k]) for k in order], rank[place]


def _merged(one: TimeSeries, counts: StampCounts) -> TimeSeries:
    """Rows of one time stamp as one row: of each column the last value that is not missing."""
    new = np.concatenate([[True], np.diff(one.t) > 0])[: len(one)]
    starts, group = np.flatnonzero(new), np.cumsum(new) - 1
    if len(starts) == len(one):
        return one
    counts.repeated += len(one) - len(starts)

    def last(values: Values) -> Values:
        merged = np.full((len(starts), values.shape[1]), np.nan)
        for column in range(values.shape[1]):
            known = np.isfinite(values[:, column])
            merged[group[known], column] = values[known, column]  # the last one stays
        return merged

    return replace(one, t=one.t[starts], x=last(one.x), y=last(one.y))
