"""`--clip`: the user's own data made such as a model declares it, with a count of what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import Reals

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Changes:
    """How many values of each channel were outside and missing, of how many, in all series."""

    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def add(self, channel: Channel, outside: int, missing: int, of: int) -> None:
        """Count the values of one series."""
        before = self.counts.get(channel.name, (0, 0, 0))
        self.counts[channel.name] = (before[0] + outside, before[1] + missing, before[2] + of)

    def told(self, model: Model) -> list[str]:
        """A sentence for each channel that was changed."""
        channels = [*model.inputs, *([model.dt] if model.dt else [])]
        found = [_told(c, *self.counts[c.name]) for c in channels if c.name in self.counts]
        return [sentence for sentence in found if sentence]


def clipped(place: str, arrays: Arrays, model: Model, changes: Changes) -> Arrays:
    """The arrays of a series with x and dt inside of their ranges; `changes` counts what changed.

    A value outside becomes the nearest end of its range, as on the device. A missing value (NaN)
    becomes the one before it, and at the start of a series the one in the range that is nearest
    to zero. An array whose shape is wrong is left, for `recording_of` to refuse.

    Raises `ElegansError` for elapsed time that is missing, for which nothing can stand.
    """
    x = arrays["x"].astype(np.float64)
    for i, channel in enumerate(model.inputs):
        x[..., i], outside = _held(x[..., i], channel)
        x[..., i], missing = _filled(x[..., i], channel)
        changes.add(channel, outside, missing, x[..., i].size)
    changed: dict[str, NDArray[np.generic]] = {"x": x}
    if model.dt is not None and "dt" in arrays:
        dt = arrays["dt"].astype(np.float64)
        if np.isnan(dt).any():
            remedy = "give the time since the step before for each step"
            raise ElegansError(f"{place}, dt", "is missing in places", remedy)
        changed["dt"], outside = _held(dt, model.dt)
        changes.add(model.dt, outside, 0, dt.size)
    return {**arrays, **changed}


def _filled(values: Reals, channel: Channel) -> tuple[Reals, int]:
    """Values [..., T] without NaN, and how many there were."""
    missing = np.isnan(values)
    lo, hi = channel.range
    first = min(max(lo, 0.0), hi)
    padded = np.concatenate([np.full((*values.shape[:-1], 1), first), values], axis=-1)
    known = np.where(np.isnan(padded), 0, np.arange(padded.shape[-1]))
    filled = np.take_along_axis(padded, np.maximum.accumulate(known, axis=-1), axis=-1)
    return filled[..., 1:], int(missing.sum())


def _held(values: Reals, channel: Channel) -> tuple[Reals, int]:
    """Values inside of the range, and how many were outside by more than one unit of it."""
    lo, hi = channel.range
    slack = channel.unit_step
    return np.clip(values, lo, hi), int(((values < lo - slack) | (values > hi + slack)).sum())


def _told(channel: Channel, outside: int, missing: int, count: int) -> str:
    lo, hi = channel.range
    parts = []
    if outside:
        span = f"{lo:.4g} to {hi:.4g} {channel.shown_unit}".rstrip()
        parts.append(f"{outside:,} of {count:,} values clipped to {span}")
    if missing:
        parts.append(f"{missing:,} of {count:,} missing, each taken as the one before it")
    return f"{channel.name}: {'; '.join(parts)}" if parts else ""
