"""Recordings in a table by their time stamps: sorted, merged, and cut at gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.read_columns import FILE_COLUMN, Columns
from elegans.exporter.data.recordings.time_stamps import (
    Seconds,
    StampCounts,
    gap_limit,
    in_order,
    pieces,
    seconds_of,
)
from elegans.exporter.errors import ElegansError, WrongUseError

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


@dataclass(frozen=True)
class Stamps:
    """Which columns say when a row was recorded, and to which recording it belongs.

    time   a column of time stamps, or a number: the period of regular samples, s
    group  a column that tells recordings apart; None for the file, in a folder
    gap    s: a longer step cuts a recording; None for a limit from the data
    """

    time: str
    group: str | None = None
    gap: float | None = None


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table by recording.

    taken       the columns of time stamps and of groups
    time        the name of the column of time stamps, or "period"
    t           [T] of all rows, s; NaN if missing
    recordings  (name, rows) of each
    """

    taken: set[str]
    time: str
    t: Seconds
    recordings: Sequence[tuple[str, npt.NDArray[np.intp]]]


def rows_of(columns: Columns, stamps: Stamps, notes: list[str]) -> Rows:
    """The recordings of a table. What was inferred is a note. Raises `WrongUseError` for a column
    that is not there, and ElegansError for stamps that are none."""
    period, group = _number(stamps.time), stamps.group
    if group is None and FILE_COLUMN in columns.values:
        group = FILE_COLUMN
        notes.append("groups: each file is a recording")
    taken = {group} if group else set()
    names, place = _groups(columns, group, notes)
    recordings = [(name, np.flatnonzero(place == index)) for index, name in enumerate(names)]
    if period is None:
        time, unit = columns.named(stamps.time, "--time")
        t = seconds_of(columns.values[time], time, unit, notes)
        return Rows({*taken, time}, time, t, recordings)
    t = np.empty(len(place))
    for _, rows in recordings:
        t[rows] = np.arange(len(rows)) * period
    return Rows(taken, "period", t, recordings)


def stretches(
    whole: Sequence[TimeSeries], gap: float | None, time: str, notes: list[str]
) -> list[TimeSeries]:
    """The recordings, sorted, merged and cut at steps longer than `gap` s, which is told.

    Raises ElegansError where no recording has two time stamps.
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
    counts.tell(time, notes)
    return cut


def _number(text: str) -> float | None:
    """`text` as a period in s, or None if it is no number. Raises `WrongUseError` below 0."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not 0 < value < float("inf"):
        raise WrongUseError("--time", f"a period of {text} s", "give one above 0")
    return value


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
