"""Recordings: the inputs and elapsed times of runs, checked against what a model declares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir import conversion
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.storage.npz_arrays import MOST_VALUES, load_arrays

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Recording:
    """Recorded inputs of N runs of T steps.

    x   [N, T, inputs], in the inputs' units
    dt  [N, T], in the unit of elapsed time; zeros if the sample period is a constant
    """

    x: Reals
    dt: Reals

    @property
    def steps(self) -> int:
        """The number of steps of all runs, N * T."""
        return int(np.prod(self.x.shape[:2]))


def load_recording(path: Path, model: Model) -> Recording:
    """The recording in an .npz file.

    x   [T, inputs] or [N, T, inputs], in the inputs' units
    dt  [T] or [N, T], with a last axis of 1 or without; ignored if the sample period is constant

    Raises `ElegansError` for arrays that are missing, of another shape, or not finite, and for
    values outside of the declared ranges.
    """
    return recording_of(path, load_arrays(path), model)


def recording_of(
    path: object, arrays: Mapping[str, NDArray[np.generic]], model: Model
) -> Recording:
    """The recording in arrays of a file or a place in it, `path`; see `load_recording`."""
    if "x" not in arrays:
        raise ElegansError(
            path, "holds no array 'x'", "save x [T, inputs] and, if it varies, dt [T]"
        )
    given = arrays["x"].astype(np.float64)
    x = given[None] if given.ndim == 2 else given
    if x.ndim != 3 or x.shape[-1] != len(model.inputs) or not x.size:
        raise ElegansError(
            path,
            f"x has the shape {given.shape}",
            f"save x [T, {len(model.inputs)}], one row for each step",
        )
    most = MOST_VALUES // (len(model.inputs) + len(model.states) + len(model.outputs))
    if x.shape[0] * x.shape[1] > most:  # each step has so many results
        fact = f"has {x.shape[0] * x.shape[1]:,} steps, and {most:,} of this model is the most"
        raise ElegansError(path, fact, "split the recording")
    if model.dt is None:
        dt = np.zeros(x.shape[:2])
    elif "dt" in arrays:
        dt = arrays["dt"].astype(np.float64)
        if dt.shape not in (given.shape[:-1], (*given.shape[:-1], 1)):
            fact = f"dt has the shape {dt.shape}, x {given.shape}"
            raise ElegansError(path, fact, "save one dt for each row of x")
        dt = dt.reshape(x.shape[:2])
    else:
        raise ElegansError(path, "holds no 'dt'", "save the elapsed time of each step, dt [T]")
    for i, channel in enumerate(model.inputs):
        check_range(path, x[..., i], channel)
    if model.dt:
        check_range(path, dt, model.dt)
    return Recording(x, dt)


def check_range(place: object, values: Reals, channel: Channel) -> None:
    """Raise `ElegansError` if a value is outside of a channel's range by more than one unit.

    values  [..., T] in the channel's unit; the last index is the step
    """
    lo, hi = channel.range
    slack = channel.unit_step
    outside = (values < lo - slack) | (values > hi + slack)
    if np.any(outside):
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        # The ends are whole units of the format; as they were declared they have fewer digits.
        digits = math.floor(-math.log10(slack)) - 1
        ends = f"{round(lo, digits):g} to {round(hi, digits):g}"
        declared = f"{ends} {channel.shown_unit}".rstrip()
        raise ElegansError(
            f"{place}, {channel.name} at step {index[-1]}",
            f"{values[index]:g} lies outside the declared range {declared}",
            "give --clip to run and compare, or export the model with a wider range",
        )


def to_integers(recording: Recording, model: Model) -> tuple[Integers, Integers]:
    """The integers that the device receives: x [N, T, inputs] and dt [N, T].

    They are clamped to their channels' bounds.
    """
    x = conversion.to_integers(recording.x, model.inputs)
    if model.dt is None:
        return x, np.zeros(recording.dt.shape, np.int64)
    return x, model.dt.to_integers(recording.dt)
