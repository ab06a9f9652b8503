"""What is learned of the channels from the training part alone: means, spreads and ranges.

They become constants of the exported graph and the declared ranges in its metadata.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.missing import Values, filled
from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Interface, Signal, valid_name
from elegans.exporter.storage.column_names import c_names
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.data.series import DataSet

_MARGIN = 0.1
"""Of a channel's width: how far its declared range goes beyond the training part's values."""
_CLOCK = 0.1
"""The share by which steps may be shorter or longer than in the training part."""
_TARGET_MARGIN = 0.25
_FINEST = 2.0**-16
"""The least width of a channel, as a fraction of its largest value: 256 steps of float32."""


@dataclass(frozen=True, eq=False)
class Normalisation:
    """The units of a network with J inputs (values, masks, ages) and O outputs.

    centre, spread  [J]; an input becomes (x - centre) / spread
    fill            [I]: what stands for a channel before its first value, its mean
    masked          the channels with a mask and an age
    period          s: elapsed time is divided by it
    gain, offset    [O]: an output of the network, in [-1, 1] or about that, becomes gain y + offset
    signals         [J]: names, units and ranges
    dt              the range of elapsed time, s
    """

    centre: Values
    spread: Values
    fill: Values
    masked: tuple[int, ...]
    period: float
    gain: Values
    offset: Values
    signals: tuple[Signal, ...]
    dt: Signal

    def inputs(self, t: Values, x: Values) -> npt.NDArray[np.float32]:
        """The network's inputs [T, J] for x [T, I], clipped to their declared ranges."""
        low, high = np.array([signal.range for signal in self.signals]).T
        return clipped(filled(t, x, self.fill, self.masked), low, high)

    def elapsed(self, t: Values, before: float | None = None) -> npt.NDArray[np.float32]:
        """dt [T], s, in its declared range; `before` is the time before the first sample."""
        steps = np.diff(t, prepend=t[0] - (self.period if before is None else before))
        low, high = self.dt.range or (0.0, math.inf)
        return clipped(steps, np.array(low), np.array(high))

    def interface(self, name: str, data: DataSet) -> Interface:
        """The declaration that goes into the model's metadata."""
        goal = data.goal
        outputs = tuple(Signal(n, u) for n, u in zip(goal.outputs, goal.units, strict=True))
        return Interface(valid_name(name), self.signals, outputs, self.dt)


def clipped(values: Values, low: Values, high: Values) -> npt.NDArray[np.float32]:
    """Values in float32, none outside of [low, high]: rounding may not lead out, either."""
    inside = np.clip(values, low, high).astype(np.float32)
    above = inside.astype(np.float64) > high
    inside = np.where(above, np.nextafter(inside, np.float32(-np.inf)), inside)
    below = inside.astype(np.float64) < low
    return np.where(below, np.nextafter(inside, np.float32(np.inf)), inside)


def learn_normalisation(
    data: DataSet, training: Sequence[TimeSeries], augmentation: Augmentation
) -> Normalisation:
    """The statistics of the training part. Notes tell of channels that miss values or are constant.

    Raises ElegansError for a channel so far from zero that float32 loses its changes.
    """
    x = np.concatenate([one.x for one in training])
    seen = np.isfinite(x)
    masked = tuple(int(n) for n in np.flatnonzero(~seen.all(axis=0)))
    centre, spread, ranges = [], [], []
    for index, (name, unit) in enumerate(data.inputs):
        values = x[seen[:, index], index]
        if not len(values):
            data.notes.append(f"input {name}: the training part has no value; leave it out")
            values = np.zeros(1)
        mean, deviation = float(values.mean()), float(values.std())
        low, high = float(values.min()), float(values.max())
        if high - low < 1e-9 * max(1.0, abs(high)):
            data.notes.append(
                f"input {name}: is {low:g} {unit} in the whole training part, so it teaches "
                "nothing; leave it out of --inputs".replace("  ", " ")
            )
            deviation, low, high = 1.0, low - 0.5, high + 0.5
        if high - low < _FINEST * max(abs(low), abs(high)):
            raise ElegansError(
                f"input {name}",
                f"runs from {low:.9g} to {high:.9g}, which float32 hardly tells apart",
                "subtract an offset from it, in the data and on the device",
            )
        centre.append(mean)
        spread.append(deviation)
        ranges.append(outward(low - _MARGIN * (high - low), high + _MARGIN * (high - low)))
        if index in masked:
            share = 1.0 - len(values) / len(x)
            data.notes.append(
                f"input {name}: {share:.1%} of its values are missing; the network gets the last "
                "one, a mask and its age, as three inputs"
            )
    dt = _elapsed_range(training, data.period, augmentation)
    names = [name for name, _ in data.inputs]
    extra = [f"{names[n]}_{what}" for what in ("seen", "age") for n in masked]
    names = c_names([*names, *extra])
    units = [unit or "1" for _, unit in data.inputs]
    fill = np.array(centre)
    for _ in masked:
        centre.append(0.0)
        spread.append(1.0)
        ranges.append((0.0, 1.0))
        units.append("1")
    first_age = len(data.inputs) + len(masked)
    columns = np.concatenate([filled(one.t, one.x, fill, masked) for one in training])
    for column in columns.T[first_age:]:
        centre.append(0.0)
        spread.append(max(float(column.std()), data.period))
        ranges.append((0.0, max(2.0 * float(column.max()), 2.0 * data.period)))
        units.append("s")
    gain, offset = _targets(data, training)
    return Normalisation(
        centre=np.array(centre),
        spread=np.array(spread),
        fill=fill,
        masked=masked,
        period=data.period,
        gain=gain,
        offset=offset,
        signals=tuple(map(Signal, names, units, ranges)),
        dt=Signal("dt", "s", dt),
    )


def _elapsed_range(
    training: Sequence[TimeSeries], period: float, augmentation: Augmentation
) -> tuple[float, float]:
    """The shortest and the longest step to expect: those of the training part and a tenth more."""
    steps = np.concatenate([np.diff(one.t) for one in training] + [np.array([period])])
    clock = 1.0 + _CLOCK + augmentation.dt
    longest = float(steps.max()) + augmentation.lost_in_a_row * period
    shortest = float(steps.min()) * (1.0 - augmentation.jitter)
    return outward(shortest / clock, longest * clock, inward=True)


def _targets(data: DataSet, training: Sequence[TimeSeries]) -> tuple[Values, Values]:
    """Gain and offset of each output: motor neurons lie in [-1, 1], targets in their range."""
    goal = data.goal
    if goal.classifies:
        return np.ones(len(goal.outputs)), np.zeros(len(goal.outputs))
    y = np.concatenate([one.y for one in training])
    low, high = np.nanmin(y, axis=0), np.nanmax(y, axis=0)
    half = (1.0 + _TARGET_MARGIN) * (high - low) / 2.0
    for name, width in zip(goal.targets, half, strict=True):
        if not width > 0:
            data.notes.append(f"target {name}: is constant in the training part")
    return np.where(half > 0, half, 1.0), (low + high) / 2.0


def outward(low: float, high: float, inward: bool = False) -> tuple[float, float]:
    """The range rounded outward to three digits of its width.

    inward  whether the lower end is rounded to three digits of its own, so that it stays above 0
    """
    unit = 10.0 ** (math.floor(math.log10(high - low)) - 2)
    small = 10.0 ** (math.floor(math.log10(low)) - 2) if inward else unit
    digits = [max(0, -math.floor(math.log10(u))) for u in (small, unit)]
    lo = round(math.floor(low / small) * small, digits[0])
    hi = round(math.ceil(high / unit) * unit, digits[1])
    return (  # a quotient may be rounded to the whole number beside it
        lo if lo <= low else round(lo - small, digits[0]),
        hi if hi >= high else round(hi + unit, digits[1]),
    )
