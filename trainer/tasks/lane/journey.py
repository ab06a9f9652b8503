"""What a car can sense, and all that chance decides about a drive before it starts.

Road, fog, sensor noise and sampling times are drawn from one seed, so that an expert, a
network and a board can be put on the very same road. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.trainer.onnx_out.signals import Signal
from elegans.trainer.tasks.lane.road import Road, winding_road

Array = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

LOOK_AHEAD = (3.0, 8.0, 15.0, 24.0, 36.0)
"""Distances in metres at which the car looks at the road's curvature."""
SENSORS = (
    Signal("lateral_error", "m", -2.0, 2.0),
    Signal("heading_error", "rad", -0.5, 0.5),
    Signal("speed", "m/s", 0.0, 20.0),
    *(Signal(f"curvature_{d:.0f}m", "1/m", -0.0625, 0.0625) for d in LOOK_AHEAD),
)
DT = Signal("dt", "s", 0.02, 0.1)

_NOISE = np.array([0.08, 0.012, 0.2, *(0.0012 + 0.0001 * d for d in LOOK_AHEAD)])
_CLEAR_SIGHT, _LEAST_SIGHT = 45.0, 4.0
_TOP_SPEED = 20.0


@dataclass(frozen=True, eq=False)
class Journey:
    """All that chance decides about a drive, drawn before it starts."""

    road: Road
    dt: Samples
    """[T], s: time since the sample before."""
    sight: Array
    """[T], m: how far the fog lets one see."""
    noise: Array
    """[T, I], added to the sensors."""
    start: tuple[float, float]
    """Lateral and heading error at the start, m and rad."""


def journey(seconds: float, seed: int, *, fog: float = 0.7, noise: float = 1.0) -> Journey:
    """Draw road, weather, sensor noise and sampling times for a drive of `seconds`."""
    if not (seconds > 0 and 0 <= fog <= 1 and noise >= 0):
        raise ElegansError(
            "drive",
            f"{seconds} s with fog {fog} and noise {noise}",
            "give seconds > 0, fog from 0 to 1 and noise >= 0",
        )
    random = np.random.default_rng(seed)
    road = winding_road(_TOP_SPEED * seconds + 100.0, random)
    start = (random.normal(0.0, 0.3), random.normal(0.0, 0.03))
    most = int(np.ceil(seconds / DT.low))
    # One sample in five comes late; both ends keep clear of the declared range's.
    late = random.random(most) < 0.2
    dt = np.where(late, random.uniform(0.06, 0.099, most), random.uniform(0.021, 0.06, most))
    dt = dt[np.cumsum(dt) < seconds + DT.high].astype(np.float32)
    t = np.cumsum(dt.astype(np.float64))
    # Fog comes in banks: two slow waves out of step, clipped so that some air is clear.
    phase, period = random.uniform(0.0, 2 * np.pi, 2), random.uniform(7.0, 19.0, 2)
    waves = np.sin(2 * np.pi * t[:, None] / period + phase).sum(axis=1)
    bank = np.clip(0.5 + 0.6 * waves, 0.0, 1.0)
    sight = np.maximum(_CLEAR_SIGHT * (1.0 - fog * bank), _LEAST_SIGHT)
    errors = noise * _NOISE * random.normal(size=(len(t), len(SENSORS)))
    return Journey(road, dt, sight, errors, start)
