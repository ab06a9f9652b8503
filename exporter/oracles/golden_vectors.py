"""Golden vectors: inputs, and every output and state that must come back, to the bit.

Corners come first, then seeded random runs, then the recording. A vector is one step: the
state before it is part of it, so runs of any length can be told apart by comparing it with
the state after the vector before.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import Integers, Reals, quantise
from elegans.exporter.oracles.reference import run

_SEED = 302
_CORNERS = 512
_RUNS, _RUN_LENGTH = 50, 100

CORNER, RANDOM, RECORDED = 0, 1, 2


@dataclass(frozen=True)
class Recording:
    """Real sensor values: x [N, T, I] in the inputs' units, dt [N, T] in dt's."""

    x: Reals
    dt: Reals

    @property
    def steps(self) -> int:
        return int(np.prod(self.x.shape[:2]))


def load_recording(path: Path, model: Model) -> Recording:
    """`x [T, I]` or `[N, T, I]` and optional `dt` of the same lengths, all inside their ranges."""
    arrays = load_arrays(path)
    if "x" not in arrays:
        raise ElegansError(path, "holds no array 'x'", "save x [T, I] and, if it varies, dt [T]")
    given = arrays["x"].astype(np.float64)
    x = given[None] if given.ndim == 2 else given
    if x.ndim != 3 or x.shape[-1] != len(model.inputs) or not x.size:
        raise ElegansError(
            path, f"x has the shape {given.shape}", f"save x [T, {len(model.inputs)}], a row a step"
        )
    if model.dt is None:
        dt = np.zeros(x.shape[:2])
    elif "dt" in arrays:
        dt = arrays["dt"].astype(np.float64)
        if dt.shape not in (given.shape[:-1], (*given.shape[:-1], 1)):
            fact = f"dt has the shape {dt.shape}, x {given.shape}"
            raise ElegansError(path, fact, "save one dt a row of x")
        dt = dt.reshape(x.shape[:2])
    else:
        raise ElegansError(path, "holds no 'dt'", "save the elapsed time of each step, dt [T]")
    for i, channel in enumerate(model.inputs):
        check_range(path, x[..., i], channel)
    if model.dt:
        check_range(path, dt, model.dt)
    return Recording(x, dt)


def load_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """The numeric arrays of an .npz file; never unpickles."""
    remedy = "give an .npz file of numbers, as numpy.savez writes it"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {name: np.asarray(data[name]) for name in data.files}
    except OSError as error:
        raise ElegansError(path, error.strerror or "cannot be read", remedy) from None
    except Exception:  # zipfile and numpy each have their own
        raise ElegansError(path, "is no .npz file of plain arrays", remedy) from None
    for name, array in arrays.items():
        place = f"{path}, array {name!r}"
        if array.dtype.kind not in "fiu":
            raise ElegansError(place, f"holds {array.dtype}, not numbers", remedy)
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            raise ElegansError(place, "is not all finite", "mend or leave out the NaN and infinity")
    return arrays


def check_range(place: object, values: Reals, channel: Channel) -> None:
    """Raise if a value lies outside a channel's range by more than its resolution."""
    lo, hi = channel.range
    slack = 2.0**-channel.frac
    outside = (values < lo - slack) | (values > hi + slack)
    if np.any(outside):
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        declared = f"{lo:g} to {hi:g} {channel.unit}".rstrip()
        raise ElegansError(
            f"{place}, {channel.name} at step {index[-1]}",
            f"{values[index]:g} lies outside the declared range {declared}",
            "clip the data, or export the model with a wider range",
        )


def to_integers(recording: Recording, model: Model) -> tuple[Integers, Integers]:
    """The integers that the device is given: x [N, T, I], dt [N, T]."""
    fracs = np.array([c.frac for c in model.inputs])
    x = _held(quantise(recording.x, fracs), model.inputs)
    if model.dt is None:
        return x, np.zeros(recording.dt.shape, np.int64)
    return x, _held(quantise(recording.dt, model.dt.frac)[..., None], (model.dt,))[..., 0]


def golden(model: Model, recording: Recording | None) -> dict[str, NDArray[np.generic]]:
    """x, dt, h, y, h_next (int16) and section (uint8), one row a vector."""
    rng = np.random.default_rng(_SEED)
    parts = [(CORNER, *_corners(model, rng)), (RANDOM, *_random(model, rng))]
    if recording is not None:
        parts.append((RECORDED, *_free_runs(model, *to_integers(recording, model))))
    columns = list(zip(*(rows for _, *rows in parts), strict=True))
    names = ("x", "dt", "h", "y", "h_next")
    arrays: dict[str, NDArray[np.generic]] = {
        name: np.concatenate(column).astype(np.int16)
        for name, column in zip(names, columns, strict=True)
    }
    sections = [np.full(len(rows[0]), section, np.uint8) for section, *rows in parts]
    return arrays | {"section": np.concatenate(sections)}


_Rows = tuple[Integers, Integers, Integers, Integers, Integers]


def _corners(model: Model, rng: np.random.Generator) -> _Rows:
    """Every mix of extreme inputs, times and states, also inputs that the clamp must hold."""
    x_levels = [*_levels(model.inputs), np.full(len(model.inputs), -(1 << 15))]
    x_levels.append(np.full(len(model.inputs), (1 << 15) - 1))
    dt_levels = _levels((model.dt,)) if model.dt else [np.zeros(1, np.int64)]
    h_levels = _levels(model.states)
    picks = list(itertools.product(x_levels, dt_levels, h_levels))
    lo, hi = _ends(model.inputs)
    h_lo, h_hi = _ends(model.states)
    while len(picks) < _CORNERS:  # each channel at one of its ends
        x = np.where(rng.integers(0, 2, lo.shape), hi, lo)
        h = np.where(rng.integers(0, 2, h_lo.shape), h_hi, h_lo)
        picks.append((x, dt_levels[int(rng.integers(len(dt_levels)))], h))
    x, dt, h = (np.stack(column) for column in zip(*picks, strict=True))
    result = run(model, x[None], dt[None, :, 0], h)
    return x, dt[:, 0], h, result.y[0], result.h_next[0]


def _random(model: Model, rng: np.random.Generator) -> _Rows:
    """Free runs of uniform noise over the whole input space."""
    lo, hi = _ends(model.inputs)
    x = rng.integers(lo, hi + 1, (_RUNS, _RUN_LENGTH, len(lo)))
    dt_lo, dt_hi = _ends((model.dt,)) if model.dt else (np.zeros(1, np.int64),) * 2
    return _free_runs(model, x, rng.integers(dt_lo[0], dt_hi[0] + 1, x.shape[:2]))


def _free_runs(model: Model, x: Integers, dt: Integers) -> _Rows:
    """Runs from rest, one after the other: x [N, T, I], dt [N, T]."""
    result = run(model, x.swapaxes(0, 1), dt.swapaxes(0, 1))
    y, h, h_next = (_rows(a.swapaxes(0, 1)) for a in (result.y, result.h, result.h_next))
    return _rows(x), dt.reshape(-1), h, y, h_next


def _rows(values: Integers) -> Integers:
    return values.reshape(-1, values.shape[-1])


def _levels(channels: tuple[Channel, ...]) -> list[Integers]:
    lo, hi = _ends(channels)
    return [lo, hi, np.clip(np.zeros_like(lo), lo, hi), (lo + hi) >> 1]


def _ends(channels: tuple[Channel, ...]) -> tuple[Integers, Integers]:
    return np.array([c.lo for c in channels]), np.array([c.hi for c in channels])


def _held(values: Integers, channels: tuple[Channel, ...]) -> Integers:
    lo, hi = _ends(channels)
    held: Integers = np.clip(values, lo, hi)
    return held
