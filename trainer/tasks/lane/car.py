"""The car: a kinematic bicycle whose steering lags, in road coordinates.

Arc length s along the road, lateral error e to the left of it, heading error p; a driver
of its own keeps the speed comfortable. Many cars at once; pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elegans.trainer.tasks.lane.journey import LOOK_AHEAD, SENSORS, Array, Journey, Samples
from elegans.trainer.tasks.lane.road import SPACING

MAX_STEERING = 0.35
"""rad, either way"""

_WHEELBASE, _LAG, _RAIL = 2.7, 0.1, 6.0
_SUBSTEPS = 5
_LOW = np.array([signal.low for signal in SENSORS])
_HIGH = np.array([signal.high for signal in SENSORS])
_HERE, _SEEN = np.zeros(1), np.array(LOOK_AHEAD)
_DRIVEN = np.concatenate([_HERE, _SEEN])


class Cars:
    """The state of B cars, each on its own road."""

    def __init__(self, journeys: Sequence[Journey]) -> None:
        self._journeys = journeys
        points = min(len(trip.road.curvature) for trip in journeys)
        self._curvature = np.stack([trip.road.curvature[:points] for trip in journeys])
        self._row = np.arange(len(journeys))[:, None]
        self.lateral, self._heading = np.array([trip.start for trip in journeys]).T.copy()
        self.arc = np.full(len(journeys), 10.0)
        self._speed = np.full(len(journeys), 10.0)
        self._wheel = np.zeros(len(journeys))

    def curvature(self, ahead: Array) -> Array:
        """The road's curvature [B, D] at distances [D] or [B, D] ahead, m -> 1/m."""
        place = (self.arc[:, None] + ahead) / SPACING
        below = place.astype(np.intp)
        here, there = self._curvature[self._row, below], self._curvature[self._row, below + 1]
        return np.asarray(here + (place - below) * (there - here))

    def sense(self, k: int) -> Samples:
        """Sensors [B, I]: noisy, blind beyond the fog, clipped into their ranges."""
        sight = np.array([trip.sight[k] for trip in self._journeys])
        noise = np.array([trip.noise[k] for trip in self._journeys])
        road = self.curvature(_SEEN)
        x = np.column_stack([self.lateral, self._heading, self._speed, road]) + noise
        x[:, 3:][sight[:, None] < _SEEN] = 0.0
        return np.asarray(np.clip(x, _LOW, _HIGH), dtype=np.float32)

    def expert(self) -> Array:
        """Stanley's law on the true errors, with the bend ahead fed forward."""
        bend = np.arctan(_WHEELBASE * self.curvature(1.5 * _LAG * self._speed[:, None])[:, 0])
        back = -0.8 * self._heading - np.arctan(0.9 * self.lateral / (self._speed + 1.0))
        return np.asarray(np.clip(bend + back, -MAX_STEERING, MAX_STEERING))

    def move(self, command: Array, dt: Array) -> None:
        """Hold `command` for dt; the driver slows for bends so that they stay comfortable."""
        tightest = np.abs(self.curvature(_DRIVEN)).max(axis=1)
        wanted = np.clip(np.sqrt(3.0 / np.maximum(tightest, 1e-3)), 5.0, 17.0)
        step = dt / _SUBSTEPS
        for _ in range(_SUBSTEPS):
            bend = self.curvature(_HERE)[:, 0]
            self._wheel += (command - self._wheel) * (1.0 - np.exp(-step / _LAG))
            self._speed += step * np.clip(wanted - self._speed, -4.0, 2.0)
            way = step * self._speed
            along = way * np.cos(self._heading) / (1.0 - self.lateral * bend)
            self.lateral = self.lateral + way * np.sin(self._heading)
            self._heading += way * np.tan(self._wheel) / _WHEELBASE - bend * along
            self.arc += np.maximum(along, 0.0)
            # A rail beside the road: a lost car scrapes along it and stays in the world.
            self.lateral = np.clip(self.lateral, -_RAIL, _RAIL)
            self._heading = np.clip(self._heading, -1.2, 1.2)
