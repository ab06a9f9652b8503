"""A journey: the road, fog, sensor noise and sampling times of a drive, drawn beforehand.

All of it is drawn from one seed, so that an expert, a network and a board can drive the same
road under the same conditions. The sensors are declared here. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Signal
from elegans.trainer.tasks.lane.road import Road, winding_road

Array = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

LOOK_AHEAD = (3.0, 8.0, 15.0, 24.0, 36.0)
"""Distances ahead at which the car sees the road's curvature, m."""
SENSORS = (
    Signal("lateral_error", "m", (-2.0, 2.0)),
    Signal("heading_error", "rad", (-0.5, 0.5)),
    Signal("speed", "m/s", (0.0, 20.0)),
    *(Signal(f"curvature_{d:.0f}m", "1/m", (-0.0625, 0.0625)) for d in LOOK_AHEAD),
)
DT_RANGE = (0.02, 0.1)
"""Shortest and longest time between samples, s."""
DT = Signal("dt", "s", DT_RANGE)

# Standard deviation of each sensor's noise, in its unit; curvature is less certain far ahead.
_NOISE = np.array([0.08, 0.012, 0.2, *(0.0012 + 0.0001 * d for d in LOOK_AHEAD)])
_CLEAR_SIGHT, _LEAST_SIGHT = 45.0, 4.0  # m
_TOP_SPEED = 20.0  # m/s


@dataclass(frozen=True, eq=False)
class Journey:
    """Everything random about a drive of T samples."""

    road: Road
    dt: Samples
    """[T], s: time since the previous sample."""
    sight: Array
    """[T], m: how far ahead the sensors see in the fog."""
    noise: Array
    """[T, I]: added to the sensors, in their units."""
    start: tuple[float, float]
    """Lateral and heading error at the start, m and rad."""
    haste: float = 1.0
    """How much faster than usual the car wants to go."""


def draw_journey(seconds: float, seed: int, *, fog: float = 0.7, noise: float = 1.0) -> Journey:
    """Draw a journey of `seconds`, above 0.

    fog    from 0 (clear) to 1 (banks in which only a few metres are seen)
    noise  factor of the sensors' usual noise, at least 0

    Raises ElegansError for values out of range.
    """
    if not (seconds > 0 and 0 <= fog <= 1 and noise >= 0):
        raise ElegansError(
            "drive",
            f"{seconds} s with fog {fog} and noise {noise}",
            "give seconds > 0, fog from 0 to 1 and noise >= 0",
        )
    random = np.random.default_rng(seed)
    road = winding_road(_TOP_SPEED * seconds + 100.0, random)
    start = (random.normal(0.0, 0.3), random.normal(0.0, 0.03))
    most = int(np.ceil(seconds / DT_RANGE[0]))
    # One sample in five comes late. Both ends stay inside DT_RANGE after rounding to float32.
    late = random.random(most) < 0.2
    dt = np.where(late, random.uniform(0.06, 0.099, most), random.uniform(0.021, 0.06, most))
    dt = dt[np.cumsum(dt) < seconds + DT_RANGE[1]].astype(np.float32)
    t = np.cumsum(dt.astype(np.float64))
    # Fog comes in banks: two slow sine waves, clipped so that there is clear air in between.
    phase, period = random.uniform(0.0, 2 * np.pi, 2), random.uniform(7.0, 19.0, 2)
    waves = np.sin(2 * np.pi * t[:, None] / period + phase).sum(axis=1)
    bank = np.clip(0.5 + 0.6 * waves, 0.0, 1.0)
    sight = np.maximum(_CLEAR_SIGHT * (1.0 - fog * bank), _LEAST_SIGHT)
    errors = noise * _NOISE * random.normal(size=(len(t), len(SENSORS)))
    return Journey(road, dt, sight, errors, start)
