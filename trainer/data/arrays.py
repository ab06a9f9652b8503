"""Recordings from arrays in memory, as `Trainer.fit(X, y, t)` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.time_series import TimeSeries, Values
from elegans.exporter.errors import WrongUseError
from elegans.trainer.data.goal import Goal, encoded, infer_goal
from elegans.trainer.data.series import DataSet, cleaned

Array = npt.NDArray[Any]
Time = float | Sequence[Any] | Array | None


def from_arrays(
    x: Sequence[Any] | Array,
    y: Sequence[Any] | Array,
    t: Time = None,
    *,
    groups: Sequence[object] | None = None,
    inputs: Sequence[tuple[str, str]] | None = None,
    targets: Sequence[tuple[str, str]] | None = None,
    kind: str | None = None,
    forecast: int | None = None,
    gap: float | None = None,
    goal: Goal | None = None,
) -> DataSet:
    """N recordings.

    x        [N, T, I], or a list of N arrays [T, I], or [T, I] for one; NaN is a missing value
    y        for each recording: [T], [T, O], or one class. Numbers or text
    t        time stamps in s, for each recording [T]; one number: the period of regular samples;
             None: a period of 1 s
    groups   the name of each recording; two of one name are in the same part of a split
    inputs   (name, unit) of each channel; default: x0, x1, ...
    targets  (name, unit) of each target; default: y, or y0, y1, ...
    kind, forecast, gap  as in `data.series.Choice`
    goal     of a network that is evaluated on these recordings; None to infer it

    Raises ElegansError for shapes that do not fit together.
    """
    xs = _recordings(x, 2, "X")
    count = len(xs)
    given = list(y)
    ys = [np.asarray(given)] if len(given) != count or (count == 1 and _is_steps(y, xs)) else given
    if len(ys) != count:
        raise WrongUseError("fit, y", f"has {len(given)} entries", f"give one for each of {count}")
    pairs = zip(ys, xs, strict=True)
    columns = [_targets(value, len(one), k) for k, (value, one) in enumerate(pairs)]
    widths = {one.shape[1] for one in xs}, {one.shape[1] for one in columns}
    if any(len(width) != 1 for width in widths):
        raise WrongUseError(
            "fit", "recordings have different numbers of channels or targets", "give all the same"
        )
    channels, outputs = widths[0].pop(), widths[1].pop()
    names = list(inputs or [(f"x{n}", "") for n in range(channels)])
    wanted = list(targets or [(f"y{n}" if outputs > 1 else "y", "") for n in range(outputs)])
    if len(names) != channels or len(wanted) != outputs:
        raise WrongUseError(
            "fit",
            f"{len(names)} inputs and {len(wanted)} targets are named",
            f"name {channels} and {outputs}",
        )
    notes: list[str] = []
    goal = goal or infer_goal(
        [(n, u, np.concatenate([one[:, k] for one in columns])) for k, (n, u) in enumerate(wanted)],
        [one[:, 0] for one in columns],
        [name for name, _ in names],
        kind,
        forecast,
        notes,
    )
    labels = [str(name) for name in groups] if groups is not None else _numbered(count)
    if len(labels) != count:
        raise WrongUseError("fit, groups", f"has {len(labels)} names", f"give {count}")
    times = _times(t, [len(one) for one in xs])
    series = [
        TimeSeries(label, stamps, values, encode_targets(column, goal))
        for label, stamps, values, column in zip(labels, times, xs, columns, strict=True)
    ]
    return cleaned(series, DataSet("arrays", (), tuple(names), goal, 1.0, notes), gap, "t")


def encode_targets(column: Array, goal: Goal) -> npt.NDArray[np.float64]:
    """Targets [T, O] as numbers: classes as their indices."""
    if goal.classifies:
        return encoded(column[:, 0], goal)[:, None]
    return column.astype(np.float64)


def _numbered(count: int) -> list[str]:
    return [f"{n:0{len(str(count))}d}" for n in range(count)] if count > 1 else [""]


def _recordings(x: Sequence[Any] | Array, dims: int, name: str) -> list[Values]:
    try:
        if isinstance(x, np.ndarray) and x.ndim == dims:
            x = [x]
        arrays: list[Values] = [np.asarray(one, np.float64) for one in x]
    except (TypeError, ValueError) as error:
        raise WrongUseError(f"fit, {name}", f"is no array of numbers ({error!s:.60})", "") from None
    wrong = [a.shape for a in arrays if a.ndim != dims or not a.size]
    if wrong or not arrays:
        fact = f"holds an array of shape {list(wrong[0])}" if wrong else "is empty"
        raise WrongUseError(f"fit, {name}", fact, "give a list of [T, I], or [N, T, I]")
    return [_finite(one) for one in arrays]


def _finite(values: Values) -> Values:
    finite: Values = np.where(np.isfinite(values), values, np.nan)
    return finite


def _is_steps(y: Sequence[Any] | Array, xs: Sequence[Array]) -> bool:
    """Whether y of one recording is its steps themselves, [T] or [T, O]."""
    return np.ndim(y[0]) == 0 and len(y) == len(xs[0]) and len(xs[0]) > 1


def _targets(value: Any, steps: int, index: int) -> Array:
    """Targets of one recording as [T, O], of float64 or text."""
    array = np.asarray(value)
    if array.ndim == 0:
        array = np.repeat(array[None], steps)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or len(array) != steps:
        raise WrongUseError(
            f"fit, y of recording {index}",
            f"has shape {list(np.shape(value))}",
            f"give one class, or [{steps}] or [{steps}, O]",
        )
    return array if array.dtype.kind == "U" else array.astype(np.float64)


def _times(t: Time, lengths: Sequence[int]) -> list[Values]:
    if t is None or isinstance(t, int | float):
        period = 1.0 if t is None else float(t)
        if not 0 < period < float("inf"):
            raise WrongUseError("fit, t", f"a period of {period} s", "give one above 0")
        return [_stamps(np.arange(length) * period) for length in lengths]
    one = np.ndim(t[0]) == 0
    stamps: list[Values] = list(map(_stamps, [t] if one else t))
    if [len(value) for value in stamps] != list(lengths):
        raise WrongUseError(
            "fit, t", "has other lengths than X", "give one time stamp for each sample"
        )
    return stamps


def _stamps(value: Any) -> Values:
    stamps: Values = np.asarray(value, np.float64)
    return stamps
