"""Disturbances of what a network gets to see, by name and strength; strength 0 changes nothing.

A `SensorEffect` is drawn once for a run of samples. A closed loop applies it sample by sample, and
a recording is disturbed as a whole (`disturbed`), by the same rules.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.time_series import TimeSeries

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NONE = "none"
"""The condition in which nothing is disturbed."""
DISTURBANCES: dict[str, str] = {
    "noise": "noise on every value, in spreads of its sensor",
    "fog": "how much of the signal a bank of fog takes away",
    "dropout": "share of the values that are lost; the sensor's mean stands for each",
    "bias": "a constant offset of each sensor, in spreads",
    "drift": "an offset that grows until the end of the run, in spreads",
    "delay": "values come late, by so many samples",
    "slow clock": "share by which the elapsed time that the network is told is too short",
    "jitter": "times of sampling move, by a share of the step beside them",
    "gaps": "every 60 samples on average so many in a row never come",
}
"""The disturbances that every task has, and the unit of their strengths."""
STRENGTHS: dict[str, tuple[float, ...]] = {
    "noise": (0.5, 1.0, 2.0),
    "fog": (0.3, 0.6, 0.9),
    "dropout": (0.1, 0.2, 0.4),
    "bias": (0.25, 0.5, 1.0),
    "drift": (0.5, 1.0, 2.0),
    "delay": (1.0, 2.0, 4.0),
    "slow clock": (0.2, 0.5, 0.8),
    "jitter": (0.3, 0.6, 0.9),
    "gaps": (3.0, 6.0, 12.0),
}
_BETWEEN_GAPS = 60
_FOG_PERIOD = (150, 400)  # samples


@dataclass(frozen=True, eq=False)
class SensorEffect:
    """What happens to a run of T samples of I sensors.

    shift   [T, I], added to the values, in spreads of their sensors
    fade    [T, I], 0 to 1: the share of the way to the sensor's mean that a value has gone
    absent  [T], samples that never come
    delay   samples by which values come late
    clock   the elapsed time that the network is told, as a factor of the true one
    move    [T], by which share of the step beside it a time of sampling moves, -0.5 to 0.5
    """

    shift: Values
    fade: Values
    absent: Flags
    delay: int = 0
    clock: float = 1.0
    move: Values | None = None


def no_effect(samples: int, sensors: int) -> SensorEffect:
    """The effect that changes nothing."""
    zeros = np.zeros((samples, sensors))
    return SensorEffect(zeros, zeros, np.zeros(samples, bool))


def effect(name: str, strength: float, samples: int, sensors: int, place: int) -> SensorEffect:
    """Draw a disturbance of `DISTURBANCES`.

    place  of the run among those of a test. The random numbers depend on it and on `name` alone:
           they are the same at every strength and for every network
    """
    none = no_effect(samples, sensors)
    if not strength:
        return none
    random = random_of(name, place)
    shape = (samples, sensors)
    if name == "noise":
        return replace(none, shift=strength * random.standard_normal(shape))
    if name == "fog":
        return replace(none, fade=np.broadcast_to(strength * _banks(samples, random), shape))
    if name == "dropout":
        return replace(none, fade=(random.random(shape) < strength).astype(np.float64))
    if name in ("bias", "drift"):
        sign = random.choice([-1.0, 1.0], sensors)
        growth = 1.0 if name == "bias" else np.linspace(0.0, 1.0, samples)[:, None]
        return replace(none, shift=np.broadcast_to(strength * sign * growth, shape))
    if name == "delay":
        return replace(none, delay=round(strength))
    if name == "slow clock":
        return replace(none, clock=1.0 - strength)
    if name == "jitter":
        return replace(none, move=strength * (random.random(samples) - 0.5))
    return replace(none, absent=_gaps(samples, round(strength), random))


def lost(share: float, samples: int, place: int) -> Flags:
    """[samples], True for the share of samples that never come, drawn one by one; the first does.

    The draws are the same at every share, so what is lost at a low share is lost at a higher one.
    """
    flags = random_of("lost", place).random(samples) < share
    flags[:1] = False
    return flags


def random_of(name: str, place: int) -> np.random.Generator:
    """The random numbers of a disturbance in one run of a test."""
    return np.random.default_rng([zlib.crc32(name.encode()), place])


def disturbed(one: TimeSeries, what: SensorEffect, centre: Values, spread: Values) -> TimeSeries:
    """A recording under an effect; targets keep their samples.

    centre, spread  [I] of the sensors. A series that would lose all of its samples keeps its first
    """
    x, t = one.x, one.t
    if what.move is not None and len(t) > 2:
        moved = moved_times(t, what.move)
        known = np.where(np.isfinite(x), x, 0.0)
        read = np.column_stack([np.interp(moved, t, column) for column in known.T])
        x, t = np.where(np.isfinite(x), read, np.nan), moved
    x = x + what.shift * spread
    x = x + what.fade * (centre - x)
    if what.delay:
        rows = np.maximum(np.arange(len(x)) - what.delay, 0)
        x = x[rows]
    if what.clock != 1.0:
        t = t[0] + what.clock * (t - t[0])
    kept = ~what.absent
    kept[:1] |= not kept.any()
    return replace(one, t=t[kept], x=x[kept], y=one.y[kept])


def moved_times(t: Values, move: Values) -> Values:
    """Times [T], each moved by a share [T] of the shorter step beside it: their order stays."""
    steps = np.diff(t)
    room = np.minimum(np.append(steps, steps[-1]), np.insert(steps, 0, steps[0]))
    return np.asarray(t + move * room)


def _banks(samples: int, random: np.random.Generator) -> Values:
    """[T, 1], 0 to 1: banks of fog, two slow sine waves cut off below and above."""
    phase = random.uniform(0.0, 2 * np.pi, 2)
    period = random.uniform(*_FOG_PERIOD, 2)
    k = np.arange(samples)[:, None]
    waves = np.sin(2 * np.pi * k / period + phase).sum(axis=1)
    return np.asarray(np.clip(0.5 + 0.6 * waves, 0.0, 1.0)[:, None])


def _gaps(samples: int, length: int, random: np.random.Generator) -> Flags:
    """[T], True inside the gaps; each begins at a random place of its own 60 samples."""
    absent = np.zeros(samples, bool)
    for start in range(0, samples, _BETWEEN_GAPS):
        begin = start + 1 + int(random.integers(0, max(_BETWEEN_GAPS - length - 1, 1)))
        absent[begin : begin + length] = True
    return absent
